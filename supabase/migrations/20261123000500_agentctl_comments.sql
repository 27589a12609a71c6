-- What each table and column means, for whoever looks at the schema in psql, Supabase Studio or a generated diagram.

-- These mean the same wherever they stand, and are said once. What a table says of its own stays.
do $$
declare
    silent record;
begin
    for silent in
        select c.relname, a.attname, said.meaning
        from (values
            ('tenant', 'Whose row it is: a customer of the product that runs agentctl; default: the operator''s own.'),
            ('project', 'The project of the assistant, as agentctl.toml names it.'),
            ('environment', 'The project''s environment, such as production.'),
            ('workspace', 'Which workspace at ElevenLabs, label@host or the API host alone.'),
            ('key', 'Our name of it; ids are the vendor''s.'),
            ('conversation_id', 'The vendor''s id of the conversation, by which a call is known.'),
            ('agent_id', 'The vendor''s id of the agent.'),
            ('worker', 'Who has it, or had it last.'),
            ('error', 'What went wrong at the last attempt.'),
            ('stored_at', 'When it was first stored here.'),
            ('updated_at', 'When the row was last written.'),
            ('sha256', 'Of the content, in hexadecimal.')
        ) as said (name, meaning)
        join pg_catalog.pg_attribute a on a.attname = said.name and a.attnum > 0
        join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind = 'r'
        where c.relnamespace = 'agentctl'::regnamespace and pg_catalog.col_description(c.oid, a.attnum) is null
    loop
        execute format('comment on column agentctl.%I.%I is %L', silent.relname, silent.attname, silent.meaning);
    end loop;
end
$$;

comment on column agentctl.action_items.position is 'Its place among the items of the call, from 0.';
comment on column agentctl.action_items.what is 'What is to be done, in a sentence.';
comment on column agentctl.action_items.who is 'Who is to do it, as the call had it; null: nobody was named.';
comment on column agentctl.action_items.done is 'Whether somebody ticked it off.';
comment on column agentctl.action_items.due_time is 'The time of that day, where the call was; null: none was said.';
comment on column agentctl.action_items.turn is 'Position of the turn that holds the quote.';

comment on column agentctl.assistants.name is 'As people call it, in mails and lists.';
comment on column agentctl.assistants.language is 'Its first language, as ElevenLabs writes it.';

comment on column agentctl.audit.id is 'Counts up.';
comment on column agentctl.audit.at is 'When, before anything was shown.';
comment on column agentctl.audit.action is 'What was done, such as show, export or forget.';

comment on column agentctl.bindings.remote_id is 'The vendor''s id; it means nothing in another workspace.';

comment on column agentctl.call_documents.started_at is 'That of the call, so that the newest are found first.';
comment on column agentctl.call_documents.document is 'Stems of all that was said, by what calls are searched.';

comment on column agentctl.call_turns.position is 'Its place in the transcript, from 0.';
comment on column agentctl.call_turns.role is 'Who spoke: agent or user.';
comment on column agentctl.call_turns.interrupted is 'The other side spoke into it.';
comment on column agentctl.call_turns.tool_calls is 'Tools that the agent called in it, as the vendor tells them.';
comment on column agentctl.call_turns.tool_results is 'What those tools answered.';
comment on column agentctl.call_turns.detail is 'All else that the vendor tells of the turn.';

comment on column agentctl.calls.assistant_name is 'The assistant''s name when the call was stored.';
comment on column agentctl.calls.branch_id is 'The agent''s branch, by the vendor''s id.';
comment on column agentctl.calls.version_id is 'The agent''s version, by the vendor''s id.';
comment on column agentctl.calls.direction is 'inbound or outbound.';
comment on column agentctl.calls.agent_number is 'Our number; external_number is the other party''s.';
comment on column agentctl.calls.phone_number_id is 'The vendor''s id of our number.';
comment on column agentctl.calls.call_sid is 'The carrier''s id of the call.';
comment on column agentctl.calls.channel is 'How it was led: phone, web, whatsapp or sms.';
comment on column agentctl.calls.duration_secs is 'Seconds that it took.';
comment on column agentctl.calls.cost_credits is 'Credits that the vendor took for it, as it reports them.';
comment on column agentctl.calls.language is 'The main language that was spoken, as the vendor heard it.';
comment on column agentctl.calls.termination_reason is 'Why it ended, in the vendor''s words.';
comment on column agentctl.calls.source is 'How it came: webhook, or backfill (it was asked for).';
comment on column agentctl.calls.user_id is 'What a site passed as its user; it may be a phone number.';
comment on column agentctl.calls.detail is 'All else that the vendor tells of the call. It can be large.';
comment on column agentctl.calls.turn_count is 'How many turns its transcript has.';
comment on column agentctl.calls.emptied_at is 'When its words and its caller were taken away for their age; null: they are here.';

comment on column agentctl.clean_syncs.seen_at is 'When that sync was done.';

comment on column agentctl.contents.content is 'The bytes.';
comment on column agentctl.contents.sha256 is 'Of the content, in hexadecimal; computed here.';

