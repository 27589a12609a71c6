-- A fallback takes no digest's place that a language model made of the same call: not where the same was said, and where
-- other words have come not until a model can be asked about those.

alter table agentctl.digests add column of_transcript text;
comment on column agentctl.digests.of_transcript is
    'SHA-256 of what was said in the transcript that it was made of; null if that was before this was kept.';

-- Of the words alone: what else a turn carries is another each time, by whichever way it came.
create function agentctl.transcript_sha256(turns jsonb) returns text
language sql immutable parallel safe set search_path = ''
as $$
    select encode(sha256(convert_to(coalesce(jsonb_agg(
        jsonb_build_array(t->'role', t->'message') order by (t->>'position')::integer
    )::text, ''), 'UTF8')), 'hex')
    from jsonb_array_elements(coalesce(turns, '[]')) t where t->>'message' is not null
$$;

create function agentctl.transcript_sha256(owner text, conversation text) returns text
language sql stable set search_path = ''
as $$
    select agentctl.transcript_sha256(jsonb_agg(to_jsonb(t))) from agentctl.call_turns t
    where t.tenant = owner and t.conversation_id = conversation
$$;

-- As before; and one that is kept says when it was made, and of what.
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
    where agentctl.given(args, 'digest') is not null;

    insert into agentctl.action_items (
        tenant, conversation_id, position, what, who, due, done, due_date, due_time, quote, turn
    )
    select owner, conversation, i.position, i.what, i.who, i.due, coalesce(i.done, false), i.due_date, i.due_time,
        i.quote, i.turn
    from jsonb_populate_recordset(null::agentctl.action_items, agentctl.given(args, 'action_items')) i
$$;

-- The stored digest with its action items, where it stays although another came with the call; else null.
-- `earlier_transcript` in its detail: other words were said than those that it was made of.
create function agentctl.digest_that_stays(owner text, conversation text, args jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
    stored agentctl.digests;
    same boolean;
begin
    select * into stored from agentctl.digests d
    where d.tenant = owner and d.conversation_id = conversation and d.engine = 'llm';
    if not found or coalesce(args->'digest'->>'engine', 'llm') = 'llm' then
        return null;
    end if;
    stored.of_transcript := coalesce(stored.of_transcript, agentctl.transcript_sha256(owner, conversation));
    same := stored.of_transcript = agentctl.transcript_sha256(agentctl.given(args, 'turns'));
    if not same and not coalesce(args->'digest'->'detail' ? 'fallback_from', false) then
        return null;  -- nobody wants a model any more
    end if;
    stored.detail := stored.detail - 'earlier_transcript'
        || case when same then '{}' else '{"earlier_transcript": true}' end::jsonb;
    return jsonb_build_object('digest', to_jsonb(stored), 'action_items', coalesce((
        select jsonb_agg(to_jsonb(i) order by i.position) from agentctl.action_items i
        where i.tenant = owner and i.conversation_id = conversation
    ), '[]'));
end
$$;

-- As before, and `kept` says that the digest which was there stays.
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
    if not agentctl.finish_event(args) then
        return jsonb_build_object('held', false, 'stored', false);
    end if;
    perform pg_advisory_xact_lock(hashtextextended(owner || ' ' || conversation, 0));  -- as put_call does
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

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000973', 'agentctl_kept_digest');
