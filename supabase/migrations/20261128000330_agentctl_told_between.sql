-- Whoever says up to when another store has mailed calls says, too, that since then nobody has: between that store's end
-- and the first sync into this one calls were over of which nobody was told.

alter table agentctl.told add column said_at timestamptz not null default '-infinity';
comment on column agentctl.told.said_at is
    'When that was said. Of agents that were bound by then it holds alone, and when each was bound tells nothing.';

-- As before; but of an agent that was bound when it was said, what was said is all that counts.
create or replace function agentctl.was_told(call jsonb) returns boolean
language sql stable set search_path = ''
as $$
    select coalesce(call->>'source' = 'backfill' and (
        (call->>'started_at')::timestamptz + make_interval(secs => coalesce((call->>'duration_secs')::double precision, 0))
    ) < (
        select case when ours.bound_at <= t.said_at then t.until else greatest(ours.bound_at, t.until) end
        from (
            select min(b.bound_at) bound_at from agentctl.bindings b
            where b.kind = 'agent' and b.remote_id = call->>'agent_id'
        ) ours
        left join agentctl.told t on true
    ), false)
$$;

-- As before, with when it was said.
create or replace function public.agentctl_told_until(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    if (args->>'until')::timestamptz is null then
        raise exception 'until is missing: up to when calls were mailed elsewhere';
    end if;
    insert into agentctl.told as t (until, said_at) values ((args->>'until')::timestamptz, now())
    on conflict (only_one) do update
        set until = greatest(t.until, excluded.until), said_at = excluded.said_at;
    return (select jsonb_build_object('until', t.until) from agentctl.told t);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000330', 'agentctl_told_between');
