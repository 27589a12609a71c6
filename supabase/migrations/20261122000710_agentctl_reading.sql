-- Calls as they are listed, searched, exported and counted; action items as they are ticked off.

-- Whether a call is one of those that are asked for, by what stands in its own row. Written so that the planner sees
-- through it: what is not asked for costs nothing, and what is can use an index.
create function agentctl.is_wanted(c agentctl.calls, args jsonb) returns boolean
language sql stable
begin atomic
    select (args->>'project' is null or c.project = args->>'project')
        and (args->>'environment' is null or c.environment = args->>'environment')
        and (args->>'assistant' is null or c.assistant = args->>'assistant')
        and (args->>'since' is null or c.started_at >= (args->>'since')::timestamptz)
        and (args->>'until' is null or c.started_at < (args->>'until')::timestamptz)
        and (args->>'number' is null
            or agentctl.backwards(c.external_number) = agentctl.backwards(args->>'number'))
        and (args->>'number_ending' is null
            or agentctl.backwards(c.external_number) like agentctl.backwards(args->>'number_ending') || '%')
        and (args->>'outcome' is null or c.outcome = args->>'outcome')
        and (args->>'status' is null or c.status = args->>'status')
        and (args->>'items' is null or c.open_items is not null)
        and (args->>'items' is distinct from 'open' or c.open_items > 0);
end;

-- The newest of the calls that are asked for.
--
-- Paging: `before` is the started_at of the last call seen; with its id as `before_id`, equal times lose nobody.
-- `before_id` alone will do while that call is there.
--
-- A word may have been said in every second call, or in three of a million. The newest 300 are looked at one by one,
-- which ends soon for a common word; where they do not suffice it is a rarer one, and the index names its calls: first
-- among the next 20,000, then all. Any of the three alone would take a second for what another does in milliseconds.
create function agentctl.matching_calls(args jsonb) returns setof agentctl.calls
language plpgsql stable
set search_path = '' set plan_cache_mode = 'force_custom_plan' set enable_seqscan = 'off'
as $$
declare
    owner text := agentctl.tenant(args);
    many integer := (args->>'limit')::integer;
    search tsquery := agentctl.query(args->>'search');
    before timestamptz := coalesce((args->>'before')::timestamptz, 'infinity');
    before_id text := coalesce(args->>'before_id', '');
    walked timestamptz;
    walked_id text;
    reached timestamptz;
    reached_id text;
    rare boolean := false;
    found_here integer;
    found_so_far integer;
begin
    if args->>'before' is null and args->>'before_id' is not null then
        select c.started_at into before from agentctl.calls c
        where c.tenant = owner and c.conversation_id = before_id;
        if not found then
            raise exception 'there is no call to go on from with that id';
        end if;
    end if;
    if search is null then
        return query
            select c.* from agentctl.calls c
            where c.tenant = owner and agentctl.is_wanted(c, args)
                and (c.started_at, c.conversation_id) < (before, before_id)
            order by c.started_at desc, c.conversation_id desc limit many;
        return;
    end if;

    return query
        select c.* from (
            select * from agentctl.calls c
            where c.tenant = owner and agentctl.is_wanted(c, args)
                and (c.started_at, c.conversation_id) < (before, before_id)
            order by c.started_at desc, c.conversation_id desc limit 300
        ) c
        -- A scalar, and no join: these few are looked up, whatever the planner expects of the word.
        where (
            select d.document @@ search from agentctl.call_documents d
            where d.tenant = owner and d.conversation_id = c.conversation_id
        )
        order by c.started_at desc, c.conversation_id desc limit many;
    get diagnostics found_so_far = row_count;
    if found_so_far >= many then
        return;
    end if;
    select c.started_at, c.conversation_id into walked, walked_id from agentctl.calls c
    where c.tenant = owner and agentctl.is_wanted(c, args)
        and (c.started_at, c.conversation_id) < (before, before_id)
    order by c.started_at desc, c.conversation_id desc offset 299 limit 1;
    while walked is not null and found_so_far < many loop
        select d.started_at, d.conversation_id into reached, reached_id from agentctl.call_documents d
        where not rare and d.tenant = owner and (d.started_at, d.conversation_id) < (walked, walked_id)
        order by d.started_at desc, d.conversation_id desc offset 19999 limit 1;
        return query
            with hits as materialized (
                select d.conversation_id, d.started_at from agentctl.call_documents d
                where d.tenant = owner and d.document @@ search
                    and (d.started_at, d.conversation_id) < (walked, walked_id)
                    and (d.started_at, d.conversation_id)
                        >= (coalesce(reached, '-infinity'), coalesce(reached_id, ''))
            )
            select c.* from (select * from hits h order by h.started_at desc, h.conversation_id desc) hit
            join agentctl.calls c on c.tenant = owner and c.conversation_id = hit.conversation_id
            where agentctl.is_wanted(c, args)
            order by hit.started_at desc, hit.conversation_id desc limit many - found_so_far;
        get diagnostics found_here = row_count;
        found_so_far := found_so_far + found_here;
        walked := reached;
        walked_id := reached_id;
        rare := true;
    end loop;
