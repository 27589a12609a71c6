-- Workers serve all tenants, in turn: the backlog of one is no reason for the single call of another to wait.

-- Leases that ran out for good, of whomever: only what runs is in these, which is little.
create index events_running on agentctl.events (due_at) where state = 'running';
create index outbox_running on agentctl.outbox (due_at) where state = 'running';

-- What is due, of one tenant after another. Where it was found to begin it is gone on with by its id, too: what came in
-- together is due at the same moment.
drop index agentctl.events_due;
drop index agentctl.outbox_due;
create index events_due on agentctl.events (tenant, due_at, id)
where state in ('pending', 'running') and due_at > '-infinity';
create index outbox_due on agentctl.outbox (tenant, due_at, id)
where state in ('pending', 'running') and due_at > '-infinity';

-- A tenant that has something due, and the first of it.
create type agentctl.turn as (tenant text, due_at timestamptz, id uuid);
-- What was claimed; `turn` counts the tenants in their order.
create type agentctl.taken as (turn integer, tenant text, id uuid);

-- The same for both queues, each with plans of its own.
do $do$
declare
    queue text;
begin
    foreach queue in array array['events', 'outbox'] loop
        -- Up to `many` tenants, or the one that `args` names: in the order of the index, round from the one after `after`.
        -- Of each tenant the first entry alone is read, be it due or not.
        execute format($make$
            create function agentctl.turns_of_%1$s(args jsonb, many integer) returns agentctl.turn[]
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
                            (select r.lap, q.tenant, q.due_at, q.id from agentctl.%1$s q
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
        $make$, queue);

        -- Claim what is due, at most `limit`, as many of each tenant. Whoever gives the last of these back as `after` goes
        -- on with the next. What was due before is not looked for again: of what is done, entries are there until a vacuum.
        execute format($make$
            create function agentctl.take_%1$s(args jsonb) returns setof agentctl.taken
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
                            select q.id from agentctl.%1$s q
                            where q.tenant = this.tenant and q.state in ('pending', 'running')
                                and q.due_at > '-infinity' and q.due_at <= now()
                                and (q.due_at, q.id) >= (this.due_at, this.id)
                            order by q.due_at, q.id limit share for update skip locked
                        )
                        update agentctl.%1$s q
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
        $make$, queue);
    end loop;
end
$do$;

create or replace function public.agentctl_claim_events(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC' set enable_sort = 'off'
as $$
declare
    patience integer := coalesce((args->>'max_attempts')::integer, 5);
    mine agentctl.taken[];
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
    mine := array(select t from agentctl.take_events(args) t);

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

create or replace function public.agentctl_claim_mails(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC' set enable_sort = 'off'
as $$
declare
    patience integer := coalesce((args->>'max_attempts')::integer, 5);
    mine agentctl.taken[];
    claimed jsonb;
begin
    with lost as (
        select m.tenant, m.id from agentctl.outbox m
        where m.state = 'running' and m.due_at <= now() and m.failures + 1 >= patience
            and m.tenant = coalesce(nullif(args->>'tenant', ''), m.tenant)
        for update skip locked
    )
    update agentctl.outbox m
    set state = 'dead', failures = m.failures + 1,
        error = concat_ws('; ', 'the worker was lost at each attempt', m.error)
    from lost where m.tenant = lost.tenant and m.id = lost.id;

    -- Before they are read: what a statement changes it does not see itself.
    mine := array(select t from agentctl.take_outbox(args) t);

    select jsonb_agg(jsonb_build_object(
        'id', m.id, 'tenant', m.tenant, 'conversation_id', m.conversation_id, 'purpose', m.purpose,
        'recipient', m.recipient, 'message', m.message, 'attempt', m.attempt, 'created_at', m.created_at
    ) order by t.turn, m.created_at, m.id) into claimed
    from unnest(mine) t cross join lateral (
        select * from agentctl.outbox m where m.tenant = t.tenant and m.id = t.id offset 0
    ) m;
    return coalesce(claimed, '[]');
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000110', 'agentctl_in_turn');
