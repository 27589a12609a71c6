-- How long each project keeps what callers said, and erasing what is older.

create table agentctl.retention (
    tenant text not null default 'default',
    project text not null,
    environment text not null,
    transcripts integer,
    audio integer,
    raw_events integer,
    audit integer,
    primary key (tenant, project, environment)
);
alter table agentctl.retention enable row level security;
comment on table agentctl.retention is 'Days that things are kept, as the last sync of the project declared them; null: for ever.';

alter table agentctl.calls add column emptied_at timestamptz;
comment on column agentctl.calls.emptied_at is
    'When its words and its caller were erased for their age. What is left of it are figures, and that it is known.';
create index calls_with_words on agentctl.calls (tenant, started_at, conversation_id) where emptied_at is null;

-- The limits of each project, and with a null project those for what belongs to none: the longest that any project of
-- the store has, since nobody who keeps things longer may lose them to somebody else's limit.
create function agentctl.limits(owner text)
returns table (project text, environment text, transcripts integer, audio integer, raw_events integer)
language sql stable set search_path = ''
as $$
    select r.project, r.environment, r.transcripts, r.audio, r.raw_events from agentctl.retention r where r.tenant = owner
    union all
    select null, null,
        case when count(r.transcripts) = count(*) then max(r.transcripts) end,
        case when count(r.audio) = count(*) then max(r.audio) end,
        case when count(r.raw_events) = count(*) then max(r.raw_events) end
    from agentctl.retention r where r.tenant = owner
$$;

-- Those for a call or an event of this project.
create function agentctl.limit_of(owner text, of_project text, of_environment text)
returns table (transcripts integer, audio integer, raw_events integer)
language sql stable rows 1 set search_path = ''
as $$
    select l.transcripts, l.audio, l.raw_events from agentctl.limits(owner) l
    where (l.project, l.environment) = (of_project, of_environment) or l.project is null
    order by l.project nulls last limit 1
$$;

create function public.agentctl_save_retention(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    fresh agentctl.retention := jsonb_populate_record(null::agentctl.retention, args);
begin
    fresh.tenant := agentctl.tenant(args);
    insert into agentctl.retention as r select fresh.*
    on conflict (tenant, project, environment) do update set
        transcripts = excluded.transcripts, audio = excluded.audio, raw_events = excluded.raw_events,
        audit = excluded.audit
    where r is distinct from excluded;
    return jsonb_build_object('changed', found);
end
$$;

create function public.agentctl_retention(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(r) - 'tenant' order by r.project, r.environment), '[]')
    from agentctl.retention r
    where r.tenant = agentctl.tenant(args)
        and (args->>'project' is null or r.project = args->>'project')
        and (args->>'environment' is null or r.environment = args->>'environment')
$$;

-- What has no words stays of a call and its digest, so that they are counted and known. It is named one by one: a
-- column that comes later goes, unless somebody says that it may stay.
create function agentctl.empty_call(owner text, conversation text) returns void
language plpgsql set search_path = ''
as $$
declare
    call_fields constant text[] := '{tenant, conversation_id, agent_id, project, environment, assistant, assistant_name,
        branch_id, version_id, status, direction, agent_number, phone_number_id, channel, started_at, duration_secs,
        cost_credits, cost_fiat, language, successful, event_timestamp, source, turn_count, stored_at, outcome,
        answer_ms}';
    digest_fields constant text[] := '{tenant, conversation_id, engine, model, language, outcome, sentiment, follow_up,
        tokens_in, tokens_out, cost, seconds, made_at}';
    call_left jsonb;
    digest_left jsonb;
