-- A tenant that has an assistant and no call yet is one, too.

-- As before, of assistants, too.
create or replace function agentctl.tenants(variadic places text[]) returns setof text
language sql stable set search_path = ''
as $$
    with recursive walk (place, tenant) as (
        select p, '' from unnest(places) p
        union all
        select w.place, next.tenant from walk w cross join lateral (
            select case w.place
                when 'assistants' then (select min(t.tenant) from agentctl.assistants t where t.tenant > w.tenant)
                when 'audit' then (select min(t.tenant) from agentctl.audit t where t.tenant > w.tenant)
                when 'calls' then (select min(t.tenant) from agentctl.calls t where t.tenant > w.tenant)
                when 'events' then (select min(t.tenant) from agentctl.events t where t.tenant > w.tenant)
                when 'outbox' then (select min(t.tenant) from agentctl.outbox t where t.tenant > w.tenant)
                when 'recordings' then (select min(t.tenant) from agentctl.recordings t where t.tenant > w.tenant)
                when 'remains' then (select min(t.tenant) from agentctl.remains t where t.tenant > w.tenant)
            end tenant
        ) next
        where next.tenant is not null
    )
    select distinct w.tenant from walk w where w.tenant <> '' order by w.tenant
$$;

-- As before, with those.
create or replace function public.agentctl_tenants(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object('tenant', t.tenant, 'has_calls', exists (
        select from agentctl.calls c where c.tenant = t.tenant
    )) order by t.tenant), '[]')
    from agentctl.tenants('assistants', 'audit', 'calls', 'events', 'recordings', 'remains') t (tenant)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000520', 'agentctl_known_tenants');
