-- Rows of a sink are claimed of one tenant after another, as events and mails are.

drop index agentctl.sink_rows_due;
create index sink_rows_due on agentctl.sink_rows (tenant, due_at, id)
where state in ('pending', 'running') and due_at > '-infinity';

-- As agentctl.turns_of_events.
create function agentctl.turns_of_sink_rows(args jsonb, many integer) returns agentctl.turn[]
language plpgsql stable set search_path = ''
as $$
declare
    after text := coalesce(args->>'after', '');
    named text := nullif(args->>'tenant', '');
begin
    if named is not null then
        return array[row(named, '-infinity', '00000000-0000-0000-0000-000000000000')::agentctl.turn];
    end if;
    return array(
        with recursive ring (lap, tenant, due_at, id) as (
            select 1, after, 'infinity'::timestamptz, null::uuid
            union all
            select next.* from ring r cross join lateral (
                (select r.lap, q.tenant, q.due_at, q.id from agentctl.sink_rows q
                where q.state in ('pending', 'running') and q.due_at > '-infinity'
                    and q.tenant > r.tenant and (r.lap = 1 or q.tenant <= after)
                order by q.tenant, q.due_at, q.id limit 1)
                union all
                select 2, '', 'infinity', null where r.lap = 1 and after <> ''
                limit 1
            ) next
        )
        select row(r.tenant, r.due_at, r.id)::agentctl.turn from ring r where r.due_at <= now() limit many
    );
end
$$;

-- As agentctl.take_events.
create function agentctl.take_sink_rows(args jsonb) returns setof agentctl.taken
language plpgsql set search_path = ''
as $$
declare
    room integer := greatest((args->>'limit')::integer, 0);
    -- More than there is room for: what is due of one may be in another worker's hands at this moment.
    turns agentctl.turn[] := agentctl.turns_of_sink_rows(args, least(room, 100) + 7);
    this agentctl.turn;
    share integer;
    taken integer;
begin
    for place in 1..cardinality(turns) loop
        exit when room = 0;
        this := turns[place];
        share := greatest(1, room / (cardinality(turns) - place + 1));
        return query
            with due as (
                select q.id from agentctl.sink_rows q
                where q.tenant = this.tenant and q.state in ('pending', 'running')
                    and q.due_at > '-infinity' and q.due_at <= now()
                    and (q.due_at, q.id) >= (this.due_at, this.id)
                order by q.due_at, q.id limit share for update skip locked
            )
            update agentctl.sink_rows q
            set state = 'running', attempt = q.attempt + 1,
                failures = q.failures + (q.state = 'running')::integer,
                due_at = now() + agentctl.seconds(args, 'lease_seconds'), worker = args->>'worker'
            from due where q.tenant = this.tenant and q.id = due.id
            returning place, q.tenant, q.id;
        get diagnostics taken = row_count;
        room := room - taken;
    end loop;
end
$$;

-- As before, in turn: whoever gives the last row's tenant back as `after` goes on with the next.
create or replace function public.agentctl_claim_sink_rows(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC' set enable_sort = 'off'
as $$
declare
    patience integer := coalesce((args->>'max_attempts')::integer, 12);
    named text[] := array(select jsonb_array_elements_text(agentctl.given(args, 'conversation_ids')));
    mine agentctl.taken[];
    claimed jsonb;
begin
    -- As for events: a lost lease is a failure, or what kills workers would go round for ever.
    with lost as (
        select r.tenant, r.id from agentctl.sink_rows r
        where r.state = 'running' and r.due_at <= now() and r.failures + 1 >= patience
        for update skip locked
    )
    update agentctl.sink_rows r
    set state = 'dead', failures = r.failures + 1, finished_at = now(),
        error = concat_ws('; ', 'the worker was lost at each attempt', r.error)
    from lost where r.tenant = lost.tenant and r.id = lost.id;

    if agentctl.given(args, 'conversation_ids') is null then
        mine := array(select t from agentctl.take_sink_rows(args) t);
    else
        with asked as (
            select r.id from agentctl.sink_rows r
            where r.tenant = agentctl.tenant(args) and r.conversation_id = any (named)
                and (r.state <> 'running' or r.due_at <= now())
            limit greatest((args->>'limit')::integer, 0) for update skip locked
        ), taken as (
            update agentctl.sink_rows r
            set state = 'running', attempt = r.attempt + 1, failures = r.failures + (r.state = 'running')::integer,
                due_at = now() + agentctl.seconds(args, 'lease_seconds'), worker = args->>'worker', finished_at = null
            from asked where r.id = asked.id
            returning row(1, r.tenant, r.id)::agentctl.taken as one
        )
        select array_agg(t.one) into mine from taken t;
    end if;

    select jsonb_agg(jsonb_build_object(
        'id', r.id, 'tenant', r.tenant, 'conversation_id', r.conversation_id, 'attempt', r.attempt
    ) order by t.turn, r.since, r.id) into claimed
    from unnest(mine) t cross join lateral (
        select * from agentctl.sink_rows r where r.id = t.id offset 0
    ) r;
    return coalesce(claimed, '[]');
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000320', 'agentctl_sink_in_turn');
