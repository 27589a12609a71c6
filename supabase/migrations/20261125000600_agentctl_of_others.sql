-- What is bound in other workspaces of the project tells whose a workspace is: of several things with one key, too.

-- As before, of a key with several ids, too; without ids whatever is bound there, the newest first.
create or replace function public.agentctl_bound_elsewhere(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(distinct found.remote_id), '[]')
    from (
        select b.remote_id
        from agentctl.bindings b
        where (b.tenant, b.project, b.environment, b.kind)
            = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'kind')
            and b.workspace <> args->>'workspace'
            and split_part(b.workspace, '/', 1) = split_part(args->>'workspace', '/', 1)
            and (args->>'ids' is null or args->'ids'->b.key @> to_jsonb(b.remote_id))
        order by b.updated_at desc
        limit (args->>'newest')::integer
    ) found
$$;
comment on function public.agentctl_bound_elsewhere(jsonb) is
    'Which ids are those of things in other workspaces of the project: of those given by key (one or several), or all.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000600', 'agentctl_of_others');
