-- What the calls of a finished day come to is kept, so that 90 days of many calls are not counted again for each page.
--
-- In every snapshot of the store a kept day that nothing has outdated is what its calls come to: whoever writes a call
-- that counts otherwise holds the tenant's days shared until it commits, and outdates the day in the same transaction;
-- whoever keeps days holds them alone, so that it has seen all that was written, and what is written later sees the
-- kept day. That holds for a restored dump, too, which is of one snapshot.

create table agentctl.kept_days (
    tenant text not null,
    day date not null,
    zone text not null,
    primary key (tenant, day, zone)
);
alter table agentctl.kept_days enable row level security;
comment on table agentctl.kept_days is
    'Days whose figures are kept. One that agentctl.outdated names is none, and is counted again when days are kept next.';
comment on column agentctl.kept_days.tenant is 'Whose calls they are.';
comment on column agentctl.kept_days.day is 'A finished day.';
comment on column agentctl.kept_days.zone is 'Where it is that day: its calls began from midnight to midnight there.';

create table agentctl.day_figures (
    id bigint generated always as identity primary key,
    tenant text not null,
    day date not null,
    zone text not null,
    project text,
    environment text,
    assistant text,
    calls bigint not null,
    failed bigint not null,
    seconds numeric,
    timed bigint not null,
    credits numeric,
    fiat numeric,
    successes bigint not null,
    judged bigint not null,
    outcomes jsonb not null,
    waits integer[] not null,
    waited integer[] not null,
    p50 integer,
    p95 integer,
    foreign key (tenant, day, zone) references agentctl.kept_days on delete cascade
);
alter table agentctl.day_figures enable row level security;
create index day_figures_by_day on agentctl.day_figures (tenant, day, zone);
comment on table agentctl.day_figures is 'What the calls of an assistant come to on a day.';
comment on column agentctl.day_figures.id is 'Of the row alone.';
comment on column agentctl.day_figures.tenant is 'Whose calls they are.';
comment on column agentctl.day_figures.day is 'The day on which they began.';
comment on column agentctl.day_figures.zone is 'Where it was that day.';
comment on column agentctl.day_figures.project is 'That of the calls.';
comment on column agentctl.day_figures.environment is 'That of the calls.';
comment on column agentctl.day_figures.assistant is 'Our key; null for calls of agents that are none of ours.';
comment on column agentctl.day_figures.calls is 'How many.';
comment on column agentctl.day_figures.failed is 'How many of them never took place.';
comment on column agentctl.day_figures.seconds is 'How long they lasted, all together.';
comment on column agentctl.day_figures.timed is 'Of how many that is known.';
comment on column agentctl.day_figures.credits is 'What they cost, as the platform counts it.';
comment on column agentctl.day_figures.fiat is 'The same in its money.';
comment on column agentctl.day_figures.successes is 'How many succeeded, of those that were judged.';
comment on column agentctl.day_figures.judged is 'How many the platform judged.';
comment on column agentctl.day_figures.outcomes is 'By outcome, how many.';
comment on column agentctl.day_figures.waits is 'Milliseconds that callers waited for an answer, to the nearest ten; ascending.';
comment on column agentctl.day_figures.waited is 'How often each.';
comment on column agentctl.day_figures.p50 is 'The median of them.';
comment on column agentctl.day_figures.p95 is 'What 95 of 100 waited at most.';

create table agentctl.outdated (
    id bigint generated always as identity primary key,
    tenant text not null,
    day date not null
);
alter table agentctl.outdated enable row level security;
create index outdated_by_day on agentctl.outdated (tenant, day);
comment on table agentctl.outdated is
    'Days of which calls came, changed or went since they were kept. Rows are only added, so that no two writers wait for each other.';
comment on column agentctl.outdated.id is 'Of the row alone.';
comment on column agentctl.outdated.tenant is 'Whose calls they are.';
comment on column agentctl.outdated.day is 'On which they began by UTC: no day that has a part of it counts as kept, wherever.';

-- When a day begins there.
create function agentctl.midnight(day date, zone text) returns timestamptz
language sql stable set search_path = ''
as $$ select day::timestamp at time zone zone $$;