begin
    perform pg_advisory_xact_lock(hashtextextended(owner || ' ' || conversation, 0));  -- as put_call does
    select jsonb_object_agg(f.key, f.value) into call_left
    from agentctl.calls c, jsonb_each(to_jsonb(c)) f
    where c.tenant = owner and c.conversation_id = conversation and f.key = any (call_fields);
    select jsonb_object_agg(f.key, f.value) into digest_left
    from agentctl.digests d, jsonb_each(to_jsonb(d)) f
    where d.tenant = owner and d.conversation_id = conversation and f.key = any (digest_fields);
    delete from agentctl.calls c where c.tenant = owner and c.conversation_id = conversation;
    insert into agentctl.calls
    select * from jsonb_populate_record(
        null::agentctl.calls, call_left || jsonb_build_object('detail', '{}'::jsonb, 'updated_at', now(), 'emptied_at', now())
    );
    if digest_left is not null then
        insert into agentctl.digests
        select * from jsonb_populate_record(null::agentctl.digests, digest_left || '{"detail": {}}');
    end if;
    -- It could be made anew of these.
    delete from agentctl.events e
    where e.tenant = owner and e.conversation_id = conversation and e.type <> 'post_call_audio'
        and e.state in ('done', 'kept', 'dead');
    delete from agentctl.outbox m where m.tenant = owner and m.conversation_id = conversation and m.state <> 'sent';
    update agentctl.outbox m set message = '{}', error = null
    where m.tenant = owner and m.conversation_id = conversation;
end
$$;

-- A batch; `after` is where the batch before it ended, and `last` where this one did. Fewer than `limit`: there are no more.
create function public.agentctl_retain_calls(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    due record;
    emptied integer := 0;
    last jsonb;
begin
    for due in
        select c.conversation_id, c.started_at
        from agentctl.calls c cross join lateral agentctl.limit_of(owner, c.project, c.environment) l
        where c.tenant = owner and c.emptied_at is null
            and c.started_at < now() - make_interval(days => (select min(r.transcripts) from agentctl.limits(owner) r))
            and c.started_at < now() - make_interval(days => l.transcripts)
            and (c.started_at, c.conversation_id) > (
                coalesce((args->'after'->>0)::timestamptz, '-infinity'), coalesce(args->'after'->>1, '')
            )
        order by c.started_at, c.conversation_id
        limit (args->>'limit')::integer
    loop
        perform agentctl.empty_call(owner, due.conversation_id);
        emptied := emptied + 1;
        last := jsonb_build_array(due.started_at, due.conversation_id);
    end loop;
    return jsonb_build_object('count', emptied, 'last', last);
end
$$;

-- Raw events hold what calls are made of, so none outlasts the limit of that. What still waits for a worker is left.
create function public.agentctl_retain_events(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    answer jsonb;
begin
    with due as (
        select e.id, e.received_at
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
        delete from agentctl.events e using due where e.tenant = owner and e.id = due.id returning e.id
    )
    select jsonb_build_object(
        'count', (select count(*) from gone),
        'last', (select jsonb_build_array(d.received_at, d.id) from due d order by d.received_at desc, d.id desc limit 1)
    ) into answer;
    return answer;
end
$$;

-- Recordings lie outside: first their files go, then `drop_recordings` takes the rows.
create function public.agentctl_due_recordings(args jsonb) returns jsonb
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
        order by r.conversation_id
        limit (args->>'limit')::integer
    ) due
$$;

-- One that was stored anew meanwhile is another.
create function public.agentctl_drop_recordings(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.recordings r
        using jsonb_to_recordset(args->'recordings') d (conversation_id text, sha256 text)
        where r.tenant = agentctl.tenant(args) and r.conversation_id = d.conversation_id
            and r.sha256 is not distinct from d.sha256
        returning 1
    )
    select jsonb_build_object('count', count(*)) from gone
$$;

-- Two years, where no project says otherwise.
create function public.agentctl_trim_audit(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.audit a
        where a.tenant = agentctl.tenant(args) and a.at < now() - make_interval(days => greatest(31, coalesce(
            (select max(r.audit) from agentctl.retention r where r.tenant = agentctl.tenant(args)), 730
        )))
        returning 1
    )
    select jsonb_build_object('count', count(*)) from gone
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000920', 'agentctl_retention');
