-- A binding is written by whoever saw what it said last: a run that slept past its lease is told instead.

-- `expected`: when the binding was written last (`updated_at`), null where there was none; without it anything goes.
-- Null is the answer where it was written, made or removed since: then nothing is written, and the intent stays.
create or replace function public.agentctl_bind(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    expected timestamptz := (args->>'expected')::timestamptz;
    told jsonb;
begin
    insert into agentctl.bindings as b (tenant, project, environment, workspace, kind, key, remote_id, applied)
    select
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace',
        args->>'kind', args->>'key', args->>'remote_id', agentctl.given(args, 'applied')
    where expected is null or exists (
        select from agentctl.bindings k
        where (k.tenant, k.project, k.environment, k.workspace, k.kind, k.key) = (
            agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace',
            args->>'kind', args->>'key'
        )
    )
    on conflict (tenant, project, environment, workspace, kind, key) do update set
        remote_id = excluded.remote_id,
        applied = excluded.applied,
        bound_at = case when b.remote_id = excluded.remote_id then b.bound_at else now() end,
        updated_at = now()
    where not args ? 'expected' or b.updated_at = expected
    returning jsonb_build_object('new', xmax = 0, 'updated_at', b.updated_at) into told;
    -- An id is what an intent waits for: both change together, or a kill in between would start a search for nothing.
    if told is not null then
        delete from agentctl.intents i
        where (i.tenant, i.project, i.environment, i.workspace, i.kind, i.key) = (
            agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace',
            args->>'kind', args->>'key'
        );
    end if;
    return told;
end
$$;

-- `remote_id`, where it is given: only if that is what is bound. It may have been bound anew since somebody looked.
create or replace function public.agentctl_unbind(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.bindings b
        where (b.tenant, b.project, b.environment, b.workspace, b.kind, b.key) = (
            agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace',
            args->>'kind', args->>'key'
        ) and (args->>'remote_id' is null or b.remote_id = args->>'remote_id')
        returning 1
    )
    select jsonb_build_object('removed', exists (select from gone))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121001900', 'agentctl_fence');