-- Whether calls of that day there were written since it was kept, if it was.
create function agentctl.is_outdated(owner text, of_day date, of_zone text) returns boolean
language sql stable set search_path = ''
as $$
    select exists (
        select from agentctl.outdated o
        where o.tenant = owner and o.day >= (agentctl.midnight(of_day, of_zone) at time zone 'UTC')::date
            and o.day::timestamp at time zone 'UTC' < agentctl.midnight(of_day + 1, of_zone)
    )
$$;

-- What was kept goes at once, since it may be of a call that is erased; where another writer is at it, that one sees to it.
create function agentctl.outdate(owner text, moment timestamptz) returns void
language plpgsql security definer set search_path = ''
as $$
declare
    on_day date := (moment at time zone 'UTC')::date;
    kept tid[];
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('agentctl days ' || owner, 0));
    if current_setting('transaction_isolation') <> 'read committed' then
        -- A snapshot that is older than the lock may show what was kept and outdated before, and not what is kept now.
        insert into agentctl.outdated (tenant, day) values (owner, on_day);
        return;
    end if;
    kept := array(
        select k.ctid from agentctl.kept_days k
        where k.tenant = owner and k.day between on_day - 1 and on_day + 1 and k.day = (moment at time zone k.zone)::date
    );
    if kept <> '{}' then
        insert into agentctl.outdated (tenant, day)
        select owner, on_day
        where not exists (select from agentctl.outdated o where o.tenant = owner and o.day = on_day);
        delete from agentctl.kept_days k
        where k.ctid = any (array(select l.ctid from agentctl.kept_days l where l.ctid = any (kept) for update skip locked));
    end if;
end
$$;

create function agentctl.outdate_days() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    if tg_op = 'TRUNCATE' then
        delete from agentctl.kept_days;
        return null;
    end if;
    if tg_op <> 'INSERT' then
        perform agentctl.outdate(old.tenant, old.started_at);
    end if;
    if tg_op = 'INSERT' or tg_op = 'UPDATE' and (new.tenant, new.started_at) <> (old.tenant, old.started_at) then
        perform agentctl.outdate(new.tenant, new.started_at);
    end if;
    return null;
end
$$;

create trigger outdate_days after insert or delete on agentctl.calls
    for each row execute function agentctl.outdate_days();
create trigger outdate_days_of_all after truncate on agentctl.calls
    for each statement execute function agentctl.outdate_days();
-- Whatever agentctl.figures reads.
create trigger outdate_changed_days after update on agentctl.calls
    for each row when (
        (old.tenant, old.project, old.environment, old.assistant, old.started_at, old.status, old.turn_count,
            old.duration_secs, old.cost_credits, old.cost_fiat, old.successful, old.outcome, old.answer_ms)
        is distinct from
        (new.tenant, new.project, new.environment, new.assistant, new.started_at, new.status, new.turn_count,
            new.duration_secs, new.cost_credits, new.cost_fiat, new.successful, new.outcome, new.answer_ms)
    )
    execute function agentctl.outdate_days();

