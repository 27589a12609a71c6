-- What is under way in one place, by name, so that a sync need not ask for each number whether its re-import was cut off.

create function public.agentctl_undertakings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object('name', u.name) order by u.name), '[]')
    from agentctl.undertakings u
    where (u.tenant, u.project, u.environment, u.workspace)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121002700', 'agentctl_unfinished');
