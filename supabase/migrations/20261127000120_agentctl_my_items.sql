-- What is to be done, and what the calls come to: for signed-in people.

create index action_items_due on agentctl.action_items (tenant, due_date) where due_date is not null;

-- The items that are asked for, of the newest calls first: open ones unless `items` is any, of calls as for
-- agentctl_my_calls, and with `due_before` those that are due before that day. Paged as calls are, with the item's position
-- as `before_position`. At most 500 at once.
--
-- Each call that is walked has an item, so that as many calls as items are asked for suffice, and one in the middle of
-- which the page before ended. With `due_before` most may be due, or few of a million: what the newest 1,000 calls do not
-- have, the index by due date does.
create function agentctl.my_item_hits(args jsonb)
returns table (place bigint, conversation_id text, "position" integer, id text)
language plpgsql stable security definer rows 50 set search_path = '' set timezone = 'UTC'
set plan_cache_mode = 'force_custom_plan' set enable_seqscan = 'off'
as $$
declare
    owner text := args->>'tenant';
    is_open boolean := coalesce(args->>'items', 'open') = 'open';
    wanted jsonb := jsonb_build_object('items', 'open') || args;
    before timestamptz := coalesce((args->>'before')::timestamptz, 'infinity');
    before_id text := coalesce(args->>'before_id', '');
    before_position integer := coalesce((args->>'before_position')::integer, -1);
    due_before date := (args->>'due_before')::date;
    many integer := least(greatest(coalesce((args->>'limit')::integer, 50), 1), 500);
    batch integer := case when due_before is null then many + 1 else 1000 end;
    found_so_far integer;
    walked timestamptz;
    walked_id text;
begin
    if agentctl.my_role(owner) is null then
        return;
    end if;
    if wanted->>'items' is null or wanted->>'items' not in ('open', 'any') then
        raise exception 'items is open or any';
    end if;
    return query
        select row_number() over (), n.conversation_id, (n.item).position, agentctl.item_id(n.item)
        from (
            select c.conversation_id, one.item
            from (
                select c.conversation_id, c.started_at from agentctl.calls c
                where c.tenant = owner and agentctl.is_wanted(c, wanted)
                    and (c.started_at, c.conversation_id) <= (before, before_id)
                order by c.started_at desc, c.conversation_id desc limit batch
            ) c
            cross join lateral (
                select i as item from agentctl.action_items i
                where i.tenant = owner and i.conversation_id = c.conversation_id and not (is_open and i.done)
                    and (due_before is null or i.due_date < due_before)
                    and ((c.started_at, c.conversation_id) < (before, before_id) or i.position > before_position)
                offset 0  -- looked up call by call, whatever the planner expects
            ) one
            order by c.started_at desc, c.conversation_id desc, (one.item).position limit many
        ) n;
    get diagnostics found_so_far = row_count;
    if due_before is null or found_so_far >= many then
        return;
    end if;
    select c.started_at, c.conversation_id into walked, walked_id from agentctl.calls c
    where c.tenant = owner and agentctl.is_wanted(c, wanted)
        and (c.started_at, c.conversation_id) <= (before, before_id)
    order by c.started_at desc, c.conversation_id desc offset batch - 1 limit 1;
    return query
        with due as materialized (
            select i as item from agentctl.action_items i
            where i.tenant = owner and i.due_date < due_before and not (is_open and i.done)
        )
        select found_so_far + row_number() over (), n.conversation_id, (n.item).position, agentctl.item_id(n.item)
        from (
            select c.conversation_id, d.item
            from due d join agentctl.calls c on c.tenant = owner and c.conversation_id = (d.item).conversation_id
            where agentctl.is_wanted(c, wanted) and (c.started_at, c.conversation_id) < (walked, walked_id)
            order by c.started_at desc, c.conversation_id desc, (d.item).position limit many - found_so_far
        ) n
        where walked is not null;
end
$$;

