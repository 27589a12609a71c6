-- What of a forgotten call lies outside of the store, remembered by itself: whoever drops the rows of a call, it stays
-- known what is still to be erased elsewhere.

create table agentctl.remains (
    tenant text not null default 'default',
    conversation_id text not null,
    names bytea[] not null default '{}',
    at_vendor boolean not null,
    recording text,
    primary key (tenant, conversation_id)
);
alter table agentctl.remains enable row level security;
create index remains_by_name on agentctl.remains using gin (names);
comment on table agentctl.remains is 'Calls that were forgotten and are not yet gone elsewhere. A row goes when they are.';
comment on column agentctl.remains.names is
    'Marks of what it may be asked for by: the caller''s number, each ending of it that is long enough, its events.';
comment on column agentctl.remains.at_vendor is 'The conversation is still to be deleted at ElevenLabs.';
comment on column agentctl.remains.recording is 'Where a recording is still to be deleted.';

-- A number is written with its country and without, so each of its endings leads to it. Six digits: the fewest that
-- `calls forget` takes for a number.
create function agentctl.caller_marks(owner text, number text) returns bytea[]
language sql stable set search_path = ''
as $$
    select array[agentctl.mark(owner, 'number', d.digits)] || array(
        select agentctl.mark(owner, 'ending', right(d.digits, size)) from generate_series(6, length(d.digits)) size
    )
    from (select agentctl.digits(number) digits) d where d.digits <> ''
$$;

-- Before the rows of a call go. What was remembered of it stays so.
create function agentctl.remember(owner text, conversation text, names bytea[], still_at_vendor boolean) returns void
language sql set search_path = ''
as $$
    insert into agentctl.remains as r (tenant, conversation_id, names, at_vendor, recording)
    values (
        owner, conversation,
        coalesce(names, '{}')
            || coalesce((
                select agentctl.caller_marks(owner, c.external_number) from agentctl.calls c
                where c.tenant = owner and c.conversation_id = conversation
            ), '{}')
            || array(
                select agentctl.mark(owner, 'event', e.id::text) from agentctl.events e
                where e.tenant = owner and e.conversation_id = conversation
            ),
        still_at_vendor,
        (select s.location from agentctl.recordings s where s.tenant = owner and s.conversation_id = conversation)
    )
    on conflict (tenant, conversation_id) do update set
        names = array(select distinct unnest(r.names || excluded.names)),
        at_vendor = r.at_vendor or excluded.at_vendor,
        recording = coalesce(excluded.recording, r.recording)
$$;

-- First of all steps: from here on nothing of them comes in, and what lies elsewhere stays known, whatever becomes of
-- the steps after it. `at_vendor`: the conversations are to be deleted there, too.
create or replace function public.agentctl_mark_forgotten(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    touched integer;
begin
    perform agentctl.make_mark_key(owner);
    insert into agentctl.forgotten as f (tenant, mark)
    select owner, agentctl.mark(owner, 'conversation', one)
    from (select distinct jsonb_array_elements_text(args->'conversation_ids')) c (one)
    union all
    select owner, agentctl.mark(owner, 'number', one)
    from (select distinct agentctl.digits(jsonb_array_elements_text(args->'numbers'))) n (one)
    on conflict (tenant, mark) do update set forgotten_at = now();
    get diagnostics touched = row_count;
    perform agentctl.remember(owner, c.one, n.names, coalesce((args->>'at_vendor')::boolean, false))
    from (select distinct jsonb_array_elements_text(args->'conversation_ids')) c (one)
    cross join (
        select array_agg(mark) names
        from jsonb_array_elements_text(args->'numbers') number
        cross join unnest(agentctl.caller_marks(owner, number)) mark
    ) n;
    return jsonb_build_object('marks', touched);
end
$$;

-- Of these conversations; and of a number (`digits`, with its country where `whole`), or of an event.
create function public.agentctl_remains(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'conversation_id', r.conversation_id, 'at_vendor', r.at_vendor, 'recording', r.recording
    ) order by r.conversation_id), '[]')
    from agentctl.remains r
    where r.tenant = agentctl.tenant(args) and (
        agentctl.given(args, 'conversation_ids') ? r.conversation_id
        or r.names && array[
            agentctl.mark(
                r.tenant, case when (args->>'whole')::boolean then 'number' else 'ending' end, args->>'digits'
            ),
            agentctl.mark(r.tenant, 'event', lower(args->>'event_id'))
        ]
    )
$$;

