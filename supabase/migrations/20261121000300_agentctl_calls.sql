-- What happened on the phone.

create table agentctl.calls (
    tenant text not null default 'default',
    conversation_id text not null,
    agent_id text,
    project text,
    environment text,
    assistant text,
    assistant_name text,
    branch_id text,
    version_id text,
    status text not null,
    direction text,
    external_number text,
    agent_number text,
    phone_number_id text,
    call_sid text,
    channel text,
    started_at timestamptz not null,
    duration_secs numeric,
    cost_credits numeric,
    cost_fiat numeric,
    language text,
    successful text,
    termination_reason text,
    failure_reason text,
    event_timestamp bigint,
    source text not null check (source in ('webhook', 'backfill')),
    user_id text,
    detail jsonb not null default '{}',
    turn_count integer not null default 0,
    stored_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant, conversation_id)
);
alter table agentctl.calls enable row level security;
create index calls_by_start on agentctl.calls (tenant, started_at desc, conversation_id desc);
create index calls_by_assistant on agentctl.calls (tenant, assistant, started_at desc, conversation_id desc);
comment on table agentctl.calls is 'One conversation of an agent, on the phone or elsewhere.';
comment on column agentctl.calls.assistant is 'Our key; null if the agent is not one of ours.';
comment on column agentctl.calls.status is 'The vendor''s word: done, failed, or another.';
comment on column agentctl.calls.external_number is 'The other party; agent_number is ours. E.164 where the carrier gave it.';
comment on column agentctl.calls.started_at is 'For a call that never began: when we were told so.';
comment on column agentctl.calls.cost_fiat is 'As the vendor reports it; cost_credits likewise.';
comment on column agentctl.calls.successful is 'The vendor''s own verdict: success, failure or unknown.';
comment on column agentctl.calls.failure_reason is 'Why the call never began.';
comment on column agentctl.calls.event_timestamp is 'Of the event that this row was made from, Unix seconds.';

create table agentctl.call_turns (
    tenant text not null default 'default',
    conversation_id text not null,
    position integer not null,
    role text not null,
    message text,
    at_secs numeric,
    interrupted boolean not null default false,
    tool_calls jsonb not null default '[]',
    tool_results jsonb not null default '[]',
    detail jsonb not null default '{}',
    primary key (tenant, conversation_id, position),
    foreign key (tenant, conversation_id) references agentctl.calls on delete cascade
);
alter table agentctl.call_turns enable row level security;
comment on table agentctl.call_turns is 'The transcript.';
comment on column agentctl.call_turns.message is 'Null where a turn only used tools.';
comment on column agentctl.call_turns.at_secs is 'Seconds since the call began.';

create table agentctl.digests (
    tenant text not null default 'default',
    conversation_id text not null,
    engine text not null,
    model text,
    title text,
    summary text,
    language text,
    detail jsonb not null default '{}',
    made_at timestamptz not null default now(),
    primary key (tenant, conversation_id),
    foreign key (tenant, conversation_id) references agentctl.calls on delete cascade
);
alter table agentctl.digests enable row level security;
comment on table agentctl.digests is 'The summary of a call.';
comment on column agentctl.digests.engine is 'What made it: the vendor''s analysis, a language model, or a plain extract.';

create table agentctl.action_items (
    tenant text not null default 'default',
    conversation_id text not null,
    position integer not null,
    what text not null,
    who text,
    due text,
    done boolean not null default false,
    primary key (tenant, conversation_id, position),
    foreign key (tenant, conversation_id) references agentctl.calls on delete cascade
);
alter table agentctl.action_items enable row level security;
comment on table agentctl.action_items is 'What somebody has to do after a call.';
comment on column agentctl.action_items.due is 'In the words of the call, not a date.';

create table agentctl.recordings (
    tenant text not null default 'default',
    conversation_id text not null,
    agent_id text,
    location text not null,
    content_type text,
    size bigint,
    sha256 text,
    stored_at timestamptz not null default now(),
    primary key (tenant, conversation_id)
);
alter table agentctl.recordings enable row level security;
comment on table agentctl.recordings is 'Where the sound of a call lies. It may arrive before the call: no foreign key.';

-- The fence: true if the event was this worker's, and it is done now.
create function agentctl.finish_event(args jsonb) returns boolean
language sql set search_path = ''
as $$
    with done as (
        update agentctl.events e
        set state = 'done', error = null, finished_at = now()
        where e.tenant = agentctl.tenant(args) and e.id = agentctl.id(jsonb_build_object('id', args->'event_id'))
            and e.state = 'running' and e.attempt = (args->>'attempt')::integer
        returning 1
    )
    select exists (select from done)
$$;

-- Events come in any order and more than once. This order of what they say makes the outcome independent of that:
-- a call that took place outranks one that failed to begin, the webhook outranks backfill, then the newer one wins.
create function agentctl.rank(c agentctl.calls) returns bigint[]
language sql immutable set search_path = ''
as $$
    select array[
        (c.status <> 'failed' or c.turn_count > 0)::integer,
        (c.source = 'webhook')::integer,
        coalesce(c.event_timestamp, 0)
    ]::bigint[]
