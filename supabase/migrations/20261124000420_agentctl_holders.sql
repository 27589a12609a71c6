-- Which assistant each number was last made to ring at, of those that have an agent. A row may say what it likes: who
-- has a number already, the store knows by what was applied.
create function public.agentctl_number_holders(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_object_agg(n.key, a.key), '{}')
    from agentctl.bindings n
    join agentctl.bindings a
        on (a.tenant, a.project, a.environment, a.workspace, a.kind)
            = (n.tenant, n.project, n.environment, n.workspace, 'agent')
        and a.remote_id = n.applied->>'agent_id'
    where (n.tenant, n.project, n.environment, n.workspace, n.kind)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', 'phone_number')
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000420', 'agentctl_holders');
