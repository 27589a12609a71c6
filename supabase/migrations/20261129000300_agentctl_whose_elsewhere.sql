-- A row with the key of another tenant's agent was refused only where that agent is in the workspace of its own tenant.

-- By key, whose its agent is: here, else in the workspace of the project where one is bound that was changed last.
create or replace function public.agentctl_whose_agents(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_object_agg(found.key, found.tenant), '{}')
    from (
        select distinct on (a.key) a.key, a.tenant
        from agentctl.assistants a
        where (a.project, a.environment) = (args->>'project', args->>'environment')
            and a.key = any (array(select jsonb_array_elements_text(args->'keys')))
            and (a.workspace = args->>'workspace' or exists (
                select from agentctl.bindings b
                where (b.remote_id, b.tenant, b.project, b.environment, b.workspace, b.kind, b.key)
                    = (a.agent_id, agentctl.tenant(args), a.project, a.environment, a.workspace, 'agent', a.key)
                    and split_part(a.workspace, '/', 1) = split_part(args->>'workspace', '/', 1)
            ))
        order by a.key, a.workspace = args->>'workspace' desc, a.updated_at desc
    ) found
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000300', 'agentctl_whose_elsewhere');