end
$$;

-- The words around what was searched, each hit between U+0001 and U+0002, which are nowhere in a text.
create function agentctl.snippet(c agentctl.calls, search tsquery) returns text
language sql stable set search_path = ''
as $$
    select ts_headline(
        case when c.language like 'en%' then 'english'::regconfig else 'german' end,
        agentctl.spelled(agentctl.said(c.tenant, c.conversation_id)), search,
        format('MaxFragments=2, MaxWords=14, MinWords=6, FragmentDelimiter=" … ", StartSel="%s", StopSel="%s"',
            U&'\0001', U&'\0002')
    )
$$;

-- A call as it is listed.
create or replace function agentctl.call(c agentctl.calls) returns jsonb
language sql stable set search_path = ''
as $$
    select to_jsonb(c) - '{tenant,detail,answer_ms}'::text[] || jsonb_build_object(
        'title', d.title, 'summary', d.summary, 'engine', d.engine,
        'action_items', coalesce((
            select jsonb_agg(to_jsonb(i) - '{tenant,conversation_id}'::text[] order by i.position)
            from agentctl.action_items i
            where i.tenant = c.tenant and i.conversation_id = c.conversation_id
        ), '[]'),
        'has_recording', exists (
            select from agentctl.recordings r
            where r.tenant = c.tenant and r.conversation_id = c.conversation_id
        )
    )
    from (select) one
    left join agentctl.digests d on d.tenant = c.tenant and d.conversation_id = c.conversation_id
$$;

create or replace function public.agentctl_list_calls(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(
        agentctl.call(c) || case when args->>'search' is null then '{}' else jsonb_build_object(
            'snippet', agentctl.snippet(c, agentctl.query(args->>'search'))
        ) end
        order by c.started_at desc, c.conversation_id desc
    ), '[]')
    from agentctl.matching_calls(args) c
$$;

-- The same with all that was said and made of it.
create function public.agentctl_export_calls(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(
        agentctl.call(c) || jsonb_build_object(
            'detail', c.detail,
            'digest', (
                select to_jsonb(d) - '{tenant,conversation_id}'::text[] from agentctl.digests d
                where d.tenant = c.tenant and d.conversation_id = c.conversation_id
            ),
            'turns', coalesce((
                select jsonb_agg(to_jsonb(t) - '{tenant,conversation_id}'::text[] order by t.position)
                from agentctl.call_turns t
                where t.tenant = c.tenant and t.conversation_id = c.conversation_id
            ), '[]')
        )
        order by c.started_at desc, c.conversation_id desc
    ), '[]')
    from agentctl.matching_calls(args) c
$$;

-- What the calls that are asked for come to: `all`, and each of `assistants` by itself, both with their outcomes and
-- days (UTC). `failed` never took place. Calls that the vendor did not judge count for no rate of success. Percentiles
-- are exact: answers are counted by millisecond, of which there are few, and not sorted, of which there are many.
create function public.agentctl_count_calls(args jsonb) returns jsonb
language plpgsql stable security definer
set search_path = '' set timezone = 'UTC' set plan_cache_mode = 'force_custom_plan'
as $$
declare
    owner text := agentctl.tenant(args);
    counted jsonb;
