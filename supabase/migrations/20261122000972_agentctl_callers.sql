-- A call that was emptied for its age keeps marks of who called, by which whoever asks for that number finds it.

create table agentctl.callers (
    tenant text not null default 'default',
    conversation_id text not null,
    seen text not null check (seen in ('line', 'user')),
    caller bytea,
    names bytea[] not null,
    primary key (tenant, conversation_id, seen),
    foreign key (tenant, conversation_id) references agentctl.calls on delete cascade
);
alter table agentctl.callers enable row level security;
create index callers_by_name on agentctl.callers using gin (names);
comment on table agentctl.callers is 'Marks of who called, for calls that were emptied for their age and have no number any more.';
comment on column agentctl.callers.seen is 'line: the number that called; user: the one that a site passed as user_id.';
comment on column agentctl.callers.caller is 'The mark of the number as `forgotten` would have it; null for one without its country.';
comment on column agentctl.callers.names is 'Marks of what it may be asked for by, as those of `remains`.';

-- What leads to a call by who called, as rows of `callers`.
create function agentctl.callers_of(owner text, number text, user_id text)
returns table (seen text, caller bytea, names bytea[])
language sql stable set search_path = ''
as $$
    select 'line', m.names[1], m.names from agentctl.caller_marks(owner, number) m (names) where m.names is not null
    union all
    select 'user',
        case when u.number like '+%' then agentctl.mark(owner, 'number', agentctl.digits(u.number)) end,
        case when u.number like '+%' then agentctl.caller_marks(owner, u.number)
            else array[agentctl.mark(owner, 'written', u.number)] end
    from agentctl.user_number(user_id) u (number) where u.number is not null
$$;

-- The marks by which somebody who asks for a number may find it.
create function agentctl.asked_marks(owner text, digits text, whole boolean) returns bytea[]
language sql stable set search_path = ''
as $$
    select array[agentctl.mark(owner, case when whole then 'number' else 'ending' end, digits)]
        || array(select agentctl.mark(owner, 'written', form) from unnest(agentctl.written_forms(digits)) form)
$$;

-- As before, and who called stays known by marks.
create or replace function agentctl.empty_call(owner text, conversation text) returns void
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
    known agentctl.callers[];
begin
    perform pg_advisory_xact_lock(hashtextextended(owner || ' ' || conversation, 0));  -- as put_call does
    perform agentctl.make_mark_key(owner);
    known := array(
        select row(owner, conversation, k.seen, k.caller, k.names)::agentctl.callers
        from agentctl.calls c cross join lateral agentctl.callers_of(owner, c.external_number, c.user_id) k
        where c.tenant = owner and c.conversation_id = conversation
    );
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
    insert into agentctl.callers select k.* from unnest(known) k;
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

-- As before, by whatever leads to the call, and with what was mailed about it.
create or replace function agentctl.remember(owner text, conversation text, names bytea[], still_at_vendor boolean)
returns void
language sql set search_path = ''
as $$
    insert into agentctl.remains as r (tenant, conversation_id, names, at_vendor, recording, sent_mails, mailed)
    select
        owner, conversation,
        coalesce(names, '{}')
            || array(
                select unnest(k.names)
                from agentctl.calls c cross join lateral agentctl.callers_of(owner, c.external_number, c.user_id) k
                where c.tenant = owner and c.conversation_id = conversation
                union
                select unnest(k.names) from agentctl.callers k
                where k.tenant = owner and k.conversation_id = conversation
                union
                select agentctl.mark(owner, 'event', e.id::text) from agentctl.events e
                where e.tenant = owner and e.conversation_id = conversation
            ),
        still_at_vendor,
        (select s.location from agentctl.recordings s where s.tenant = owner and s.conversation_id = conversation),
        count(*), coalesce(array_agg(distinct m.recipient) filter (where m.recipient is not null), '{}')
    from agentctl.outbox m
    where m.tenant = owner and m.conversation_id = conversation and m.state = 'sent'
    on conflict (tenant, conversation_id) do update set
        names = array(select distinct unnest(r.names || excluded.names)),
        at_vendor = r.at_vendor or excluded.at_vendor,
        recording = coalesce(excluded.recording, r.recording),
        sent_mails = greatest(r.sent_mails, excluded.sent_mails),
        mailed = array(select distinct unnest(r.mailed || excluded.mailed))
$$;