-- What the calls that began in [begins, ends), a part of `on_day` in that zone, come to, by assistant. One look at each
-- call: its answers and its outcome are counted in their group, of which there are a few, and not by hash among all.
create function agentctl.figures(
    owner text, args jsonb, of_zone text, on_day date, begins timestamptz, ends timestamptz
)
returns setof agentctl.day_figures
language plpgsql stable rows 20
set search_path = '' set plan_cache_mode = 'force_custom_plan' set enable_seqscan = 'off' set work_mem = '64MB'
as $$
begin
    return query
        select null::bigint, owner, on_day, of_zone, g.project, g.environment, g.assistant, g.calls, g.failed, g.seconds,
            g.timed, g.credits, g.fiat, g.successes, g.judged, ended.outcomes, coalesce(w.waits, '{}'),
            coalesce(w.waited, '{}'), w.p50, w.p95
        from (
            select c.project, c.environment, c.assistant, count(*) as calls,
                count(*) filter (where c.status = 'failed' and c.turn_count = 0) as failed,
                sum(c.duration_secs) as seconds, count(c.duration_secs) as timed, sum(c.cost_credits) as credits,
                sum(c.cost_fiat) as fiat, count(*) filter (where c.successful = 'success') as successes,
                count(*) filter (where c.successful in ('success', 'failure')) as judged,
                array_agg(c.outcome) filter (where c.outcome is not null) as outcomes,
                array_agg(row(c.answer_ms)) filter (where c.answer_ms is not null) as answers
            from agentctl.calls c
            where c.tenant = owner and c.started_at >= begins and c.started_at < ends and agentctl.is_wanted(c, args)
            group by c.project, c.environment, c.assistant
        ) g
        cross join lateral (
            select coalesce(jsonb_object_agg(o.outcome, o.many), '{}') as outcomes
            from (select outcome, count(*) as many from unnest(g.outcomes) outcome group by outcome) o
        ) ended
        cross join lateral (
            select array_agg(r.ms order by r.ms) as waits, array_agg(r.many order by r.ms) as waited,
                min(r.ms) filter (where r.up_to_here >= 0.5 * r.answers) as p50,
                min(r.ms) filter (where r.up_to_here >= 0.95 * r.answers) as p95
            from (
                select n.ms, n.many, sum(n.many) over (order by n.ms) as up_to_here, sum(n.many) over () as answers
                from (
                    select (one.ms + 5) / 10 * 10 as ms, count(*)::integer as many
                    from unnest(g.answers) as call (answer_ms integer[]) cross join unnest(call.answer_ms) one (ms)
                    group by 1
                ) n
            ) r
        ) w;
end
$$;

-- Those of each day from `since` to `until` that has calls: kept ones where the whole day is asked for and nothing but
-- whose calls, else counted.
create function agentctl.day_rows(owner text, args jsonb, of_zone text, since timestamptz, until timestamptz)
returns setof agentctl.day_figures
language plpgsql stable set search_path = '' set plan_cache_mode = 'force_custom_plan'
as $$
declare
    first_one timestamptz := (select min(c.started_at) from agentctl.calls c where c.tenant = owner and c.started_at >= since);
    last_one timestamptz := (select max(c.started_at) from agentctl.calls c where c.tenant = owner and c.started_at < until);
    first_day date := (first_one at time zone of_zone)::date;
    last_day date := (last_one at time zone of_zone)::date;
    is_plain boolean :=
        jsonb_strip_nulls(args) - '{tenant,since,until,zone,project,environment,assistant}'::text[] = '{}';
begin
    return query
        with days as materialized (
            select d.day, d.begins, d.ends, is_plain and d.begins >= since and d.ends <= until and exists (
                select from agentctl.kept_days k where (k.tenant, k.day, k.zone) = (owner, d.day, of_zone)
            ) and not agentctl.is_outdated(owner, d.day, of_zone) as is_kept
            from (
                select first_day + i as day, agentctl.midnight(first_day + i, of_zone) as begins,
                    agentctl.midnight(first_day + i + 1, of_zone) as ends
                from generate_series(0, last_day - first_day) i
            ) d
        )
        select f.* from days d
        join agentctl.day_figures f on (f.tenant, f.day, f.zone) = (owner, d.day, of_zone)
        where d.is_kept and (args->>'project' is null or f.project = args->>'project')
            and (args->>'environment' is null or f.environment = args->>'environment')
            and (args->>'assistant' is null or f.assistant = args->>'assistant')
        union all
        select f.* from days d
        cross join lateral agentctl.figures(
            owner, args - '{since,until}'::text[], of_zone, d.day, greatest(d.begins, since), least(d.ends, until)
        ) f
        where not d.is_kept;
end
$$;