begin
    with sums as (
        select c.project, c.environment, c.assistant, c.outcome, c.started_at::date as day,
            grouping(c.assistant) = 1 as whole, grouping(c.outcome) = 0 as is_outcome,
            grouping(c.started_at::date) = 0 as is_day, count(*) as calls,
            count(*) filter (where c.status = 'failed' and c.turn_count = 0) as failed,
            sum(c.duration_secs) as seconds, round(avg(c.duration_secs), 1) as mean,
            sum(c.cost_credits) as credits, sum(c.cost_fiat) as fiat,
            count(*) filter (where c.successful = 'success') as successes,
            count(*) filter (where c.successful in ('success', 'failure')) as judged
        from agentctl.calls c
        where c.tenant = owner and agentctl.is_wanted(c, args)
        group by grouping sets (
            (), (c.outcome), (c.started_at::date), (c.project, c.environment, c.assistant),
            (c.project, c.environment, c.assistant, c.outcome),
            (c.project, c.environment, c.assistant, c.started_at::date)
        )
    ), keyed as (
        select case when not s.whole then jsonb_build_array(s.project, s.environment, s.assistant) else '[]' end as key, s.*
        from sums s
    ), by_outcome as (
        select k.key, jsonb_object_agg(k.outcome, k.calls) as outcomes
        from keyed k where k.is_outcome and k.outcome is not null group by k.key
    ), by_day as (
        select k.key, jsonb_agg(jsonb_build_object('day', k.day, 'calls', k.calls) order by k.day) as days
        from keyed k where k.is_day group by k.key
    ), answers as (
        select case when grouping(c.assistant) = 0 then jsonb_build_array(c.project, c.environment, c.assistant) else '[]'
            end as key, waited.ms, count(*) as many
        from agentctl.calls c cross join unnest(c.answer_ms) waited (ms)
        where c.tenant = owner and agentctl.is_wanted(c, args)
        group by grouping sets ((c.project, c.environment, c.assistant, waited.ms), (waited.ms))
    ), ranked as (
        select a.key, a.ms, sum(a.many) over (partition by a.key order by a.ms) as up_to_here,
            sum(a.many) over (partition by a.key) as answers
        from answers a
    ), waits as (
        select r.key, max(r.answers) as answers, min(r.ms) filter (where r.up_to_here >= 0.5 * r.answers) as p50,
            min(r.ms) filter (where r.up_to_here >= 0.95 * r.answers) as p95
        from ranked r group by r.key
    ), faces as (
        select k.key, k.project, k.environment, k.assistant, jsonb_build_object(
            'calls', k.calls, 'failed', k.failed, 'seconds', coalesce(k.seconds, 0), 'mean_seconds', k.mean,
            'cost_credits', k.credits, 'cost_fiat', k.fiat, 'successes', k.successes, 'judged', k.judged,
            'success_rate', round(k.successes::numeric / nullif(k.judged, 0), 4),
            'outcomes', coalesce(o.outcomes, '{}'), 'days', coalesce(d.days, '[]'),
            'answers', coalesce(w.answers, 0), 'answer_ms_p50', w.p50, 'answer_ms_p95', w.p95
        ) as face
        from keyed k left join by_outcome o using (key) left join by_day d using (key) left join waits w using (key)
        where not k.is_outcome and not k.is_day
    )
    select jsonb_build_object(
        'all', (select f.face from faces f where f.key = '[]'),
        'assistants', coalesce((
            select jsonb_agg(
                jsonb_build_object('project', f.project, 'environment', f.environment, 'assistant', f.assistant) || f.face
                order by f.project, f.environment, f.assistant
            )
            from faces f where f.key <> '[]'
        ), '[]')
    ) into counted;
    return counted;
end
$$;

-- Ticks an action item off, or opens it again; null if there is none.
create function public.agentctl_mark_action_item(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    item agentctl.action_items;
    marked boolean;
begin
    update agentctl.action_items i set done = (args->>'done')::boolean
    where i.tenant = agentctl.tenant(args) and i.conversation_id = args->>'conversation_id'
        and i.position = (args->>'position')::integer and i.done <> (args->>'done')::boolean;
    marked := found;
    select * into item from agentctl.action_items i
    where i.tenant = agentctl.tenant(args) and i.conversation_id = args->>'conversation_id'
        and i.position = (args->>'position')::integer;
    if not found then
        return null;
    end if;
    return to_jsonb(item) - 'tenant' || jsonb_build_object('changed', marked);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000710', 'agentctl_reading');
