-- Which assistant each number was last made to ring at, of those that have an agent. A row may say what it likes: who
-- has a number already, the store knows by what was applied.
-- One that rings at nobody is still whose it was applied for last. With `numbers` of these alone.
create function public.agentctl_number_holders(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_object_agg(h.number, h.key), '{}')
    from (
        select n.key as number, coalesce(a.key, d.key) as key
        from agentctl.bindings n
        left join agentctl.bindings a
            on (a.tenant, a.project, a.environment, a.workspace, a.kind)
                = (n.tenant, n.project, n.environment, n.workspace, 'agent')
            and a.remote_id = n.applied->>'agent_id'
        left join lateral (
            select l.key
            from (
                select distinct on (r.key) r.key, r.spec, r.applied_at from agentctl.revisions r
                where (r.tenant, r.project, r.environment, r.workspace)
                    = (n.tenant, n.project, n.environment, n.workspace)
                order by r.key, r.revision desc
            ) l
            where a.key is null
                and l.spec @> jsonb_build_object('phone', jsonb_build_object('numbers', jsonb_build_array(n.key)))
            order by l.applied_at desc limit 1
        ) d on true
        where (n.tenant, n.project, n.environment, n.workspace, n.kind)
            = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', 'phone_number')
            and (args->'numbers' is null or args->'numbers' ? n.key)
    ) h where h.key is not null
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000420', 'agentctl_holders');