-- As before; each call is looked at once, and those of kept days not at all.
create or replace function public.agentctl_my_counts(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
set plan_cache_mode = 'force_custom_plan' set work_mem = '64MB' set jit = off
as $$
declare
    owner text := args->>'tenant';
    my_role text := agentctl.my_role(owner);
    since text := coalesce(args->>'since', (now() - interval '30 days')::text);
    -- Of a tenant that is not theirs what one without a call comes to, whatever else is asked.
    wanted jsonb := case when my_role is null then '{"until": "-infinity"}' else args end;
    hidden text[] := case when my_role = 'admin' then '{}' else '{cost_credits,cost_fiat}' end;
    counted jsonb;
begin
    with figures as materialized (
        select dense_rank() over (order by f.project, f.environment, f.assistant) as whose, f.*
        from agentctl.day_rows(
            owner, wanted, coalesce(wanted->>'zone', 'UTC'), since::timestamptz,
            coalesce(wanted->>'until', 'infinity')::timestamptz
        ) f
    ), sums as (
        select f.whose, f.day, min(f.project) as project, min(f.environment) as environment,
            min(f.assistant) as assistant, coalesce(sum(f.calls), 0) as calls, coalesce(sum(f.failed), 0) as failed,
            sum(f.seconds) as seconds, sum(f.timed) as timed, sum(f.credits) as credits, sum(f.fiat) as fiat,
            coalesce(sum(f.successes), 0) as successes, coalesce(sum(f.judged), 0) as judged,
            max(f.p50) as p50, max(f.p95) as p95
        from figures f group by grouping sets ((), (f.whose), (f.day), (f.whose, f.day))
    ), ended as (
        select o.whose, jsonb_object_agg(o.outcome, o.many) as outcomes
        from (
            select f.whose, one.key as outcome, sum(one.value::bigint) as many
            from figures f cross join jsonb_each_text(f.outcomes) one
            group by grouping sets ((one.key), (f.whose, one.key))
        ) o
        group by o.whose
    ), waits as (
        select f.whose, f.day, one.ms, sum(one.many) as many
        from figures f cross join unnest(f.waits, f.waited) one (ms, many)
        group by grouping sets ((one.ms), (f.whose, one.ms), (f.day, one.ms))
    ), ranked as (
        select w.whose, w.day, w.ms, sum(w.many) over (partition by w.whose, w.day order by w.ms) as up_to_here,
            sum(w.many) over (partition by w.whose, w.day) as answers
        from waits w
    ), waited as (
        select r.whose, r.day, max(r.answers) as answers, min(r.ms) filter (where r.up_to_here >= 0.5 * r.answers) as p50,
            min(r.ms) filter (where r.up_to_here >= 0.95 * r.answers) as p95
        from ranked r group by r.whose, r.day
    ), by_day as (
        select s.whose, jsonb_agg(jsonb_build_object(
            'day', s.day, 'calls', s.calls, 'failed', s.failed, 'seconds', coalesce(s.seconds, 0),
            'successes', s.successes, 'judged', s.judged, 'cost_credits', s.credits, 'cost_fiat', s.fiat,
            'answer_ms_p50', case when s.whose is null then w.p50 else s.p50 end,
            'answer_ms_p95', case when s.whose is null then w.p95 else s.p95 end
        ) - hidden order by s.day) as days
        from sums s left join waited w on w.whose is null and s.whose is null and w.day = s.day
        where s.day is not null group by s.whose
    ), faces as (
        select s.whose, s.project, s.environment, s.assistant, jsonb_build_object(
            'calls', s.calls, 'failed', s.failed, 'seconds', coalesce(s.seconds, 0),
            'mean_seconds', round(s.seconds / nullif(s.timed, 0), 1), 'cost_credits', s.credits, 'cost_fiat', s.fiat,
            'successes', s.successes, 'judged', s.judged,
            'success_rate', round(s.successes::numeric / nullif(s.judged, 0), 4),
            'outcomes', coalesce(e.outcomes, '{}'), 'days', coalesce(d.days, '[]'),
            'answers', coalesce(w.answers, 0), 'answer_ms_p50', w.p50, 'answer_ms_p95', w.p95
        ) - hidden as face
        from sums s
        left join ended e on e.whose is not distinct from s.whose
        left join by_day d on d.whose is not distinct from s.whose
        left join waited w on w.day is null and w.whose is not distinct from s.whose
        where s.day is null
    )
    select jsonb_build_object(
        'since', since,
        'all', (select f.face from faces f where f.whose is null),
        'assistants', coalesce((
            select jsonb_agg(
                jsonb_build_object('project', f.project, 'environment', f.environment, 'assistant', f.assistant) || f.face
                order by f.project, f.environment, f.assistant
            )
            from faces f where f.whose is not null
        ), '[]')
    ) into counted;
    return counted;
end
$$;

comment on function public.agentctl_my_counts(jsonb) is
    'For signed-in users: what the calls of a tenant come to, all together, by assistant and by day. tenant, since (default: 30 days ago), until, zone of the days (default: UTC), and the filters of agentctl_my_calls. Waits are told to the nearest ten milliseconds. Admins also see costs.';

drop function agentctl.days(text, jsonb, text);

-- Finished days from `since` on that are not kept, the newest first.
create function agentctl.unkept_days(owner text, of_zone text, since timestamptz) returns date[]
language plpgsql stable set search_path = ''
as $$
declare
    today date := (now() at time zone of_zone)::date;
    first_one timestamptz := (select min(c.started_at) from agentctl.calls c where c.tenant = owner and c.started_at >= since);
begin
    return array(
        select d.day
        from (select today - i as day from generate_series(1, today - (first_one at time zone of_zone)::date) i) d
        where not exists (
            select from agentctl.kept_days k where (k.tenant, k.day, k.zone) = (owner, d.day, of_zone)
        ) or agentctl.is_outdated(owner, d.day, of_zone)
        order by d.day desc
    );
end
$$;

-- Keeps the newest finished days since `since` that are not, at most so many as `limit`; how many were kept, and how many
-- are left. Whoever writes calls of the tenant waits meanwhile; where one of them takes long, nothing is kept.
create function public.agentctl_keep_days(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC' set lock_timeout = '100ms'
as $$
declare
    owner text := agentctl.tenant(args);
    of_zone text := coalesce(args->>'zone', 'UTC');
    since timestamptz := (args->>'since')::timestamptz;
    unkept date[] := agentctl.unkept_days(owner, of_zone, since);
    now_kept date[];
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'days are kept as they are once nobody writes, not as they were when the transaction began';
    end if;
    if unkept = '{}' then
        return jsonb_build_object('kept', 0, 'left', 0);
    end if;
    begin
        perform pg_advisory_xact_lock(hashtextextended('agentctl days ' || owner, 0));
    exception when lock_not_available then
        return jsonb_build_object('kept', 0, 'left', cardinality(unkept));
    end;
    delete from agentctl.kept_days k where k.tenant = owner and agentctl.is_outdated(owner, k.day, k.zone);
    delete from agentctl.outdated o where o.tenant = owner;
    unkept := agentctl.unkept_days(owner, of_zone, since);
    now_kept := unkept[:coalesce((args->>'limit')::integer, 1)];
    insert into agentctl.kept_days (tenant, day, zone) select owner, day, of_zone from unnest(now_kept) day;
    insert into agentctl.day_figures (
        tenant, day, zone, project, environment, assistant, calls, failed, seconds, timed, credits, fiat, successes,
        judged, outcomes, waits, waited, p50, p95
    )
    select f.tenant, f.day, f.zone, f.project, f.environment, f.assistant, f.calls, f.failed, f.seconds, f.timed,
        f.credits, f.fiat, f.successes, f.judged, f.outcomes, f.waits, f.waited, f.p50, f.p95
    from unnest(now_kept) day cross join lateral agentctl.figures(
        owner, '{}', of_zone, day, agentctl.midnight(day, of_zone), agentctl.midnight(day + 1, of_zone)
    ) f;
    return jsonb_build_object('kept', cardinality(now_kept), 'left', cardinality(unkept) - cardinality(now_kept));
end
$$;
comment on function public.agentctl_keep_days(jsonb) is
    'Keeps what finished days come to. tenant, zone of the days (default: UTC), since, limit (default: 1).';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000200', 'agentctl_kept_days');
