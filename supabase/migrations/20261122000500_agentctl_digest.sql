-- What a digest says besides its summary, the evidence of each action item, what digests cost, and digests made anew.

alter table agentctl.digests
    add column if not exists outcome text,
    add column sentiment text,
    add column follow_up boolean,
    add column caller_name text,
    add column caller_number text,
    add column asked_sha256 text,
    add column tokens_in integer,
    add column tokens_out integer,
    add column cost numeric,
    add column seconds numeric;
comment on column agentctl.digests.outcome is 'One of the assistant''s own list; null if no language model chose one.';
comment on column agentctl.digests.follow_up is 'Whether somebody has to do something about the call; null if nobody judged.';
comment on column agentctl.digests.caller_name is 'As it was given in the call; caller_number likewise.';
comment on column agentctl.digests.asked_sha256 is
    'Of all that a language model was asked: the same question about the same transcript need not be asked again.';
comment on column agentctl.digests.cost is 'Tokens times the prices set when it was made; null if either is not known.';
comment on column agentctl.digests.seconds is 'How long it took to make.';

alter table agentctl.action_items
    add column due_date date,
    add column due_time time,
    add column quote text,
    add column turn integer;
comment on column agentctl.action_items.due_date is 'What the words in `due` meant on the day of the call, where it was.';
comment on column agentctl.action_items.quote is 'The words of the transcript that it rests on, in the turn of that position; null: nobody showed any.';

-- Money for a language model, by day (UTC). What a request may cost is taken before it is made and put right after it,
-- so that no number of workers spends more than the budget; one that dies in between leaves the estimate standing.
create table agentctl.spending (
    tenant text not null default 'default',
    day date not null,
    amount numeric not null default 0,
    primary key (tenant, day)
);
alter table agentctl.spending enable row level security;
comment on table agentctl.spending is 'What a day''s digests have cost, or may still.';

