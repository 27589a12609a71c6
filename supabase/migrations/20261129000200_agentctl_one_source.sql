-- A table is the source of one environment: of two, each wrote its ids over the other's.

-- The things of a kind that were bound first, in whatever scope, the longest first; none where all are of one environment.
create function public.agentctl_bound_first(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'project', first.project, 'environment', first.environment, 'key', first.key, 'id', first.remote_id
    ) order by first.bound_at, first.project, first.environment, first.key), '[]')
    from (
        select b.project, b.environment, b.key, b.remote_id, b.bound_at
        from agentctl.bindings b
        where (b.tenant, b.kind) = (agentctl.tenant(args), args->>'kind') and exists (
            select from agentctl.bindings o
            where o.tenant = b.tenant and (o.project, o.environment) <> (args->>'project', args->>'environment')
        )
        order by b.bound_at, b.project, b.environment, b.key
        limit (args->>'limit')::integer
    ) first
$$;
comment on function public.agentctl_bound_first(jsonb) is
    'What is bound of a kind in any project and environment, the longest first; none where there is but one of these.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000200', 'agentctl_one_source');