-- What is left of each of `remains`, rows as `remains` gives them; of what is nowhere any more, nothing.
create function public.agentctl_leave_remains(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with left_over as (
        select * from jsonb_to_recordset(args->'remains') l (conversation_id text, at_vendor boolean, recording text)
    ), gone as (
        delete from agentctl.remains r using left_over l
        where r.tenant = agentctl.tenant(args) and r.conversation_id = l.conversation_id
            and not l.at_vendor and l.recording is null
    ), kept as (
        update agentctl.remains r set at_vendor = l.at_vendor, recording = l.recording from left_over l
        where r.tenant = agentctl.tenant(args) and r.conversation_id = l.conversation_id
            and (l.at_vendor or l.recording is not null)
        returning 1
    )
    select jsonb_build_object('left', (select count(*) from kept))
$$;

-- As before; and what is refused for its number is remembered, since it is at the vendor, and its sound may be here.
create or replace function agentctl.finish_event(args jsonb) returns boolean
language plpgsql set search_path = ''
as $$
declare
    owner text := agentctl.tenant(args);
    event uuid := agentctl.id(jsonb_build_object('id', args->'event_id'));
    conversation text := coalesce(args->'call'->>'conversation_id', args->'recording'->>'conversation_id');
    number text := args->'call'->>'external_number';
begin
    if exists (select from agentctl.forgotten f where f.tenant = owner) then
        if agentctl.is_forgotten_caller(
            owner, number, coalesce(
                (args->'call'->>'started_at')::timestamptz,
                to_timestamp((args->'call'->>'event_timestamp')::double precision), now()
            )
        ) and not agentctl.is_forgotten(owner, conversation) then
            insert into agentctl.forgotten (tenant, mark)
            values (owner, agentctl.mark(owner, 'conversation', conversation)) on conflict do nothing;
            perform agentctl.remember(owner, conversation, agentctl.caller_marks(owner, number), true);
        end if;
        if agentctl.is_forgotten(owner, conversation) then
            perform agentctl.erase(owner, array[conversation], array[event]);
            return false;
        end if;
    end if;
    update agentctl.events e
    set state = 'done', error = null, finished_at = now()
    where e.tenant = owner and e.id = event and e.state = 'running' and e.attempt = (args->>'attempt')::integer;
    return found;
end
$$;

-- As before, and those of forgotten calls, which are due at once.
create or replace function public.agentctl_due_recordings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(due) order by due.conversation_id), '[]')
    from (
        select r.conversation_id, r.location, r.sha256
        from agentctl.recordings r
        left join agentctl.calls c on c.tenant = r.tenant and c.conversation_id = r.conversation_id
        left join lateral (
            select a.project, a.environment from agentctl.assistants a
            where a.tenant = r.tenant and a.agent_id = r.agent_id order by a.updated_at desc limit 1
        ) a on true
        cross join lateral agentctl.limit_of(
            r.tenant, coalesce(c.project, a.project), coalesce(c.environment, a.environment)
        ) l
        where r.tenant = agentctl.tenant(args) and r.conversation_id > coalesce(args->>'after', '')
            and r.stored_at < now() - make_interval(days => l.audio)
        union
        select f.conversation_id, f.recording, null
        from agentctl.remains f
        where f.tenant = agentctl.tenant(args) and f.conversation_id > coalesce(args->>'after', '')
            and f.recording is not null
        order by conversation_id
        limit (args->>'limit')::integer
    ) due
$$;

create or replace function public.agentctl_drop_recordings(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with dropped as (
        select * from jsonb_to_recordset(args->'recordings') d (conversation_id text, location text, sha256 text)
    ), gone as (
        delete from agentctl.recordings r using dropped d
        where r.tenant = agentctl.tenant(args) and r.conversation_id = d.conversation_id
            and r.sha256 is not distinct from d.sha256
        returning 1
    ), forgotten as (
        delete from agentctl.remains f using dropped d
        where f.tenant = agentctl.tenant(args) and f.conversation_id = d.conversation_id
            and f.recording = d.location and not f.at_vendor
        returning 1
    ), half_forgotten as (
        update agentctl.remains f set recording = null from dropped d
        where f.tenant = agentctl.tenant(args) and f.conversation_id = d.conversation_id
            and f.recording = d.location and f.at_vendor
        returning 1
    )
    select jsonb_build_object('count', (
        (select count(*) from gone) + (select count(*) from forgotten) + (select count(*) from half_forgotten)
    ))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000930', 'agentctl_remains');