create function public.agentctl_reserve_spending(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    today date := current_date;
    granted boolean;
begin
    insert into agentctl.spending (tenant, day) values (owner, today) on conflict do nothing;
    update agentctl.spending s set amount = s.amount + (args->>'amount')::numeric
    where s.tenant = owner and s.day = today
        and s.amount + (args->>'amount')::numeric <= (args->>'budget')::numeric;
    granted := found;
    return jsonb_build_object('granted', granted, 'day', today);
end
$$;

-- `amount`: what a request cost, less what was reserved for it.
create function public.agentctl_settle_spending(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with settled as (
        update agentctl.spending s set amount = greatest(0, s.amount + (args->>'amount')::numeric)
        where s.tenant = agentctl.tenant(args) and s.day = (args->>'day')::date
        returning 1
    )
    select jsonb_build_object('settled', exists (select from settled))
$$;

create or replace function agentctl.call(c agentctl.calls) returns jsonb
language sql stable set search_path = ''
as $$
    select to_jsonb(c) - '{tenant,detail}'::text[] || jsonb_build_object(
        'title', d.title, 'summary', d.summary, 'engine', d.engine, 'outcome', d.outcome,
        'action_items', coalesce((
            select jsonb_agg(to_jsonb(i) - '{tenant,conversation_id}'::text[] order by i.position)
            from agentctl.action_items i
            where i.tenant = c.tenant and i.conversation_id = c.conversation_id
        ), '[]'),
        'has_recording', exists (
            select from agentctl.recordings r
            where r.tenant = c.tenant and r.conversation_id = c.conversation_id
        )
    )
    from (select) one
    left join agentctl.digests d on d.tenant = c.tenant and d.conversation_id = c.conversation_id
$$;

create function agentctl.put_digest(owner text, conversation text, args jsonb) returns void
language sql set search_path = ''
as $$
    insert into agentctl.digests (
        tenant, conversation_id, engine, model, title, summary, language, outcome, sentiment, follow_up, caller_name,
        caller_number, asked_sha256, tokens_in, tokens_out, cost, seconds, detail
    )
    select owner, conversation, d.engine, d.model, d.title, d.summary, d.language, d.outcome, d.sentiment, d.follow_up,
        d.caller_name, d.caller_number, d.asked_sha256, d.tokens_in, d.tokens_out, d.cost, d.seconds,
        coalesce(d.detail, '{}')
    from jsonb_populate_record(null::agentctl.digests, agentctl.given(args, 'digest')) d
    where agentctl.given(args, 'digest') is not null;

    insert into agentctl.action_items (
        tenant, conversation_id, position, what, who, due, done, due_date, due_time, quote, turn
    )
    select owner, conversation, i.position, i.what, i.who, i.due, coalesce(i.done, false), i.due_date, i.due_time,
        i.quote, i.turn
    from jsonb_populate_recordset(null::agentctl.action_items, agentctl.given(args, 'action_items')) i
$$;

create or replace function agentctl.put_parts(owner text, conversation text, args jsonb) returns void
language sql set search_path = ''
as $$
    insert into agentctl.call_turns
    select owner, conversation, t.position, t.role, t.message, t.at_secs, coalesce(t.interrupted, false),
        coalesce(t.tool_calls, '[]'), coalesce(t.tool_results, '[]'), coalesce(t.detail, '{}')
    from jsonb_populate_recordset(null::agentctl.call_turns, agentctl.given(args, 'turns')) t;

    select agentctl.put_digest(owner, conversation, args)
$$;

-- What somebody has ticked off, whole rows of whatever columns there will be.
create function agentctl.ticked(owner text, conversation text) returns jsonb
language sql stable set search_path = ''
as $$
    select coalesce(jsonb_agg(to_jsonb(i) order by i.position), '[]')
    from agentctl.action_items i
    where i.tenant = owner and i.conversation_id = conversation and i.done
$$;

-- What was ticked off stays as it was, also where the new digest words it otherwise (then by the same evidence) or does
-- not know of it any more. One ticked item stands for one new one.
create function agentctl.tick(owner text, conversation text, ticked jsonb) returns void
language plpgsql set search_path = ''
as $$
declare
    kept agentctl.action_items;
    place integer;
begin
    for kept in select * from jsonb_populate_recordset(null::agentctl.action_items, ticked) loop
        select i.position into place from agentctl.action_items i
        where i.tenant = owner and i.conversation_id = conversation and not i.done
            and (i.what = kept.what or (i.quote = kept.quote and i.turn = kept.turn))
        order by i.what = kept.what desc, i.position limit 1;
        if found then
            delete from agentctl.action_items i
            where i.tenant = owner and i.conversation_id = conversation and i.position = place;
        else
            select coalesce(max(i.position) + 1, 0) into place from agentctl.action_items i
            where i.tenant = owner and i.conversation_id = conversation;
        end if;
        kept.position := place;
        insert into agentctl.action_items select kept.*;
    end loop;
end
$$;

create or replace function public.agentctl_store_call(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    conversation text := args->'call'->>'conversation_id';
    ticked jsonb;
    better boolean;
begin
    if not agentctl.finish_event(args) then
        return jsonb_build_object('held', false, 'stored', false);
    end if;
    ticked := agentctl.ticked(owner, conversation);
    better := agentctl.put_call(owner, args);
    if better then
        perform agentctl.put_parts(owner, conversation, args);
        perform agentctl.tick(owner, conversation, ticked);
        insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message)
        select owner, conversation, m->>'purpose', m->>'recipient', m->'message'
        from jsonb_array_elements(agentctl.given(args, 'mails')) m
        on conflict (tenant, conversation_id, purpose, recipient) do nothing;
    end if;
    return jsonb_build_object('held', true, 'stored', better);
end
$$;

-- A call to be digested again, with the assistant that it concerns as a claimed event would have it.
create function public.agentctl_digestible(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select public.agentctl_show_call(args) || jsonb_build_object('settings', (
        select jsonb_build_object(
            'project', a.project, 'environment', a.environment, 'key', a.key,
            'name', a.name, 'language', a.language, 'post_call', a.post_call
        )
        from agentctl.assistants a
        where a.tenant = c.tenant and a.agent_id = c.agent_id
        order by a.updated_at desc limit 1
    ))
    from agentctl.calls c
    where c.tenant = agentctl.tenant(args) and c.conversation_id = args->>'conversation_id'
$$;

-- Another digest in the place of the one that the call had. `updated_at` is the call's as it was read: one that has
-- been stored anew since then has a digest of its own. Nobody is mailed.
create function public.agentctl_store_digest(args jsonb) returns jsonb
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
    delete from agentctl.action_items i where i.tenant = owner and i.conversation_id = conversation;
    perform agentctl.put_digest(owner, conversation, args);
    perform agentctl.tick(owner, conversation, ticked);
    return jsonb_build_object('stored', true);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000500', 'agentctl_digest');
