-- What waits is many after an outage, what runs is few. Whoever asked for one row by its key and its state, and each claim
-- that looked for leases that ran out for good, could be led through all that waits, where the planner knew of a quiet
-- hour alone. So the indexes of what is due are for those who ask for it in its order: a condition that always holds, and
-- that nobody else states, keeps them from all others; and a claim sorts nothing, so that it takes them.
drop index agentctl.events_due;
drop index agentctl.outbox_due;
create index events_due on agentctl.events (tenant, due_at)
where state in ('pending', 'running') and due_at > '-infinity';
create index outbox_due on agentctl.outbox (tenant, due_at)
where state in ('pending', 'running') and due_at > '-infinity';

-- As before, by these.
create or replace function public.agentctl_claim_events(args jsonb) returns jsonb
language plpgsql security definer
set search_path = '' set timezone = 'UTC' set enable_sort = 'off'
as $$
declare
    owner text := agentctl.tenant(args);
    patience integer := coalesce((args->>'max_attempts')::integer, 5);
    claimed jsonb;
begin
    -- A worker that an event kills never reports a failure: the lost lease is one, or it would go round for ever.
    with lost as (
        select id from agentctl.events
        where tenant = owner and state = 'running' and due_at <= now() and failures + 1 >= patience
        for update skip locked
    )
    update agentctl.events e
    set state = 'dead', failures = e.failures + 1, finished_at = now(),
        error = concat_ws('; ', 'the worker was lost at each attempt', e.error)
    from lost where e.tenant = owner and e.id = lost.id;

    with due as (
        select id from agentctl.events
        where tenant = owner and state in ('pending', 'running') and due_at > '-infinity' and due_at <= now()
        order by due_at
        limit greatest((args->>'limit')::integer, 0)
        for update skip locked
    ), mine as (
        update agentctl.events e
        set state = 'running', attempt = e.attempt + 1, failures = e.failures + (e.state = 'running')::integer,
            due_at = now() + agentctl.seconds(args, 'lease_seconds'), worker = args->>'worker'
        from due where e.tenant = owner and e.id = due.id
        returning e.*
    )
    select jsonb_agg(jsonb_build_object(
        'id', m.id, 'type', m.type, 'conversation_id', m.conversation_id, 'agent_id', m.agent_id,
        'event_timestamp', m.event_timestamp, 'source', m.source, 'attempt', m.attempt,
        'received_at', m.received_at, 'size', octet_length(m.payload),
        'assistant', (
            select jsonb_build_object(
                'project', a.project, 'environment', a.environment, 'key', a.key,
                'name', a.name, 'language', a.language, 'post_call', a.post_call
            )
            from agentctl.assistants a
            where a.tenant = owner and a.agent_id = m.agent_id
            order by a.updated_at desc limit 1
        )
    ) order by m.received_at, m.id) into claimed
    from mine m;
    return coalesce(claimed, '[]');
end
$$;

-- As before, by these.
create or replace function public.agentctl_claim_mails(args jsonb) returns jsonb
language plpgsql security definer
set search_path = '' set timezone = 'UTC' set enable_sort = 'off'
as $$
declare
    owner text := agentctl.tenant(args);
    patience integer := coalesce((args->>'max_attempts')::integer, 5);
    claimed jsonb;
begin
    with lost as (
        select id from agentctl.outbox
        where tenant = owner and state = 'running' and due_at <= now() and failures + 1 >= patience
        for update skip locked
    )
    update agentctl.outbox m
    set state = 'dead', failures = m.failures + 1,
        error = concat_ws('; ', 'the worker was lost at each attempt', m.error)
    from lost where m.tenant = owner and m.id = lost.id;

    with due as (
        select id from agentctl.outbox
        where tenant = owner and state in ('pending', 'running') and due_at > '-infinity' and due_at <= now()
        order by due_at
        limit greatest((args->>'limit')::integer, 0)
        for update skip locked
    ), mine as (
        update agentctl.outbox m
        set state = 'running', attempt = m.attempt + 1, failures = m.failures + (m.state = 'running')::integer,
            due_at = now() + agentctl.seconds(args, 'lease_seconds'), worker = args->>'worker'
        from due where m.tenant = owner and m.id = due.id
        returning m.*
    )
    select jsonb_agg(jsonb_build_object(
        'id', m.id, 'conversation_id', m.conversation_id, 'purpose', m.purpose, 'recipient', m.recipient,
        'message', m.message, 'attempt', m.attempt, 'created_at', m.created_at
    ) order by m.created_at, m.id) into claimed
    from mine m;
    return coalesce(claimed, '[]');
end
$$;

-- As before, by its key alone: its state is looked at when it is found.
create or replace function agentctl.replace_denial() returns trigger
language plpgsql set search_path = ''
as $$
declare
    denial agentctl.outbox;
begin
    select * into denial from agentctl.outbox m
    where m.tenant = new.tenant and m.conversation_id = new.conversation_id and m.purpose = 'failure'
        and m.recipient = new.recipient
    for update;
    if denial.state = 'pending' then
        delete from agentctl.outbox m where m.tenant = denial.tenant and m.id = denial.id;
    end if;
    return null;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000977', 'agentctl_due');
