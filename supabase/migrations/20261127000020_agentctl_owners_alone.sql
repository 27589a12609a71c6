-- Of the calls of an agent that somebody has, its owners are asked alone.

-- As before: for an agent that is known, not every tenant is looked through.
create or replace function public.agentctl_unknown_conversations(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(asked.id order by asked.place), '[]')
    from jsonb_array_elements_text(args->'conversation_ids') with ordinality asked (id, place)
    cross join lateral (select args->'agent_ids'->>(asked.place - 1)::integer) called (agent_id)
    where not exists (
        select from unnest(agentctl.owners_of(called.agent_id, agentctl.tenant(args))) owner
        where exists (
            select from agentctl.events e
            where e.tenant = owner and e.conversation_id = asked.id and e.type = 'post_call_transcription'
        ) or exists (
            select from agentctl.calls c where c.tenant = owner and c.conversation_id = asked.id
        ) or agentctl.is_forgotten(owner, asked.id)
        or agentctl.is_outlived(owner, agentctl.mark(owner, 'conversation', asked.id))
    ) and (
        exists (select from agentctl.agents a where a.agent_id = called.agent_id)
        or not exists (
            select from (select agentctl.operator() union select t.tenant from agentctl.tenants t) landlord (tenant)
            where exists (
                select from agentctl.events e
                where e.tenant = landlord.tenant and e.conversation_id = asked.id
                    and e.type = 'post_call_transcription' and e.source = 'backfill'
            ) or exists (
                select from agentctl.calls c
                where c.tenant = landlord.tenant and c.conversation_id = asked.id and c.source = 'backfill'
            )
        )
    )
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000020', 'agentctl_owners_alone');
