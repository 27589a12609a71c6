-- The inbox: each delivery that the door accepted, once, as the bytes that came. The row is also the job:
-- lease, attempt number as fence, backoff and dead letter live here, so any number of workers on any machines will do.

create table agentctl.events (
    tenant text not null default 'default',
    id uuid not null default gen_random_uuid(),
    type text not null,
    conversation_id text,
    agent_id text,
    event_timestamp bigint,
    source text not null check (source in ('webhook', 'backfill')),
    payload bytea not null,
    payload_sha256 bytea not null,
    state text not null default 'pending' check (state in ('pending', 'running', 'done', 'kept', 'dead')),
    attempt integer not null default 0,
    failures integer not null default 0,
    due_at timestamptz not null default now(),
    worker text,
    error text,
    received_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (tenant, id),
    constraint events_once unique nulls not distinct (tenant, conversation_id, type, payload_sha256)
);
alter table agentctl.events enable row level security;
create index events_due on agentctl.events (tenant, due_at) where state in ('pending', 'running');
create index events_by_state on agentctl.events (tenant, state, received_at desc);
comment on table agentctl.events is 'Accepted deliveries. The payload is parsed by workers, after the sender has its 200.';
comment on column agentctl.events.type is 'The vendor''s word, also one that we do not know yet.';
comment on column agentctl.events.conversation_id is 'Null if the delivery names none.';
comment on column agentctl.events.event_timestamp is 'The sender''s clock, Unix seconds.';
comment on column agentctl.events.payload is
    'Raw bytes and not jsonb: a signed, valid \u0000 must not be refused, and nothing may be lost by parsing.';
comment on column agentctl.events.state is
    'pending -> running -> done; kept: understood to be unknown, shown, never retried; dead: failed too often.';
comment on column agentctl.events.attempt is
    'Counts claims. It is the fence: whoever finishes with another number than this has lost the event to somebody.';
comment on column agentctl.events.failures is 'Failed or abandoned attempts since it was last queued by a person.';
comment on column agentctl.events.due_at is 'pending: not before this. running: the end of the lease.';

-- Column compression is a build option of the server; lz4 is worth half as much throughput again.
do $$
begin
    alter table agentctl.events alter column payload set compression lz4;
exception when feature_not_supported then
    null;
end
$$;

-- What is shown of an event. A whole row of the table would read each payload, and a recording has megabytes.
create view agentctl.event_faces with (security_invoker = true) as
select tenant, id, type, conversation_id, agent_id, event_timestamp, source, state, attempt, failures, error,
    received_at, finished_at, octet_length(payload) as size
from agentctl.events;

-- Idempotent by content: the sender's retries are byte for byte the same.
-- Type and conversation are cut at a length that an index row can hold; the payload has them whole.
create function public.agentctl_accept(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    kind text := left(args->>'type', 200);
    conversation text := left(nullif(args->>'conversation_id', ''), 200);
    body bytea := decode(args->>'payload', 'base64');
    event uuid;
begin
    insert into agentctl.events
        (tenant, type, conversation_id, agent_id, event_timestamp, source, payload, payload_sha256)
    values (
        owner, kind, conversation, args->>'agent_id', (args->>'event_timestamp')::numeric::bigint,
        args->>'source', body, sha256(body)
    )
    on conflict on constraint events_once do nothing
    returning id into event;
    if event is not null then
        return jsonb_build_object('id', event, 'new', true);
    end if;
    select e.id into event
    from agentctl.events e
    where e.tenant = owner and e.conversation_id is not distinct from conversation and e.type = kind
        and e.payload_sha256 = sha256(body);
    return jsonb_build_object('id', event, 'new', false);
end
$$;

-- Headings only: several large payloads in one answer would outlast its deadline, or what jsonb can hold.
create function public.agentctl_claim_events(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
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
        where tenant = owner and state in ('pending', 'running') and due_at <= now()
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

create function public.agentctl_fail_event(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    outcome text;
begin
    update agentctl.events e
    set state = case when e.failures + 1 >= (args->>'max_attempts')::integer then 'dead' else 'pending' end,
        finished_at = case when e.failures + 1 >= (args->>'max_attempts')::integer then now() end,
        failures = e.failures + 1, error = args->>'error',
        due_at = now() + agentctl.seconds(args, 'delay_seconds')
    where e.tenant = agentctl.tenant(args) and e.id = agentctl.id(args)
        and e.state = 'running' and e.attempt = (args->>'attempt')::integer
    returning e.state into outcome;
    return jsonb_build_object('held', outcome is not null, 'state', outcome);
end
$$;

create function public.agentctl_keep_event(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with kept as (
        update agentctl.events e
        set state = 'kept', error = args->>'reason', finished_at = now()
        where e.tenant = agentctl.tenant(args) and e.id = agentctl.id(args)
            and e.state = 'running' and e.attempt = (args->>'attempt')::integer
        returning 1
    )
    select jsonb_build_object('held', exists (select from kept))
$$;

create function public.agentctl_list_events(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(newest) - 'tenant' order by newest.received_at desc, newest.id), '[]')
    from (
        select e.*
        from unnest(array['pending', 'running', 'done', 'kept', 'dead']) wanted
        cross join lateral (
            select * from agentctl.event_faces
            where tenant = agentctl.tenant(args) and state = wanted
            order by received_at desc
            limit (args->>'limit')::integer
        ) e
        where agentctl.given(args, 'states') is null or agentctl.given(args, 'states') ? wanted
        order by e.received_at desc
        limit (args->>'limit')::integer
    ) newest
$$;

-- Queued by a person: the failures start anew, the attempt number does not, since it is the fence.
create function public.agentctl_requeue_events(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    touched integer;
begin
    if coalesce(args->>'id', args->>'conversation_id', args->>'states') is null then
        raise exception 'requeue_events needs an id, a conversation_id or states';
    end if;
    update agentctl.events e
    set state = 'pending', failures = 0, due_at = now(), finished_at = null, worker = null
    where e.tenant = agentctl.tenant(args)
        and (args->>'id' is null or e.id = agentctl.id(args))
        and (args->>'conversation_id' is null or e.conversation_id = args->>'conversation_id')
        and coalesce(agentctl.given(args, 'states'), '["pending", "done", "kept", "dead"]') ? e.state;
    get diagnostics touched = row_count;
    return jsonb_build_object('events', touched);
end
$$;

create function public.agentctl_find_event(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select to_jsonb(face) - 'tenant'
        || jsonb_build_object('payload', translate(encode(e.payload, 'base64'), E'\n', ''))
    from agentctl.event_faces face join agentctl.events e using (tenant, id)
    where tenant = agentctl.tenant(args) and id = agentctl.id(args)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121000200', 'agentctl_inbox');
