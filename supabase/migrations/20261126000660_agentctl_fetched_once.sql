-- What one tenant has fetched of an agent that nobody has is no second call to another whose key opens that workspace,
-- too. What was only delivered is: whoever can sign may name any conversation.

-- As before, and but for what another landlord has fetched.
create or replace function public.agentctl_unknown_conversations(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(asked.id order by asked.place), '[]')
    from jsonb_array_elements_text(args->'conversation_ids') with ordinality asked (id, place)
    where not exists (
        select from unnest(agentctl.owners_of(args->'agent_ids'->>(asked.place - 1)::integer, agentctl.tenant(args))) owner
        where exists (
            select from agentctl.events e
            where e.tenant = owner and e.conversation_id = asked.id and e.type = 'post_call_transcription'
        ) or exists (
            select from agentctl.calls c where c.tenant = owner and c.conversation_id = asked.id
        ) or agentctl.is_forgotten(owner, asked.id)
        or agentctl.is_outlived(owner, agentctl.mark(owner, 'conversation', asked.id))
    ) and not exists (
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
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000660', 'agentctl_fetched_once');
