-- Who changes where a tenant's credentials are leaves a line in the audit log, and what lives by them is synced again.

-- For the next worker: every assistant of the tenant, and of those that live in its workspace, in whatever project.
create function agentctl.tenant_changed(changed text, actor text, action text, subject jsonb) returns void
language plpgsql set search_path = ''
as $$
begin
    insert into agentctl.audit (tenant, actor, action, subject)
    values (changed, coalesce(actor, session_user), action, subject);
    insert into agentctl.sync_changes (tenant, project, environment, key)
    select distinct on (k.project, k.environment, k.key) k.tenant, k.project, k.environment, k.key
    from (
        select a.tenant, a.project, a.environment, a.key from agentctl.assistants a
        union all
        select j.tenant, j.project, j.environment, j.key from agentctl.sync_jobs j where j.key <> ''
    ) k
    where k.tenant = changed
        or k.tenant in (select t.tenant from agentctl.tenants t where t.workspace_of = changed)
    order by k.project, k.environment, k.key;
    if found then
        perform pg_catalog.pg_notify('agentctl_sync', '');
    end if;
end
$$;

-- As before, and tells.
create or replace function public.agentctl_save_tenant(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    given jsonb := (args->'set') - array['tenant', 'updated_at'];
    found agentctl.tenants;
    owner agentctl.tenants;
begin
    if coalesce(args->>'tenant', 'default') = 'default' then
        raise exception 'default is the operator itself, whose credentials are the project''s settings';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('agentctl tenants', 0));
    select * into found from agentctl.tenants t where t.tenant = args->>'tenant';
    found := jsonb_populate_record(found, given);
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
    -- What was given is known to be references by now; of names that the table has not, nothing is kept.
    perform agentctl.tenant_changed(found.tenant, args->>'actor', 'tenants set', (
        select coalesce(jsonb_object_agg(g.key, g.value), '{}') from jsonb_each(given) g where to_jsonb(found) ? g.key
    ));
    return jsonb_build_object('tenant', found.tenant);
end
$$;

-- As before, and tells.
create or replace function public.agentctl_remove_tenant(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    had jsonb;
begin
    if exists (select from agentctl.tenants t where t.workspace_of = args->>'tenant') then
        raise exception 'tenant %: others live in its workspace', args->>'tenant';
    end if;
    delete from agentctl.tenants t where t.tenant = args->>'tenant'
    returning jsonb_strip_nulls(to_jsonb(t) - array['tenant', 'updated_at']) into had;
    if had is not null then
        perform agentctl.tenant_changed(args->>'tenant', args->>'actor', 'tenants unset', had);
    end if;
    return jsonb_build_object('removed', had is not null);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000100', 'agentctl_tenants_changed');
