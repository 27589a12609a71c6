-- Of a call that was forgotten it stays known whose agent it was, so that a key of another workspace, in which there is
-- nothing of it, is not taken for the proof that it is gone.

alter table agentctl.remains add agent_id text;
comment on column agentctl.remains.agent_id is 'ElevenLabs'' id of the agent that was called: where it lives the conversation is.';

-- As before, with the agent.
create or replace function agentctl.remember(owner text, conversation text, names bytea[], still_at_vendor boolean)
returns void
language sql set search_path = ''
as $$
    insert into agentctl.remains as r (
        tenant, conversation_id, names, at_vendor, recording, agent_id, sent_mails, mailed
    )
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
        coalesce(
            (select c.agent_id from agentctl.calls c where c.tenant = owner and c.conversation_id = conversation),
            (select min(e.agent_id) from agentctl.events e where e.tenant = owner and e.conversation_id = conversation)
        ),
        count(*), coalesce(array_agg(distinct m.recipient) filter (where m.recipient is not null), '{}')
    from agentctl.outbox m
    where m.tenant = owner and m.conversation_id = conversation and m.state = 'sent'
    on conflict (tenant, conversation_id) do update set
        names = array(select distinct unnest(r.names || excluded.names)),
        at_vendor = r.at_vendor or excluded.at_vendor,
        recording = coalesce(excluded.recording, r.recording),
        agent_id = coalesce(excluded.agent_id, r.agent_id),
        sent_mails = greatest(r.sent_mails, excluded.sent_mails),
        mailed = array(select distinct unnest(r.mailed || excluded.mailed))
$$;

-- As before, also of calls that were forgotten and are not gone elsewhere.
create or replace function public.agentctl_homes_elsewhere(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with asked as (
        select array(select jsonb_array_elements_text(args->'conversation_ids')) ids
    ), bound as (
        select b.remote_id, b.workspace from agentctl.bindings b
        where (b.tenant, b.project, b.environment, b.kind)
            = (agentctl.operator(), args->>'project', args->>'environment', 'agent')
            and b.remote_id in (
                select c.agent_id from agentctl.calls c, asked
                where c.tenant = agentctl.tenant(args) and c.conversation_id = any (asked.ids)
                union
                select r.agent_id from agentctl.remains r, asked
                where r.tenant = agentctl.tenant(args) and r.conversation_id = any (asked.ids)
                    and r.at_vendor
            )
    )
    select coalesce(jsonb_agg(distinct f.workspace), '[]') from bound f
    where not exists (select from bound g where g.remote_id = f.remote_id and args->'workspaces' ? g.workspace)
$$;

-- Whether what is in none of `places` is gone: {workspace, agents}, its name here and the ids of all agents in it. One
-- of them is known to be that of a conversation, which is remembered: its agent is there, or one that is bound in the
-- workspace of its agent. Of an agent that is bound nowhere any more, or unknown, `all` says that there are no other
-- places: then each in which anything is bound, and one at least, has to be known as what it is called.
create function public.agentctl_is_gone(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with places as (
        select p.workspace, array(select jsonb_array_elements_text(p.agents)) agents
        from jsonb_to_recordset(args->'places') p (workspace text, agents jsonb)
    ), agents as (
        select b.remote_id, b.project, b.environment, b.workspace from agentctl.bindings b
        where b.tenant = agentctl.operator() and b.kind = 'agent'
    ), called as (
        select r.agent_id from agentctl.remains r
        where r.tenant = agentctl.tenant(args) and r.conversation_id = args->>'conversation_id'
            and r.agent_id is not null
    ), home as (
        select a.project, a.environment, a.workspace from agents a join called c on c.agent_id = a.remote_id
    ), known as (
        select bool_or(a.remote_id = any (p.agents)) is_there
        from places p join agents a using (workspace)
        group by p.workspace
    )
    select jsonb_build_object('gone', case
        when exists (select from places p join called c on c.agent_id = any (p.agents)) then true
        when exists (select from home) then exists (
            select from agents a join home using (project, environment, workspace)
            join places p on a.remote_id = any (p.agents)
        )
        else (args->>'all')::boolean and coalesce((select bool_and(k.is_there) from known k), false)
    end)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000900', 'agentctl_homes');
