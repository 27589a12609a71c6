-- A secret is decrypted for whoever needs it: for N tenants, each look at one of them decrypted those of all.

-- As before; with `names` no others than these, which a tenant's row has to refer to all the same.
create or replace function public.agentctl_tenant_secrets(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    wanted text[] := array(
        select distinct substr(given.value, length('vault:') + 1)
        from agentctl.tenants t
        cross join jsonb_each_text(to_jsonb(t) - array['tenant', 'workspace_of', 'updated_at']) given
        where given.value like 'vault:%'
            and (args->'names' is null or args->'names' ? substr(given.value, length('vault:') + 1))
    );
    secrets jsonb;
begin
    if to_regclass('vault.decrypted_secrets') is null then
        return jsonb_build_object('vault', false, 'secrets', jsonb_build_object());
    end if;
    execute 'select coalesce(jsonb_object_agg(s.name, s.decrypted_secret), ''{}'')
        from vault.decrypted_secrets s where s.name = any ($1)' into secrets using wanted;
    return jsonb_build_object('vault', true, 'secrets', secrets);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000100', 'agentctl_asked_secrets');
