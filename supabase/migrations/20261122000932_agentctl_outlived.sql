-- What was erased for its age stays away as well: no redelivery and no backfill brings it back.

create table agentctl.outlived (
    tenant text not null default 'default',
    mark bytea not null,
    primary key (tenant, mark)
);
alter table agentctl.outlived enable row level security;
comment on table agentctl.outlived is
    'Marks, as those of `forgotten`, of raw events, recordings and calls that went for their age and left no row.';

-- Of these very bytes: another event of the same conversation is news.
create function agentctl.event_mark(owner text, kind text, conversation text, digest bytea) returns bytea
language sql stable set search_path = ''
as $$ select agentctl.mark(owner, 'bytes', concat_ws(' ', encode(digest, 'hex'), kind, conversation)) $$;

create function agentctl.is_emptied(owner text, conversation text) returns boolean
language sql stable set search_path = ''
as $$
    select exists (
        select from agentctl.calls c
        where c.tenant = owner and c.conversation_id = conversation and c.emptied_at is not null
    )
$$;

create function agentctl.is_outlived(owner text, mark bytea) returns boolean
language sql stable set search_path = ''
as $$ select exists (select from agentctl.outlived o where o.tenant = owner and o.mark = is_outlived.mark) $$;

-- As before, and of what went for its age: a call's words whatever event brings them, a recording, the same bytes.
create or replace function agentctl.refuse_forgotten() returns trigger
language plpgsql set search_path = ''
as $$
begin
    if new.conversation_id is not null and exists (select from agentctl.forgotten f where f.tenant = new.tenant)
        and agentctl.is_forgotten(new.tenant, new.conversation_id) then
        return null;
    end if;
    if new.type <> 'post_call_audio' and agentctl.is_emptied(new.tenant, new.conversation_id) then
        return null;
    end if;
    if exists (select from agentctl.outlived o where o.tenant = new.tenant) and (
        new.type = 'post_call_audio'
            and agentctl.is_outlived(new.tenant, agentctl.mark(new.tenant, 'sound', new.conversation_id))
        or agentctl.is_outlived(
            new.tenant, agentctl.event_mark(new.tenant, new.type, new.conversation_id, new.payload_sha256)
        )
    ) then
        return null;
    end if;
    return new;
end
$$;

-- As before; and what was accepted before its call went for its age, and waited until after it, is not stored.
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
    if args ? 'call' and agentctl.is_emptied(owner, conversation) then
        delete from agentctl.events e where e.tenant = owner and e.id = event;
        return false;
    end if;
    update agentctl.events e
    set state = 'done', error = null, finished_at = now()
    where e.tenant = owner and e.id = event and e.state = 'running' and e.attempt = (args->>'attempt')::integer;
    return found;
end
$$;

-- As before, and what left no call behind is known as well.
create or replace function public.agentctl_unknown_conversations(args jsonb) returns jsonb
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
    ) and not agentctl.is_forgotten(agentctl.tenant(args), asked.id)
    and not agentctl.is_outlived(
        agentctl.tenant(args), agentctl.mark(agentctl.tenant(args), 'conversation', asked.id)
    )
$$;

-- As before, and what goes is marked.
create or replace function public.agentctl_retain_events(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    answer jsonb;
begin
    perform agentctl.make_mark_key(owner);
    with due as (
        select e.id, e.received_at, c.conversation_id is not null as has_call
        from agentctl.events e
        left join agentctl.calls c on c.tenant = owner and c.conversation_id = e.conversation_id
        left join lateral (
            select a.project, a.environment from agentctl.assistants a
            where a.tenant = owner and a.agent_id = e.agent_id order by a.updated_at desc limit 1
        ) a on true
        cross join lateral agentctl.limit_of(
            owner, coalesce(c.project, a.project), coalesce(c.environment, a.environment)
        ) l
        where e.tenant = owner and e.state = args->>'state' and e.state in ('done', 'kept', 'dead')
            and e.received_at < now() - make_interval(days => (
                select min(least(r.raw_events, r.transcripts, r.audio)) from agentctl.limits(owner) r
            ))
            and e.received_at < now() - make_interval(days => least(
                l.raw_events, case when e.type = 'post_call_audio' then l.audio else l.transcripts end
            ))
            and (e.received_at, e.id) > (
                coalesce((args->'after'->>0)::timestamptz, '-infinity'),
                coalesce((args->'after'->>1)::uuid, '00000000-0000-0000-0000-000000000000')
            )
        order by e.received_at, e.id
        limit (args->>'limit')::integer
    ), gone as (
        delete from agentctl.events e using due where e.tenant = owner and e.id = due.id
        returning e.id, e.type, e.conversation_id, e.payload_sha256, due.has_call
    ), marked as (
        insert into agentctl.outlived (tenant, mark)
        select owner, agentctl.event_mark(owner, g.type, g.conversation_id, g.payload_sha256) from gone g
        union
        select owner, agentctl.mark(owner, 'conversation', g.conversation_id) from gone g
        where g.type = 'post_call_transcription' and g.conversation_id is not null and not g.has_call
        on conflict do nothing
    )
    select jsonb_build_object(
        'count', (select count(*) from gone),
        'last', (select jsonb_build_array(d.received_at, d.id) from due d order by d.received_at desc, d.id desc limit 1)
    ) into answer;
    return answer;
end
$$;

-- As before, and what goes is marked.
create or replace function public.agentctl_drop_recordings(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    answer jsonb;
begin
    perform agentctl.make_mark_key(owner);
    with dropped as (
        select * from jsonb_to_recordset(args->'recordings') d (conversation_id text, location text, sha256 text)
    ), gone as (
        delete from agentctl.recordings r using dropped d
        where r.tenant = owner and r.conversation_id = d.conversation_id
            and r.sha256 is not distinct from d.sha256
        returning r.conversation_id
    ), marked as (
        insert into agentctl.outlived (tenant, mark)
        select owner, agentctl.mark(owner, 'sound', g.conversation_id) from gone g
        on conflict do nothing
    ), forgotten as (
        delete from agentctl.remains f using dropped d
        where f.tenant = owner and f.conversation_id = d.conversation_id
            and f.recording = d.location and not f.at_vendor
        returning 1
    ), half_forgotten as (
        update agentctl.remains f set recording = null from dropped d
        where f.tenant = owner and f.conversation_id = d.conversation_id
            and f.recording = d.location and f.at_vendor
        returning 1
    )
    select jsonb_build_object('count', (
        (select count(*) from gone) + (select count(*) from forgotten) + (select count(*) from half_forgotten)
    )) into answer;
    return answer;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000932', 'agentctl_outlived');
