-- Of a call that is emptied, stored or digested by several at once nothing is lost; and what is kept of a caller's number
-- is not found by a few tries.

-- Nobody else writes the call, or what hangs on it, until the transaction ends; what is read after this is what they
-- left. Twofold: there may be no row to lock yet, and whoever changes a digest or an item locks the row alone.
create function agentctl.lock_call(owner text, conversation text) returns void
language plpgsql set search_path = ''
as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(owner || ' ' || conversation, 0));
    perform from agentctl.calls c where c.tenant = owner and c.conversation_id = conversation for update;
end
$$;

-- As before, with the lock that all take.
create or replace function agentctl.put_call(owner text, args jsonb) returns boolean
language plpgsql set search_path = ''
as $$
declare
    fresh agentctl.calls := jsonb_populate_record(null::agentctl.calls, args->'call');
    stored agentctl.calls;
begin
    fresh.tenant := owner;
    fresh.detail := coalesce(fresh.detail, '{}');
    fresh.turn_count := coalesce(jsonb_array_length(agentctl.given(args, 'turns')), 0);
    fresh.outcome := args->'digest'->>'outcome';
    fresh.open_items := (
        select count(*) filter (where not coalesce((i->>'done')::boolean, false))
        from jsonb_array_elements(agentctl.given(args, 'action_items')) i having count(*) > 0
    );
    fresh.updated_at := now();
    fresh.stored_at := now();
    fresh.started_at := coalesce(fresh.started_at, to_timestamp(fresh.event_timestamp), now());
    perform agentctl.lock_call(owner, fresh.conversation_id);
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

-- As before, and only once, whoever else does so at the same time.
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
    perform agentctl.lock_call(owner, conversation);
    perform from agentctl.calls c
    where c.tenant = owner and c.conversation_id = conversation and c.emptied_at is null;
    if not found then
        return;  -- somebody else's run was first, and has left the marks that could not be made again
    end if;
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

-- As before, with the call locked, which it stays for what is stored of it.
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
    perform agentctl.lock_call(owner, conversation);  -- whether it is emptied is not known before
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

-- As before, by what stands there once the call is locked.
create or replace function public.agentctl_store_call(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    conversation text := args->'call'->>'conversation_id';
    staying jsonb;
    ticked jsonb;
    better boolean;
begin
    if not agentctl.finish_event(args) then  -- it locks the call: no digest and no tick comes in between
        return jsonb_build_object('held', false, 'stored', false);
    end if;
    staying := agentctl.digest_that_stays(owner, conversation, args);
    ticked := case when staying is null then agentctl.ticked(owner, conversation) else '[]' end;
    args := args || coalesce(staying, '{}');
    better := agentctl.put_call(owner, args);
    if better then
        perform agentctl.put_parts(owner, conversation, args);
        perform agentctl.tick(owner, conversation, ticked);
        insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message)
        select owner, conversation, m->>'purpose', m->>'recipient', m->'message'
        from jsonb_array_elements(agentctl.given(args, 'mails')) m
        on conflict (tenant, conversation_id, purpose, recipient) do nothing;
    end if;
    return jsonb_build_object('held', true, 'stored', better) || case
        when better and staying is not null then jsonb_build_object(
            'kept', case when staying->'digest'->'detail' ? 'earlier_transcript' then 'earlier' else 'same' end
        )
        else '{}'
    end;
end
$$;

-- The endings of a number by which marks of it are kept: it without its country, whose code has one to three digits. Each
-- is a number to be found by trying, and the next longer one is found from it by ten tries: of fewer than nine digits
-- there is none, unless these are all that the number has.
create function agentctl.marked_endings(digits text) returns text[]
language sql immutable parallel safe set search_path = ''
as $$
    select array(
        select right(digits, size)
        from generate_series(least(length(digits), greatest(9, length(digits) - 3)), length(digits)) size
    )
$$;

-- As before, by those endings alone.
create or replace function agentctl.caller_marks(owner text, number text) returns bytea[]
language sql stable set search_path = ''
as $$
    select array[agentctl.mark(owner, 'number', d.digits)]
        || array(select agentctl.mark(owner, 'ending', one) from unnest(agentctl.marked_endings(d.digits)) one)
    from (select agentctl.digits(number) digits) d where d.digits <> ''
$$;
comment on column agentctl.callers.names is
    'Marks of what it may be asked for by: the number, and what it ends with where the country is left out.';
comment on column agentctl.remains.names is
    'Marks of what it may be asked for by: as those of `callers`, and of its events.';

-- As before, by those endings alone.
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
    cross join unnest(agentctl.marked_endings(agentctl.digits(number))) form
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

-- As before; the marks are made once, and looked up.
create or replace function public.agentctl_remains(args jsonb) returns jsonb
language plpgsql stable security definer
set search_path = '' set timezone = 'UTC' set plan_cache_mode = 'force_custom_plan'
as $$
declare
    owner text := agentctl.tenant(args);
    ids text[] := array(select jsonb_array_elements_text(agentctl.given(args, 'conversation_ids')));
    marks bytea[] := agentctl.asked_marks(owner, args->>'digits', (args->>'whole')::boolean)
        || agentctl.mark(owner, 'event', lower(args->>'event_id'));
    answer jsonb;
begin
    select coalesce(jsonb_agg(jsonb_build_object(
        'conversation_id', r.conversation_id, 'at_vendor', r.at_vendor, 'recording', r.recording
    ) order by r.conversation_id), '[]') into answer
    from agentctl.remains r
    where r.tenant = owner and (r.conversation_id = any (ids) or r.names && marks);
    return answer;
end
$$;

-- As before, and exactly as agentctl/calls/number.py reads: with the same space around and between, and zeros alone for
-- what they are.
create or replace function agentctl.user_number(user_id text) returns text
language sql immutable parallel safe set search_path = ''
as $$
    select n.number
    from (
        select case
            when w.plus = '+' then '+' || w.digits
            when w.digits ~ '^00+[1-9]' then '+' || substr(w.digits, 3)
            else coalesce(nullif(ltrim(w.digits, '0'), ''), w.digits)
        end
        from (
            select agentctl.digits(replace(user_id, '(0)', '')), (regexp_match(
                user_id,
                '^[\u0009-\u000D \u00A0\u2000-\u200A\u202F]*(?:tel:)?(\+?)'
                    || '[0-9\u0009-\u000D \u00A0\u2000-\u200A\u202F()/.\u2010-\u2015-]+$',
                'i'
            ))[1]
            where length(user_id) <= 60
        ) w (digits, plus)
        where w.plus is not null
    ) n (number)
    where length(agentctl.digits(n.number)) >= 6
$$;
reindex index agentctl.calls_by_user_number;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000976', 'agentctl_meanwhile');
