-- Which numbers were made to ring at the agent of one assistant, so that those which its row gives up ring there no more.

-- Of an assistant, in each workspace of the project where it has an agent. One that was given another agent since, or
-- none, is not among them.
create function public.agentctl_numbers_of(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(
        jsonb_build_object('number', n.key, 'agent_id', a.remote_id, 'workspace', a.workspace) order by n.key
    ), '[]')
    from agentctl.bindings a
    join agentctl.bindings n
        on (n.tenant, n.project, n.environment, n.workspace, n.kind)
            = (a.tenant, a.project, a.environment, a.workspace, 'phone_number')
        and n.applied->>'agent_id' = a.remote_id
    where (a.tenant, a.project, a.environment, a.kind, a.key)
        = (agentctl.tenant(args), args->>'project', args->>'environment', 'agent', args->>'key')
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000520', 'agentctl_numbers_of');
