-- Whose an agent was when it was made or changed last, so that it passes to nobody who only came by its key.

create function public.agentctl_whose_agents(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_object_agg(a.key, a.tenant), '{}')
    from agentctl.assistants a
    where (a.project, a.environment, a.workspace) = (args->>'project', args->>'environment', args->>'workspace')
        and a.key in (select jsonb_array_elements_text(args->'keys'))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000510', 'agentctl_whose_agents');
