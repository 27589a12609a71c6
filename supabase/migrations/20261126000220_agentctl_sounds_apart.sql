-- Recordings are claimed apart from all other events, each in its own order: however many wait for a place that does not
-- answer, they hold up no call, and no claim of calls reads through them.

drop index agentctl.events_due;
create index events_due on agentctl.events (tenant, due_at, id)
where state in ('pending', 'running') and due_at > '-infinity' and type <> 'post_call_audio';
create index sounds_due on agentctl.events (tenant, due_at, id)
where state in ('pending', 'running') and due_at > '-infinity' and type = 'post_call_audio';

-- As before, for each of the two.
do $do$
declare
    queue text;
    sort text;
begin
    foreach queue in array array['events', 'sounds'] loop
        sort := format('q.type %s ''post_call_audio''', case queue when 'sounds' then '=' else '<>' end);
        execute format($make$
            create or replace function agentctl.turns_of_%1$s(args jsonb, many integer) returns agentctl.turn[]
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
                            (select r.lap, q.tenant, q.due_at, q.id from agentctl.events q
                            where q.state in ('pending', 'running') and q.due_at > '-infinity' and %2$s
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
        $make$, queue, sort);

        execute format($make$
            create or replace function agentctl.take_%1$s(args jsonb) returns setof agentctl.taken
            language plpgsql set search_path = ''
            as $$
            declare
                room integer := greatest((args->>'limit')::integer, 0);
                -- More than there is room for: what is due of one may be in another worker's hands at this moment.
                turns agentctl.turn[] := agentctl.turns_of_%1$s(args, least(room, 100) + 7);
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
                            select q.id from agentctl.events q
                            where q.tenant = this.tenant and q.state in ('pending', 'running')
                                and q.due_at > '-infinity' and q.due_at <= now() and %2$s
                                and (q.due_at, q.id) >= (this.due_at, this.id)
                            order by q.due_at, q.id limit share for update skip locked
                        )
                        update agentctl.events q
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
        $make$, queue, sort);
    end loop;
end
$do$;

-- As before. `sound`: true for recordings alone, false for all else; a worker that does not say takes what there is,
-- recordings last.
create or replace function public.agentctl_claim_events(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC' set enable_sort = 'off'
as $$
declare
    patience integer := coalesce((args->>'max_attempts')::integer, 5);
    sound boolean := (args->>'sound')::boolean;
    room integer := (args->>'limit')::integer;
    mine agentctl.taken[] := '{}';
    claimed jsonb;
begin
    -- A worker that an event kills never reports a failure: the lost lease is one, or it would go round for ever.
    with lost as (
        select e.tenant, e.id from agentctl.events e
        where e.state = 'running' and e.due_at <= now() and e.failures + 1 >= patience
            and e.tenant = coalesce(nullif(args->>'tenant', ''), e.tenant)
        for update skip locked
    )
    update agentctl.events e
    set state = 'dead', failures = e.failures + 1, finished_at = now(),
        error = concat_ws('; ', 'the worker was lost at each attempt', e.error)
    from lost where e.tenant = lost.tenant and e.id = lost.id;

    -- Before they are read: what a statement changes it does not see itself.
    if sound is not true then
        mine := array(select t from agentctl.take_events(args) t);
    end if;
    if sound is not false and cardinality(mine) < room then
        args := jsonb_set(args, '{limit}', to_jsonb(room - cardinality(mine)));
        mine := mine || array(select t from agentctl.take_sounds(args) t);
    end if;

    select jsonb_agg(jsonb_build_object(
        'id', e.id, 'tenant', e.tenant, 'type', e.type, 'conversation_id', e.conversation_id, 'agent_id', e.agent_id,
        'event_timestamp', e.event_timestamp, 'source', e.source, 'attempt', e.attempt,
        'received_at', e.received_at, 'size', octet_length(e.payload),
        'assistant', agentctl.assistant_of(e.tenant, e.agent_id)
    ) order by t.turn, e.received_at, e.id) into claimed
    from unnest(mine) t cross join lateral (
        select * from agentctl.events e where e.tenant = t.tenant and e.id = t.id offset 0
    ) e;
    return coalesce(claimed, '[]');
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000220', 'agentctl_sounds_apart');
