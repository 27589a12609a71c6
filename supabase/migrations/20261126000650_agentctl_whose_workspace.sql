-- Two keys may open one workspace, which is not to be seen from them: what is there tells whose it is.

-- What agents that a key finds, there or in calls, say of the workspace that it is to open. `landlord`: the tenant whose
-- workspace that is, the operator for the project's. `bound`: one of them is bound in it; `awaited`: how many are;
-- `known`: one is or was there, or calls of it are the landlord's; `others`: how many live with somebody else alone, or did.
create function public.agentctl_whose_workspace(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with asked as (
        select array(select jsonb_array_elements_text(args->'agents')) ids,
            array_remove(array[args->>'landlord'], agentctl.operator()) lives
    ), seen as (
        select b.remote_id id, agentctl.in_workspace(b.workspace, args->>'workspace') bound,
            agentctl.workspace_tenants(b.workspace) = asked.lives here
        from agentctl.bindings b, asked
        where b.tenant = agentctl.operator() and b.kind = 'agent' and b.remote_id = any (asked.ids)
        union all
        select g.agent_id, false, case when asked.lives = '{}' then g.workspaces = '{}' else g.workspaces @> asked.lives end
        from agentctl.agents g, asked where g.agent_id = any (asked.ids)
    )
    select jsonb_build_object(
        'bound', exists (select from seen s where s.bound),
        'awaited', (
            select count(*) from agentctl.bindings b
            where b.tenant = agentctl.operator() and b.kind = 'agent'
                and agentctl.in_workspace(b.workspace, args->>'workspace')
        ),
        'known', exists (select from seen s where s.bound or s.here)
            or exists (
                select from agentctl.watermarks w
                where (w.tenant, w.workspace) = (agentctl.operator(), args->>'workspace') and w.agent_id = any (asked.ids)
            ) or exists (
                select from agentctl.calls c where c.tenant = args->>'landlord' and c.agent_id = any (asked.ids)
            ),
        'others', (
            select count(*) from (select from seen s group by s.id having not bool_or(s.bound or s.here)) o
        )
    )
    from asked
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000650', 'agentctl_whose_workspace');
