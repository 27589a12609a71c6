-- What signed-in users read and do: views over their own tenants' rows, and ticking off.
--
-- Left out of them: what a call costs the operator, the vendors' inner ids, and whatever has variables, tools or raw
-- answers in it, where a secret may stand.

create view public.agentctl_calls with (security_invoker = true) as
select c.tenant, c.conversation_id, c.agent_id, c.project, c.environment, c.assistant, c.assistant_name, c.status,
    c.direction, c.channel, c.external_number, c.agent_number, c.started_at, c.duration_secs, c.language, c.successful,
    c.termination_reason, c.failure_reason, c.outcome, c.turn_count, c.open_items, c.answer_ms, c.stored_at,
    c.updated_at, c.emptied_at,
    exists (
        select from agentctl.recordings r where r.tenant = c.tenant and r.conversation_id = c.conversation_id
    ) as has_recording
from agentctl.calls c;
comment on view public.agentctl_calls is 'Calls of one''s own tenants.';

create view public.agentctl_call_turns with (security_invoker = true) as
select t.tenant, t.conversation_id, t.position, t.role, t.message, t.at_secs, t.interrupted
from agentctl.call_turns t;
comment on view public.agentctl_call_turns is 'What was said in them, turn by turn.';

create view public.agentctl_digests with (security_invoker = true) as
select d.tenant, d.conversation_id, d.engine, d.title, d.summary, d.language, d.outcome, d.sentiment, d.follow_up,
    d.caller_name, d.caller_number, d.made_at
from agentctl.digests d;
comment on view public.agentctl_digests is 'Their summaries.';

create view public.agentctl_action_items with (security_invoker = true) as
select i.tenant, i.conversation_id, i.position, agentctl.item_id(i) as id, i.what, i.who, i.due, i.due_date, i.due_time,
    i.quote, i.turn, i.done
from agentctl.action_items i;
comment on view public.agentctl_action_items is 'What has to be done after them.';

create view public.agentctl_recordings with (security_invoker = true) as
select r.tenant, r.conversation_id, r.content_type, r.size, r.stored_at
from agentctl.recordings r;
comment on view public.agentctl_recordings is 'Of which calls there is sound, and of what kind.';

create view public.agentctl_assistants with (security_invoker = true) as
select a.tenant, a.project, a.environment, a.key, a.name, a.language, a.agent_id, a.updated_at
from agentctl.assistants a;
comment on view public.agentctl_assistants is 'The assistants of one''s own tenants, as they were last synced.';

create function public.agentctl_mark_done(item text, done boolean default true) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    mine text[] := agentctl.my_tenants();
    mine_to_change text[] := agentctl.my_tenants('editor');
    called text := regexp_replace(item, ':[^:]*$', '');
    owner text;
    marked jsonb;
begin
    if item is null or done is null then
        raise exception 'item is the id of an action item, and done is true or false';
    end if;
    select i.tenant into owner from agentctl.action_items i
    where i.tenant = any (mine) and i.conversation_id = called and agentctl.item_id(i) = item
    order by i.tenant = any (mine_to_change) desc limit 1;
    if not found then
        raise sqlstate 'PT404' using message = 'there is no such action item';
    end if;
    if owner <> all (mine_to_change) then
        raise insufficient_privilege using message = 'a viewer reads action items and cannot tick them off';
    end if;
    marked := public.agentctl_mark_action_item(
        jsonb_build_object('tenant', owner, 'conversation_id', called, 'id', item, 'done', done));
    if (marked->>'changed')::boolean then
        insert into agentctl.audit (tenant, actor, action, subject)
        values (owner, concat('user:', agentctl.claims()->>'sub'), case when done then 'done' else 'reopen' end,
            jsonb_build_object('item', item));
    end if;
    return jsonb_build_object('id', item, 'done', done, 'changed', (marked->>'changed')::boolean);
end
$$;
comment on function public.agentctl_mark_done(text, boolean) is
    'For signed-in editors: ticks the action item with this id off, or opens it again.';

-- A planner's estimate (PostgREST tells it as count=planned) is made of samples of all tenants' rows, so that it would
-- tell who asks for a number how often that calls others. Nothing here is planned by these columns.
alter table agentctl.calls alter column external_number set statistics 0, alter column agent_number set statistics 0;
alter table agentctl.call_turns alter column message set statistics 0;
alter table agentctl.digests
    alter column title set statistics 0, alter column summary set statistics 0,
    alter column caller_name set statistics 0, alter column caller_number set statistics 0;
alter table agentctl.action_items
    alter column what set statistics 0, alter column who set statistics 0,
    alter column due set statistics 0, alter column quote set statistics 0;

insert into agentctl.exposed (object, columns) values
    ('agentctl.calls', '{tenant, conversation_id, agent_id, project, environment, assistant, assistant_name, status,
        direction, channel, external_number, agent_number, started_at, duration_secs, language, successful,
        termination_reason, failure_reason, outcome, turn_count, open_items, answer_ms, stored_at, updated_at,
        emptied_at}'),
    ('agentctl.call_turns', '{tenant, conversation_id, position, role, message, at_secs, interrupted}'),
    ('agentctl.digests', '{tenant, conversation_id, engine, title, summary, language, outcome, sentiment, follow_up,
        caller_name, caller_number, made_at}'),
    ('agentctl.action_items', '{tenant, conversation_id, position, what, who, due, due_date, due_time, quote, turn,
        done}'),
    ('agentctl.recordings', '{tenant, conversation_id, content_type, size, stored_at}'),
    ('agentctl.assistants', '{tenant, project, environment, key, name, language, agent_id, updated_at}');
insert into agentctl.exposed (object) values
    ('public.agentctl_calls'), ('public.agentctl_call_turns'), ('public.agentctl_digests'),
    ('public.agentctl_action_items'), ('public.agentctl_recordings'), ('public.agentctl_assistants'),
    ('agentctl.item_id(agentctl.action_items)'), ('public.agentctl_mark_done(text, boolean)');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000220', 'agentctl_users');
