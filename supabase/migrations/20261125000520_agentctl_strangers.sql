-- Calls of the last week whose agent no sync into this store has made: whoever waits for a mail of one should know.

create function public.agentctl_strangers(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object('calls', count(*), 'agents', count(distinct c.agent_id))
    from agentctl.calls c
    where c.tenant = any (agentctl.asked(args, 'calls')) and c.started_at > now() - interval '7 days'
        and c.assistant is null and not starts_with(c.conversation_id, 'conv_sample')  -- of `webhook send`
        and not exists (select from agentctl.assistants a where a.agent_id = c.agent_id)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000520', 'agentctl_strangers');
