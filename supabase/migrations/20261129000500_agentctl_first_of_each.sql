-- Of the agents that were bound first, one environment's could be all: then nothing told whose rows a table has.

-- The things of a kind that were bound first in each scope, the longest first; none where all are of one environment.
-- With `ids`: of these alone.
create or replace function public.agentctl_bound_first(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'project', first.project, 'environment', first.environment, 'key', first.key, 'id', first.remote_id
    ) order by first.bound_at, first.project, first.environment, first.key), '[]')
    from (
        select b.project, b.environment, b.key, b.remote_id, b.bound_at, row_number() over (
            partition by b.project, b.environment order by b.bound_at, b.key
        ) as place
        from agentctl.bindings b
        where (b.tenant, b.kind) = (agentctl.tenant(args), args->>'kind')
            and (args->'ids' is null or b.remote_id = any (array(select jsonb_array_elements_text(args->'ids'))))
            and exists (
                select from agentctl.bindings o
                where o.tenant = b.tenant and (o.project, o.environment) <> (args->>'project', args->>'environment')
            )
    ) first
    where first.place <= (args->>'limit')::integer
$$;
comment on function public.agentctl_bound_first(jsonb) is
    'What is bound of a kind in each project and environment, limit of each, the longest first; with ids, of these '
    'alone; none where there is but one environment.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000500', 'agentctl_first_of_each');
