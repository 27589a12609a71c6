-- What is stored anew is written over what was there. Realtime tells every listener which rows were deleted: a call that
-- is told better, an item of a new digest and a call that is emptied are still there.

-- These rows, whole, in the place of those with their primary keys. One that is there as it should be is not written.
create function agentctl.put_rows(relation regclass, rows jsonb) returns void
language plpgsql set search_path = ''
as $$
declare
    keys text;
    others text;
begin
    select string_agg(quote_ident(a.attname), ', ') filter (where a.attnum = any (i.indkey)),
        string_agg(format('%1$I = excluded.%1$I', a.attname), ', ') filter (where a.attnum <> all (i.indkey))
    into keys, others
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_index i on i.indrelid = a.attrelid and i.indisprimary
    where a.attrelid = relation and a.attnum > 0 and not a.attisdropped;
    execute format(
        'insert into %1$s as r select * from jsonb_populate_recordset(null::%1$s, $1)
        on conflict (%2$s) do update set %3$s where r is distinct from excluded', relation, keys, others
    ) using rows;
end
$$;

-- What hangs on a call and is made anew with it; but for its items, of which some stay.
create function agentctl.drop_parts_of_call(owner text, conversation text) returns void
language sql set search_path = ''
as $$
    delete from agentctl.call_turns t where t.tenant = owner and t.conversation_id = conversation;
    delete from agentctl.digests d where d.tenant = owner and d.conversation_id = conversation;
    delete from agentctl.call_documents d where d.tenant = owner and d.conversation_id = conversation;
    delete from agentctl.asked_sounds a where a.tenant = owner and a.conversation_id = conversation;
    delete from agentctl.callers k where k.tenant = owner and k.conversation_id = conversation
$$;

-- As before, in its place.
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
        perform agentctl.drop_parts_of_call(owner, fresh.conversation_id);
    end if;
    perform agentctl.put_rows('agentctl.calls', jsonb_build_array(fresh));
    return true;
end
$$;


-- As before, without its items.
create or replace function agentctl.put_digest(owner text, conversation text, args jsonb) returns void
language sql set search_path = ''
as $$
    insert into agentctl.digests (
        tenant, conversation_id, engine, model, title, summary, language, outcome, sentiment, follow_up, caller_name,
        caller_number, asked_sha256, tokens_in, tokens_out, cost, seconds, detail, made_at, of_transcript
    )
    select owner, conversation, d.engine, d.model, d.title, d.summary, d.language, d.outcome, d.sentiment, d.follow_up,
        d.caller_name, d.caller_number, d.asked_sha256, d.tokens_in, d.tokens_out, d.cost, d.seconds,
        coalesce(d.detail, '{}'), coalesce(d.made_at, now()),
        coalesce(d.of_transcript, agentctl.transcript_sha256(owner, conversation))
    from jsonb_populate_record(null::agentctl.digests, agentctl.given(args, 'digest')) d
    where agentctl.given(args, 'digest') is not null
$$;


-- The items of a call's digest, which stand by their places. What somebody has ticked off stays as it was, also where the
-- new digest words it otherwise (then by the same evidence) or does not know of it any more. One ticked item stands for
-- one new one.
create function agentctl.put_items(owner text, conversation text, items jsonb, ticked jsonb) returns void
language plpgsql set search_path = ''
as $$
declare
    fresh agentctl.action_items[] := array(
        select jsonb_populate_record(
            null::agentctl.action_items, '{"done": false}' || jsonb_strip_nulls(one)
                || jsonb_build_object('tenant', owner, 'conversation_id', conversation)
        )
        from jsonb_array_elements(coalesce(items, '[]')) one order by (one->>'position')::integer
    );
    kept agentctl.action_items;
    place integer;
begin
    for kept in select * from jsonb_populate_recordset(null::agentctl.action_items, ticked) loop
        select n into place from generate_subscripts(fresh, 1) n
        where not (fresh[n]).done and (
            (fresh[n]).what = kept.what or ((fresh[n]).quote = kept.quote and (fresh[n]).turn = kept.turn)
        )
        order by (fresh[n]).what = kept.what desc, n limit 1;
        if found then
            kept.position := (fresh[place]).position;
            fresh[place] := kept;
        else
            kept.position := coalesce((select max((fresh[n]).position) + 1 from generate_subscripts(fresh, 1) n), 0);
            fresh := fresh || kept;
        end if;
    end loop;
    delete from agentctl.action_items i
    where i.tenant = owner and i.conversation_id = conversation
        and i.position <> all (array(select (fresh[n]).position from generate_subscripts(fresh, 1) n));
    if cardinality(fresh) > 0 then
        perform agentctl.put_rows('agentctl.action_items', to_jsonb(fresh));
    end if;
end
$$;

-- As before, with the items in their places.
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
        perform agentctl.put_items(owner, conversation, agentctl.given(args, 'action_items'), ticked);
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

-- As before, likewise.
create or replace function public.agentctl_store_digest(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    conversation text := args->>'conversation_id';
    ticked jsonb;
begin
    perform from agentctl.calls c
    where c.tenant = owner and c.conversation_id = conversation and c.updated_at = (args->>'updated_at')::timestamptz
    for update;
    if not found then
        return jsonb_build_object('stored', false);
    end if;
    ticked := agentctl.ticked(owner, conversation);
    delete from agentctl.digests d where d.tenant = owner and d.conversation_id = conversation;
    perform agentctl.put_digest(owner, conversation, args);
    perform agentctl.put_items(owner, conversation, agentctl.given(args, 'action_items'), ticked);
    return jsonb_build_object('stored', true);
end
$$;

drop function agentctl.tick(text, text, jsonb);

-- As before, in the call's place.
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
    perform agentctl.drop_parts_of_call(owner, conversation);
    perform agentctl.put_items(owner, conversation, '[]', '[]');
    perform agentctl.put_rows('agentctl.calls', jsonb_build_array(
        call_left || jsonb_build_object('detail', '{}'::jsonb, 'updated_at', now(), 'emptied_at', now())
    ));
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

-- A call that is stored anew has a new document, also where nothing was said.
drop trigger catalogue on agentctl.calls;
create constraint trigger catalogue after insert or update of started_at on agentctl.calls
    deferrable initially deferred for each row execute function agentctl.catalogue();

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000410', 'agentctl_in_place');
