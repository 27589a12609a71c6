-- Calls are found: by who called, when, how it ended, what is still to be done, and by any word that was said.

alter table agentctl.digests add column if not exists outcome text;
alter table agentctl.calls
    add column outcome text,
    add column open_items integer,
    add column answer_ms integer[];
comment on column agentctl.calls.outcome is 'That of its digest, here so that calls can be listed and counted by it.';
comment on column agentctl.calls.open_items is 'How many of its action items are to be done, for the same reason; null if it has none.';
comment on column agentctl.calls.answer_ms is
    'How long the caller waited for each spoken answer: first byte of the language model and of the voice, milliseconds.';

-- As agentctl/calls/call.py counts them.
update agentctl.calls c set answer_ms = answered.waits
from (
    select t.tenant, t.conversation_id, array_agg((1000 * (w.model + w.voice))::integer order by t.position) waits
    from agentctl.call_turns t
    cross join lateral (
        select (t.detail #> '{metrics,convai_llm_service_ttfb,elapsed_time}')::numeric,
            coalesce(t.detail #> '{metrics,convai_tts_service_ttfb,elapsed_time}', '0')::numeric
        where jsonb_typeof(t.detail #> '{metrics,convai_llm_service_ttfb,elapsed_time}') = 'number'
            and jsonb_typeof(coalesce(t.detail #> '{metrics,convai_tts_service_ttfb,elapsed_time}', '0')) = 'number'
    ) w (model, voice)
    where t.role = 'agent' and t.message is not null and w.model + w.voice between 0 and 3600
    group by t.tenant, t.conversation_id
) answered
where answered.tenant = c.tenant and answered.conversation_id = c.conversation_id;
update agentctl.calls c set outcome = d.outcome
from agentctl.digests d
where d.tenant = c.tenant and d.conversation_id = c.conversation_id and d.outcome is not null;
update agentctl.calls c set open_items = i.open
from (
    select i.tenant, i.conversation_id, count(*) filter (where not i.done) open
    from agentctl.action_items i group by i.tenant, i.conversation_id
) i
where i.tenant = c.tenant and i.conversation_id = c.conversation_id;

-- A number backwards, digits only: by the index on it, the calls of a number are those that begin so, whether it is
-- known with its country or by its last digits.
create function agentctl.backwards(number text) returns text
language sql immutable parallel safe set search_path = ''
as $$ select reverse(regexp_replace(number, '\D', '', 'g')) $$;

create index calls_by_number on agentctl.calls
    (tenant, agentctl.backwards(external_number) text_pattern_ops, started_at desc, conversation_id desc);
create index calls_by_outcome on agentctl.calls (tenant, outcome, started_at desc, conversation_id desc)
    where outcome is not null;
create index calls_by_status on agentctl.calls (tenant, status, started_at desc, conversation_id desc)
    where status <> 'done';
create index calls_with_items on agentctl.calls (tenant, started_at desc, conversation_id desc)
    where open_items is not null;
create index calls_with_open_items on agentctl.calls (tenant, started_at desc, conversation_id desc)
    where open_items > 0;
create index calls_with_open_items_by_assistant on agentctl.calls
    (tenant, assistant, started_at desc, conversation_id desc) where open_items > 0;

-- What is said on the phone, as text that Postgres' parser takes apart alike under every locale: under C it takes each
-- character beyond ASCII for a letter, so that „Wann would be a word. The marks of snippets are taken out, too. This and
-- the next three can be inlined: each call that is stored needs them.
create function agentctl.spelled(said text) returns text
language sql immutable parallel safe
begin atomic
    select translate(said, E'„“”‟«»‹›‚‘’–—―…·•\u00A0\u0001\u0002', E'""""""""\'\'\'---... ');
end;

-- The same without capitals, of which C knows only those of ASCII.
create function agentctl.folded(said text) returns text
language sql immutable parallel safe
begin atomic
    select translate(agentctl.spelled(said), 'ÄÖÜÀÂÇÈÉÊËÎÏÔÑ', 'äöüàâçèéêëîïôñ');
end;

-- Both stemmers read every call: who speaks English with a German assistant is found by English words.
create function agentctl.words(folded text) returns tsvector
language sql immutable parallel safe
begin atomic
    select to_tsvector('german'::regconfig, folded) || to_tsvector('english'::regconfig, folded);
end;

-- As people write searches: words that must all be there, "a phrase", -without, or.
create function agentctl.query(search text) returns tsquery
language sql immutable parallel safe
begin atomic
    select websearch_to_tsquery('german'::regconfig, agentctl.folded(search))
        || websearch_to_tsquery('english'::regconfig, agentctl.folded(search));
end;

-- Everything in a call that can be searched. A document's limit is a megabyte of lexemes; 100,000 characters stay below
-- it whatever they are, since a call that could not be stored would be worse than one of which the last hour is not found.
create function agentctl.said(owner text, conversation text) returns text
language plpgsql stable set search_path = ''
as $$
begin
    return left(concat_ws(E'\n',
        (select concat_ws(E'\n', d.title, d.summary) from agentctl.digests d
         where d.tenant = owner and d.conversation_id = conversation),
        (select string_agg(concat_ws(' ', i.what, i.who, i.due), E'\n' order by i.position) from agentctl.action_items i
         where i.tenant = owner and i.conversation_id = conversation),
        (select string_agg(t.message, E'\n' order by t.position) from agentctl.call_turns t
         where t.tenant = owner and t.conversation_id = conversation)
    ), 100000);
end
$$;

create table agentctl.call_documents (
    tenant text not null default 'default',
    conversation_id text not null,
    started_at timestamptz not null,
    document tsvector not null,
    primary key (tenant, conversation_id),
    foreign key (tenant, conversation_id) references agentctl.calls on delete cascade
);
alter table agentctl.call_documents enable row level security;
comment on table agentctl.call_documents is
    'The words of each call, stems of German and English. One row per call: an index over turns would be ten times as large.';

insert into agentctl.call_documents
select c.tenant, c.conversation_id, c.started_at, agentctl.words(agentctl.folded(agentctl.said(c.tenant, c.conversation_id)))
from agentctl.calls c;
create index call_documents_words on agentctl.call_documents using gin (document);
create index call_documents_by_start on agentctl.call_documents (tenant, started_at desc, conversation_id desc);

-- What a call is found by follows whatever writes it, its digest, turns or items, once, at the end of the transaction:
-- nobody who writes has to remember it, and what is erased is found no longer. As definer, since deferred triggers run as
-- whoever commits.
create function agentctl.catalogue() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
    owner text := coalesce(new.tenant, old.tenant);
    conversation text := coalesce(new.conversation_id, old.conversation_id);
    said text;
begin
    perform from agentctl.call_documents d
    where d.tenant = owner and d.conversation_id = conversation and d.xmin = pg_current_xact_id()::xid;
    if found then
        return null;  -- an earlier row of the same transaction has seen to it
    end if;
    said := agentctl.folded(agentctl.said(owner, conversation));
    insert into agentctl.call_documents as d (tenant, conversation_id, started_at, document)
    select owner, conversation, c.started_at, agentctl.words(said)
    from agentctl.calls c where c.tenant = owner and c.conversation_id = conversation
    on conflict (tenant, conversation_id) do update set document = excluded.document
    where d.document <> excluded.document;
    update agentctl.calls c set outcome = now.outcome, open_items = now.open_items
    from (
        select (
            select d.outcome from agentctl.digests d
            where d.tenant = owner and d.conversation_id = conversation
        ) outcome, (
            select count(*) filter (where not i.done) from agentctl.action_items i
            where i.tenant = owner and i.conversation_id = conversation having count(*) > 0
        ) open_items
    ) now
    where c.tenant = owner and c.conversation_id = conversation
        and (c.outcome, c.open_items) is distinct from (now.outcome, now.open_items);
    return null;
end
$$;
create constraint trigger catalogue after insert on agentctl.calls
    deferrable initially deferred for each row execute function agentctl.catalogue();
create constraint trigger catalogue after insert or update or delete on agentctl.digests
    deferrable initially deferred for each row execute function agentctl.catalogue();
create constraint trigger catalogue after insert or update or delete on agentctl.action_items
    deferrable initially deferred for each row execute function agentctl.catalogue();
create constraint trigger catalogue after update of message or delete on agentctl.call_turns
    deferrable initially deferred for each row execute function agentctl.catalogue();

-- As before, with what the catalogue would else have to add to the row that was just written.
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

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000700', 'agentctl_catalogue');