$$;

create function agentctl.put_call(owner text, args jsonb) returns boolean
language plpgsql set search_path = ''
as $$
declare
    fresh agentctl.calls := jsonb_populate_record(null::agentctl.calls, args->'call');
    stored agentctl.calls;
begin
    fresh.tenant := owner;
    fresh.detail := coalesce(fresh.detail, '{}');
    fresh.turn_count := coalesce(jsonb_array_length(agentctl.given(args, 'turns')), 0);
    fresh.updated_at := now();
    fresh.stored_at := now();
    fresh.started_at := coalesce(fresh.started_at, to_timestamp(fresh.event_timestamp), now());
    -- There may be no row to lock yet.
    perform pg_advisory_xact_lock(hashtextextended(owner || ' ' || fresh.conversation_id, 0));
    select * into stored from agentctl.calls c
    where c.tenant = owner and c.conversation_id = fresh.conversation_id;
    if found then
        if agentctl.rank(stored) > agentctl.rank(fresh) then
            return false;
        end if;
        fresh.stored_at := stored.stored_at;
        delete from agentctl.calls c where c.tenant = owner and c.conversation_id = fresh.conversation_id;
    end if;
    insert into agentctl.calls select fresh.*;
    return true;
end
$$;

create function agentctl.put_parts(owner text, conversation text, args jsonb) returns void
language sql set search_path = ''
as $$
    insert into agentctl.call_turns
    select owner, conversation, t.position, t.role, t.message, t.at_secs, coalesce(t.interrupted, false),
        coalesce(t.tool_calls, '[]'), coalesce(t.tool_results, '[]'), coalesce(t.detail, '{}')
    from jsonb_populate_recordset(null::agentctl.call_turns, agentctl.given(args, 'turns')) t;

    insert into agentctl.digests (tenant, conversation_id, engine, model, title, summary, language, detail)
    select owner, conversation, d.engine, d.model, d.title, d.summary, d.language, coalesce(d.detail, '{}')
    from jsonb_populate_record(null::agentctl.digests, agentctl.given(args, 'digest')) d
    where agentctl.given(args, 'digest') is not null;

    insert into agentctl.action_items
    select owner, conversation, i.position, i.what, i.who, i.due, coalesce(i.done, false)
    from jsonb_populate_recordset(null::agentctl.action_items, agentctl.given(args, 'action_items')) i
$$;

-- One event -> call, turns, digest, action items and queued mails, or nothing of it.
-- What somebody has ticked off stays so when the same call is processed again.
-- A mail goes to each recipient once per call, whatever is stored later, and never about what was superseded: a late
-- notice that a call did not begin would deny one that took place.
create function public.agentctl_store_call(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    conversation text := args->'call'->>'conversation_id';
    ticked text[];
    better boolean;
begin
    if not agentctl.finish_event(args) then
        return jsonb_build_object('held', false, 'stored', false);
    end if;
    select array_agg(i.what) into ticked from agentctl.action_items i
    where i.tenant = owner and i.conversation_id = conversation and i.done;
    better := agentctl.put_call(owner, args);
    if better then
        perform agentctl.put_parts(owner, conversation, args);
        update agentctl.action_items i set done = true
        where i.tenant = owner and i.conversation_id = conversation and i.what = any (ticked);
        insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message)
        select owner, conversation, m->>'purpose', m->>'recipient', m->'message'
        from jsonb_array_elements(agentctl.given(args, 'mails')) m
        on conflict (tenant, conversation_id, purpose, recipient) do nothing;
    end if;
    return jsonb_build_object('held', true, 'stored', better);
end
$$;

create function public.agentctl_store_recording(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    if not agentctl.finish_event(args) then
        return jsonb_build_object('held', false, 'stored', false);
    end if;
    insert into agentctl.recordings (tenant, conversation_id, agent_id, location, content_type, size, sha256)
    select agentctl.tenant(args), r.conversation_id, r.agent_id, r.location, r.content_type, r.size, r.sha256
    from jsonb_populate_record(null::agentctl.recordings, args->'recording') r
    on conflict (tenant, conversation_id) do update set
        agent_id = excluded.agent_id, location = excluded.location, content_type = excluded.content_type,
        size = excluded.size, sha256 = excluded.sha256, stored_at = now();
    return jsonb_build_object('held', true, 'stored', true);
end
$$;

-- For backfill: those of the given conversations of which we were never told.
create function public.agentctl_unknown_conversations(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(asked.id order by asked.place), '[]')
    from jsonb_array_elements_text(args->'conversation_ids') with ordinality asked (id, place)
    where not exists (
        select from agentctl.events e
        where e.tenant = agentctl.tenant(args) and e.conversation_id = asked.id
            and e.type = 'post_call_transcription'
    ) and not exists (
        select from agentctl.calls c
        where c.tenant = agentctl.tenant(args) and c.conversation_id = asked.id
    )
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121000300', 'agentctl_calls');
