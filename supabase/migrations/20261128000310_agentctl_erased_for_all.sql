-- What was erased is fetched again for nobody. Of an agent that somebody has, its owners' marks tell so; of one that
-- nobody has, whoever's key opens the workspace could fetch the conversation: there the marks of all tell.

-- Whether a conversation of an agent that nobody has was forgotten by any tenant, or outlived its limit there. A tenant
-- without a key any more is still asked: what it had erased was a caller's wish.
create function agentctl.is_erased(conversation text, agent text) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
    return not exists (select from agentctl.agents a where a.agent_id = agent) and exists (
        select from agentctl.mark_keys k
        where agentctl.is_forgotten(k.tenant, conversation)
            or agentctl.is_outlived(k.tenant, agentctl.mark(k.tenant, 'conversation', conversation))
    );
end
$$;

-- As before, and but for what was erased, whoever had it.
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
    ) and not agentctl.is_erased(asked.id, called.agent_id)
$$;

-- As before, and of what was fetched while another tenant had it erased.
create or replace function agentctl.refuse_forgotten() returns trigger
language plpgsql set search_path = ''
as $$
begin
    if new.conversation_id is not null and exists (select from agentctl.forgotten f where f.tenant = new.tenant)
        and agentctl.is_forgotten(new.tenant, new.conversation_id) then
        return null;
    end if;
    if new.source = 'backfill' and agentctl.is_erased(new.conversation_id, new.agent_id) then
        return null;
    end if;
    if new.type <> 'post_call_audio' and agentctl.is_emptied(new.tenant, new.conversation_id) then
        return null;
    end if;
    if exists (select from agentctl.outlived o where o.tenant = new.tenant) and (
        new.type = 'post_call_audio'
            and agentctl.is_outlived(new.tenant, agentctl.mark(new.tenant, 'sound', new.conversation_id))
        or agentctl.is_outlived(
            new.tenant, agentctl.event_mark(new.tenant, new.type, new.conversation_id, new.payload_sha256)
        )
    ) then
        return null;
    end if;
    return new;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000310', 'agentctl_erased_for_all');
