-- What whoever erases has to know before: whose a call is, and where its agent lives.

-- The tenants other than the one who asks that have something of a conversation.
create function public.agentctl_other_owners(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(o.tenant order by o.tenant), '[]')
    from (
        select c.tenant from agentctl.calls c where c.conversation_id = args->>'conversation_id'
        union
        select e.tenant from agentctl.events e where e.conversation_id = args->>'conversation_id'
    ) o
    where o.tenant <> agentctl.tenant(args)
$$;

-- The workspaces of a project in which the agents of these conversations are bound, of those that are bound in none of
-- `workspaces`.
create function public.agentctl_homes_elsewhere(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with bound as (
        select b.remote_id, b.workspace from agentctl.bindings b
        where (b.tenant, b.project, b.environment, b.kind)
            = (agentctl.operator(), args->>'project', args->>'environment', 'agent')
            and b.remote_id in (
                select c.agent_id from agentctl.calls c
                where c.tenant = agentctl.tenant(args)
                    and c.conversation_id = any (array(select jsonb_array_elements_text(args->'conversation_ids')))
            )
    )
    select coalesce(jsonb_agg(distinct f.workspace), '[]') from bound f
    where not exists (select from bound g where g.remote_id = f.remote_id and args->'workspaces' ? g.workspace)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000470', 'agentctl_whose');