create function public.agentctl_my_action_items(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
begin
    return (
        with hits as materialized (select * from agentctl.my_item_hits(args))
        select coalesce(jsonb_agg(jsonb_build_object(
            'id', h.id, 'position', i.position, 'what', i.what, 'who', i.who, 'due', i.due, 'due_date', i.due_date,
            'due_time', i.due_time, 'quote', i.quote, 'turn', i.turn, 'done', i.done,
            'conversation_id', c.conversation_id, 'started_at', c.started_at, 'project', c.project,
            'environment', c.environment, 'assistant', c.assistant, 'assistant_name', c.assistant_name,
            'external_number', c.external_number, 'title', (
                select d.title from agentctl.digests d
                where d.tenant = args->>'tenant' and d.conversation_id = h.conversation_id
            )
        ) order by h.place), '[]')
        from hits h
        join agentctl.action_items i on i.tenant = args->>'tenant'
            and (i.conversation_id, i.position) = (h.conversation_id, h.position)
        join agentctl.calls c on c.tenant = args->>'tenant' and c.conversation_id = h.conversation_id
    );
end
$$;
comment on function public.agentctl_my_action_items(jsonb) is
    'For signed-in users: action items of a tenant, of the newest calls first. tenant, items (open or any), due_before, limit (to 500), before, before_id, before_position, and the filters of agentctl_my_calls.';

-- A day's figures of all assistants (key []) and of each, days as the zone has them.
create function agentctl.days(owner text, args jsonb, zone text) returns table (key jsonb, days jsonb)
language plpgsql stable set search_path = '' set plan_cache_mode = 'force_custom_plan'
as $$
begin
    return query
        with chosen as (
            select c.project, c.environment, c.assistant, (c.started_at at time zone zone)::date as day, c.status,
                c.turn_count, c.duration_secs, c.successful, c.cost_credits, c.cost_fiat, c.answer_ms
            from agentctl.calls c where c.tenant = owner and agentctl.is_wanted(c, args)
        ), sums as (
            select case when grouping(c.assistant) = 1 then '[]'
                    else jsonb_build_array(c.project, c.environment, c.assistant) end as key, c.day, count(*) as calls,
                count(*) filter (where c.status = 'failed' and c.turn_count = 0) as failed,
                sum(c.duration_secs) as seconds, sum(c.cost_credits) as credits, sum(c.cost_fiat) as fiat,
                count(*) filter (where c.successful = 'success') as successes,
                count(*) filter (where c.successful in ('success', 'failure')) as judged
            from chosen c group by grouping sets ((c.day), (c.project, c.environment, c.assistant, c.day))
        ), waits as (
            select case when grouping(c.assistant) = 1 then '[]'
                    else jsonb_build_array(c.project, c.environment, c.assistant) end as key, c.day,
                percentile_disc(array[0.5, 0.95]) within group (order by waited.ms) as ms
            from chosen c cross join unnest(c.answer_ms) waited (ms)
            group by grouping sets ((c.day), (c.project, c.environment, c.assistant, c.day))
        )
        select s.key, jsonb_agg(jsonb_build_object(
            'day', s.day, 'calls', s.calls, 'failed', s.failed, 'seconds', coalesce(s.seconds, 0),
            'successes', s.successes, 'judged', s.judged, 'answer_ms_p50', w.ms[1], 'answer_ms_p95', w.ms[2],
            'cost_credits', s.credits, 'cost_fiat', s.fiat
        ) order by s.day)
        from sums s left join waits w using (key, day) group by s.key;
end
$$;

create function public.agentctl_my_counts(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    my_role text := agentctl.my_role(args->>'tenant');
    since text := coalesce(args->>'since', (now() - interval '30 days')::text);
    -- Of a tenant that is not theirs what one without a call comes to.
    wanted jsonb := case when my_role is null then '{"until": "-infinity"}' else args end
        || jsonb_build_object('since', since);
    hidden text[] := case when my_role = 'admin' then '{}' else '{cost_credits,cost_fiat}' end;
    counted jsonb := public.agentctl_count_calls(wanted);
    days jsonb;
begin
    select coalesce(jsonb_object_agg(d.key::text, (
        select jsonb_agg(one.day - hidden order by one.place)
        from jsonb_array_elements(d.days) with ordinality one (day, place)
    )), '{}') into days
    from agentctl.days(agentctl.tenant(wanted), wanted, coalesce(args->>'zone', 'UTC')) d;
    return jsonb_build_object(
        'since', since,
        'all', ((counted->'all') - hidden) || jsonb_build_object('days', coalesce(days->'[]', '[]')),
        'assistants', (
            select coalesce(jsonb_agg((one.face - hidden) || jsonb_build_object('days', days->(
                jsonb_build_array(one.face->'project', one.face->'environment', one.face->'assistant')::text
            )) order by one.place), '[]')
            from jsonb_array_elements(counted->'assistants') with ordinality one (face, place)
        )
    );
end
$$;
comment on function public.agentctl_my_counts(jsonb) is
    'For signed-in users: what the calls of a tenant come to, all together, by assistant and by day. tenant, since (default: 30 days ago), until, zone of the days (default: UTC), and the filters of agentctl_my_calls. Admins also see costs.';

insert into agentctl.exposed (object) values
    ('agentctl.my_item_hits(jsonb)'), ('public.agentctl_my_action_items(jsonb)'), ('public.agentctl_my_counts(jsonb)');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000120', 'agentctl_my_items');