-- As before, and the number is refused however a site writes it as user_id.
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
    union
    select owner, agentctl.mark(owner, 'number', one)
    from (select distinct agentctl.digits(jsonb_array_elements_text(args->'numbers'))) n (one)
    union
    select owner, agentctl.mark(owner, 'written', form)
    from jsonb_array_elements_text(args->'numbers') number
    cross join unnest(agentctl.written_forms(agentctl.digits(number))) form
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

-- As before, also by a number as a site writes it.
create or replace function public.agentctl_remains(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'conversation_id', r.conversation_id, 'at_vendor', r.at_vendor, 'recording', r.recording
    ) order by r.conversation_id), '[]')
    from agentctl.remains r
    where r.tenant = agentctl.tenant(args) and (
        agentctl.given(args, 'conversation_ids') ? r.conversation_id
        or r.names && (
            agentctl.asked_marks(r.tenant, args->>'digits', (args->>'whole')::boolean)
            || agentctl.mark(r.tenant, 'event', lower(args->>'event_id'))
        )
    )
$$;

-- As before, also of a user_id that reads as a number. `number`: +498999998777 where its country is known, else as it
-- was written, without its trunk prefix; null where only a mark of it is kept. `caller`: the same for one caller's
-- calls; null where the country is not known.
create or replace function public.agentctl_calls_of_number(args jsonb) returns jsonb
language plpgsql stable security definer
set search_path = '' set timezone = 'UTC' set plan_cache_mode = 'force_custom_plan'
as $$
declare
    owner text := agentctl.tenant(args);
    digits text := args->>'digits';
    whole boolean := args->>'whole';
    answer jsonb;
begin
    with present as (
        select c.conversation_id, '+' || agentctl.digits(c.external_number) number
        from agentctl.calls c
        where c.tenant = owner and (
            whole and agentctl.backwards(c.external_number) = agentctl.backwards(digits)
            or not whole and agentctl.backwards(c.external_number) like agentctl.backwards(digits) || '%'
        )
        union
        select c.conversation_id, agentctl.user_number(c.user_id)
        from agentctl.calls c
        where c.tenant = owner and c.user_id is not null and agentctl.is_user(c.user_id, digits, whole)
    ), found as (
        select p.conversation_id, p.number, case when p.number like '+%' then coalesce(
            encode(agentctl.mark(owner, 'number', agentctl.digits(p.number)), 'hex'), p.number
        ) end caller
        from present p
        union all
        select k.conversation_id, null, encode(k.caller, 'hex')
        from agentctl.callers k
        where k.tenant = owner and k.names && agentctl.asked_marks(owner, digits, whole)
    )
    select coalesce(jsonb_agg(to_jsonb(f) order by f.conversation_id), '[]') into answer from found f;
    return answer;
end
$$;

-- How many calls were emptied before marks of their callers were kept: no number leads to them.
create function public.agentctl_nameless_calls(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object('count', count(*)) from agentctl.calls c
    where c.tenant = agentctl.tenant(args) and c.emptied_at < (
        select m.applied_at from agentctl.migrations m where m.name = 'agentctl_callers'
    )
$$;

-- As before, and by the number that a site passed as user_id.
create or replace function agentctl.finish_event(args jsonb) returns boolean
language plpgsql set search_path = ''
as $$
declare
    owner text := agentctl.tenant(args);
    event uuid := agentctl.id(jsonb_build_object('id', args->'event_id'));
    conversation text := coalesce(args->'call'->>'conversation_id', args->'recording'->>'conversation_id');
    began timestamptz := coalesce(
        (args->'call'->>'started_at')::timestamptz,
        to_timestamp((args->'call'->>'event_timestamp')::double precision), now()
    );
begin
    if exists (select from agentctl.forgotten f where f.tenant = owner) then
        if (
            agentctl.is_forgotten_caller(owner, args->'call'->>'external_number', began)
            or agentctl.is_forgotten_user(owner, args->'call'->>'user_id', began)
        ) and not agentctl.is_forgotten(owner, conversation) then
            insert into agentctl.forgotten (tenant, mark)
            values (owner, agentctl.mark(owner, 'conversation', conversation)) on conflict do nothing;
            perform agentctl.remember(owner, conversation, array(
                select unnest(k.names)
                from agentctl.callers_of(owner, args->'call'->>'external_number', args->'call'->>'user_id') k
            ), true);
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

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000972', 'agentctl_callers');