comment on column agentctl.digests.model is 'Which language model; null if none was asked.';
comment on column agentctl.digests.title is 'The call in a line.';
comment on column agentctl.digests.summary is 'The call in a paragraph.';
comment on column agentctl.digests.language is 'The language of title and summary.';
comment on column agentctl.digests.detail is 'All else that its engine tells.';
comment on column agentctl.digests.made_at is 'When it was made.';
comment on column agentctl.digests.sentiment is 'positive, neutral, negative or mixed, at the end of the call; null if nobody judged.';
comment on column agentctl.digests.caller_number is 'A number to call back, as it was given in the call.';
comment on column agentctl.digests.tokens_in is 'Tokens that the model read; null if it did not tell.';
comment on column agentctl.digests.tokens_out is 'Tokens that the model wrote; null if it did not tell.';

comment on column agentctl.duties.id is 'What a worker names when it is done.';
comment on column agentctl.duties.name is 'Which duty, such as backfill.';
comment on column agentctl.duties.state is 'pending or running.';
comment on column agentctl.duties.done_at is 'When it was last done; null: never.';

comment on column agentctl.event_parts.event is 'The id of its event.';
comment on column agentctl.event_parts.position is 'Its place in the payload, from 0.';
comment on column agentctl.event_parts.body is 'The bytes of this part.';

comment on column agentctl.events.id is 'What a worker names when it is done; the digest of the payload tells deliveries apart.';
comment on column agentctl.events.source is 'How it came: webhook, or backfill (it was asked for).';
comment on column agentctl.events.payload_sha256 is 'With conversation and type it tells a delivery that came again.';
comment on column agentctl.events.received_at is 'When it was accepted.';
comment on column agentctl.events.finished_at is 'When it was done, kept or given up; null: it is not.';

comment on column agentctl.forgotten.mark is 'A keyed digest, from which nothing can be read.';
comment on column agentctl.forgotten.forgotten_at is 'When it was forgotten.';

comment on column agentctl.holds.held_at is 'When it was rolled back.';

comment on column agentctl.intents.kind is 'knowledge_document, agent, phone_number, …';

comment on column agentctl.mark_keys.inner_pad is 'The key, as the inner hash of HMAC takes it.';
comment on column agentctl.mark_keys.outer_pad is 'The key, as the outer hash of HMAC takes it.';

comment on column agentctl.migrations.version is 'The timestamp in the name of agentctl''s own file, whatever name it was applied under.';
comment on column agentctl.migrations.name is 'The rest of that name.';
comment on column agentctl.migrations.applied_at is 'When it ran here.';

comment on column agentctl.notices.told_at is 'When they were told.';

comment on column agentctl.outbox.id is 'What a worker names when it is sent.';
comment on column agentctl.outbox.purpose is 'What it tells: call, or failure (a call that did not begin).';
comment on column agentctl.outbox.recipient is 'Whom it goes to, one address.';
comment on column agentctl.outbox.state is 'pending -> running -> sent; dead: failed too often.';
comment on column agentctl.outbox.failures is 'Failed or abandoned attempts since it was last queued by a person.';
comment on column agentctl.outbox.reference is 'The receipt that the route gave.';
comment on column agentctl.outbox.created_at is 'When it was queued.';
comment on column agentctl.outbox.sent_at is 'When the route took it; null: not yet.';

comment on column agentctl.outlived.mark is 'A keyed digest, from which nothing can be read.';

comment on column agentctl.phone_routes.saved_at is 'When it was saved, before the import.';

comment on column agentctl.recordings.location is 'Where it lies, as the store of recordings names it.';
comment on column agentctl.recordings.content_type is 'Its media type, such as audio/mpeg.';
comment on column agentctl.recordings.size is 'Bytes.';

comment on column agentctl.remains.sent_mails is 'How many mails of it were sent, which nobody can call back.';

comment on column agentctl.retention.transcripts is 'Days for what was said, its digest and who called.';
comment on column agentctl.retention.audio is 'Days for recordings.';
comment on column agentctl.retention.raw_events is 'Days for deliveries as they came.';
comment on column agentctl.retention.audit is 'Days for rows of agentctl.audit.';

comment on column agentctl.revisions.note is 'What somebody said about it.';
comment on column agentctl.revisions.spec is 'The assistant as it was declared, secrets as digests.';
comment on column agentctl.revisions.applied_at is 'When it was applied.';

comment on column agentctl.spending.day is 'By UTC.';
comment on column agentctl.spending.amount is 'In the currency of the prices that are set.';

comment on column agentctl.undertakings.name is 'Which one, such as the rotation of one webhook.';

-- A view's columns mean what the table's do.
do $$
declare
    shown record;
begin
    for shown in
        select v.attname, pg_catalog.col_description(t.attrelid, t.attnum) as meaning
        from pg_catalog.pg_attribute v
        join pg_catalog.pg_attribute t on t.attname = v.attname and t.attrelid = 'agentctl.events'::regclass
        where v.attrelid = 'agentctl.event_faces'::regclass and v.attnum > 0
    loop
        execute format('comment on column agentctl.event_faces.%I is %L', shown.attname, shown.meaning);
    end loop;
end
$$;
comment on view agentctl.event_faces is 'What is shown of an event: all but its payload, which can have megabytes.';
comment on column agentctl.event_faces.size is 'Bytes of the payload.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000500', 'agentctl_comments');
