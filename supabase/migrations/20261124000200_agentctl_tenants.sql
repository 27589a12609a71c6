-- Tenants with credentials of their own. What stands here says where each is, never what it is: the name of a variable
-- of whoever runs agentctl, or of a secret in Supabase Vault.

-- A name, and nothing that could be the secret itself: keys and tokens are long runs of hexadecimal digits.
create function agentctl.is_reference(given text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$
    select given ~ '^(env:[A-Z_][A-Z0-9_]{0,127}|vault:[A-Za-z0-9][A-Za-z0-9 ._/-]{0,127})$' and given !~* '[0-9a-f]{24}'
$$;

create table agentctl.tenants (
    tenant text primary key check (tenant ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$' and tenant <> 'default'),
    elevenlabs_key text check (agentctl.is_reference(elevenlabs_key)),
    elevenlabs_webhook_secret text check (agentctl.is_reference(elevenlabs_webhook_secret)),
    twilio_account_sid text check (agentctl.is_reference(twilio_account_sid)),
    twilio_auth_token text check (agentctl.is_reference(twilio_auth_token)),
    workspace_of text references agentctl.tenants (tenant),
    updated_at timestamptz not null default now(),
    constraint tenants_have_one_workspace check (
        num_nonnulls(elevenlabs_key, workspace_of) < 2 and workspace_of <> tenant
    ),
    constraint tenants_have_all_of_twilio check (num_nulls(twilio_account_sid, twilio_auth_token) in (0, 2)),
    constraint tenants_sign_in_their_workspace check (elevenlabs_webhook_secret is null or elevenlabs_key is not null)
);
alter table agentctl.tenants enable row level security;
create index tenants_by_workspace on agentctl.tenants (workspace_of);
comment on table agentctl.tenants is
    'Tenants with credentials of their own, as references; those of all others are the project''s.';
comment on column agentctl.tenants.tenant is 'The customer; never default, which is the operator itself.';
comment on column agentctl.tenants.elevenlabs_key is
    'Where the API key of its own workspace is: env:NAME or vault:NAME. Null: it has none of its own.';
comment on column agentctl.tenants.elevenlabs_webhook_secret is
    'Where the secret is that its workspace signs deliveries with.';
comment on column agentctl.tenants.twilio_account_sid is 'Where the SID of its own Twilio account is.';
comment on column agentctl.tenants.twilio_auth_token is 'Where the token of that account is.';
comment on column agentctl.tenants.workspace_of is 'Another tenant whose workspace this one''s agents live in, too.';
comment on column agentctl.tenants.updated_at is 'When any of it was changed last.';

-- A refused check would tell the whole row, with what was pasted into it.
create function agentctl.only_references() returns trigger
language plpgsql set search_path = ''
as $$
declare
    pasted text := (
        select string_agg(given.key, ', ' order by given.key)
        from jsonb_each_text(to_jsonb(new) - array['tenant', 'workspace_of', 'updated_at']) given
        where not agentctl.is_reference(given.value)
    );
begin
    if pasted is not null then
        raise exception 'tenant %: % is no reference', new.tenant, pasted
            using hint = 'Write env:NAME, the name of a variable in capitals, or vault:NAME, and never the secret itself.';
    end if;
    new.updated_at := now();
    return new;
end
$$;
create trigger only_references before insert or update on agentctl.tenants
for each row execute function agentctl.only_references();

create function public.agentctl_tenant_credentials(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$ select coalesce(jsonb_agg(to_jsonb(t) order by t.tenant), '[]') from agentctl.tenants t $$;
comment on function public.agentctl_tenant_credentials(jsonb) is 'All of them, with their references.';

-- What is not in `set` stays as it is, and null takes it away.
create function public.agentctl_save_tenant(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    found agentctl.tenants;
    owner agentctl.tenants;
begin
    if coalesce(args->>'tenant', 'default') = 'default' then
        raise exception 'default is the operator itself, whose credentials are the project''s settings';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('agentctl tenants', 0));
    select * into found from agentctl.tenants t where t.tenant = args->>'tenant';
    found := jsonb_populate_record(found, (args->'set') - array['tenant', 'updated_at']);
    found.tenant := args->>'tenant';
    found.updated_at := now();
    select * into owner from agentctl.tenants t where t.tenant = found.workspace_of;
    if found.workspace_of is not null and owner.elevenlabs_key is null then
        raise exception 'tenant %: % has no workspace of its own to live in', found.tenant, found.workspace_of;
    end if;
    if found.elevenlabs_key is null and exists (
        select from agentctl.tenants t where t.workspace_of = found.tenant
    ) then
        raise exception 'tenant %: others live in its workspace, so that it has to keep its key', found.tenant;
    end if;
    insert into agentctl.tenants select found.*
    on conflict (tenant) do update set (
        elevenlabs_key, elevenlabs_webhook_secret, twilio_account_sid, twilio_auth_token, workspace_of
    ) = (
        excluded.elevenlabs_key, excluded.elevenlabs_webhook_secret, excluded.twilio_account_sid,
        excluded.twilio_auth_token, excluded.workspace_of
    );
    return jsonb_build_object('tenant', found.tenant);
end
$$;
comment on function public.agentctl_save_tenant(jsonb) is
    'For the operator: where the credentials of tenant are. set: columns of agentctl.tenants, null to take one away.';

create function public.agentctl_remove_tenant(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    removed boolean;
begin
    if exists (select from agentctl.tenants t where t.workspace_of = args->>'tenant') then
        raise exception 'tenant %: others live in its workspace', args->>'tenant';
    end if;
    delete from agentctl.tenants t where t.tenant = args->>'tenant';
    removed := found;
    return jsonb_build_object('removed', removed);
end
$$;
comment on function public.agentctl_remove_tenant(jsonb) is
    'For the operator: from then on the tenant has the project''s credentials.';

-- Those secrets of Vault that a tenant's row refers to, and no others. `vault`: whether there is one here.
create function public.agentctl_tenant_secrets(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    wanted text[] := array(
        select distinct substr(given.value, length('vault:') + 1)
        from agentctl.tenants t
        cross join jsonb_each_text(to_jsonb(t) - array['tenant', 'workspace_of', 'updated_at']) given
        where given.value like 'vault:%'
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
comment on function public.agentctl_tenant_secrets(jsonb) is
    'For whoever runs agentctl: the secrets of Supabase Vault that agentctl.tenants refers to, by name.';

-- Of these ids those that are bound to the same key in another tenant's workspace, or in the project's: an assistant
-- that moved has had them there. What stands before the slash is the same for all of these.
create function public.agentctl_bound_elsewhere(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(distinct b.remote_id), '[]')
    from agentctl.bindings b
    where (b.tenant, b.project, b.environment, b.kind)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'kind')
        and b.workspace <> args->>'workspace'
        and split_part(b.workspace, '/', 1) = split_part(args->>'workspace', '/', 1)
        and args->'ids'->>b.key = b.remote_id
$$;
comment on function public.agentctl_bound_elsewhere(jsonb) is
    'Which ids, given by key, are those of agents in other workspaces of the project.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000200', 'agentctl_tenants');
