-- What one tenant had fetched and then erased, another whose key opens the same workspace fetched anew: nothing told any
-- more that it was there. What was only delivered to somebody, or named as forgotten, keeps no call from anybody.

-- As before; of what was fetched a mark of its own stays, beside the one by which it was erased.
create or replace function agentctl.erase(owner text, conversations text[], event_ids uuid[]) returns jsonb
language plpgsql set search_path = ''
as $$
declare
    calls integer;
    events integer;
    others integer;
    mails integer;
    recordings integer;
begin
    insert into agentctl.forgotten (tenant, mark)
    select owner, agentctl.mark(owner, 'fetched', one) from unnest(conversations) one
    where agentctl.is_forgotten(owner, one) and (exists (
        select from agentctl.events e where e.tenant = owner and e.conversation_id = one and e.source = 'backfill'
    ) or exists (
        select from agentctl.calls c where c.tenant = owner and c.conversation_id = one and c.source = 'backfill'
    ))
    on conflict do nothing;
    delete from agentctl.outbox m where m.tenant = owner and m.conversation_id = any (conversations);
    get diagnostics mails = row_count;
    delete from agentctl.recordings r where r.tenant = owner and r.conversation_id = any (conversations);
    get diagnostics recordings = row_count;
    delete from agentctl.calls c where c.tenant = owner and c.conversation_id = any (conversations);
    get diagnostics calls = row_count;
    delete from agentctl.events e where e.tenant = owner and e.conversation_id = any (conversations);
    get diagnostics events = row_count;
    delete from agentctl.events e where e.tenant = owner and e.id = any (event_ids);
    get diagnostics others = row_count;
    return jsonb_build_object('calls', calls, 'events', events + others, 'mails', mails, 'recordings', recordings);
end
$$;
comment on table agentctl.forgotten is
    'Marks of conversations and numbers: by its own one is known again, and cannot be read. Of conversations that were '
    'fetched there is a second one, which holds for all tenants.';

-- Whether any tenant had fetched it before it was erased there, also one that has no key any more. So dear that it is asked
-- last: of what nobody knows.
create function agentctl.is_erased(conversation text) returns boolean
language plpgsql stable cost 1000000
as $$
begin
    return exists (
        select from agentctl.mark_keys k
        join agentctl.forgotten f on (f.tenant, f.mark) = (k.tenant, agentctl.mark(k.tenant, 'fetched', conversation))
    );
end
$$;

-- As before, and but for what was fetched once and erased, whoever had it.
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
    ) and not agentctl.is_erased(asked.id)
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
    if new.source = 'backfill' and agentctl.is_erased(new.conversation_id) then
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
