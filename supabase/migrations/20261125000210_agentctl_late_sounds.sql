-- A recording that waited until its call, or it itself, went for its age is not stored any more.

-- Why a recording is refused; null where it is not. The event of one that is goes, and no other brings it back.
-- Beside a recording of the call that is here it may be stored anew: that one has its own limit.
create function agentctl.refuse_sound(args jsonb) returns text
language plpgsql set search_path = ''
as $$
declare
    owner text := agentctl.tenant(args);
    event uuid := agentctl.id(jsonb_build_object('id', args->'event_id'));
    conversation text := args->'recording'->>'conversation_id';
    reason text;
begin
    perform agentctl.lock_call(owner, conversation);  -- whether it is emptied is not known before
    if agentctl.is_forgotten(owner, conversation) then
        perform agentctl.erase(owner, array[conversation], array[event]);
        return 'forgotten';
    end if;
    select case
        when e.received_at < now() - make_interval(days => l.audio) then 'outlived'
        when c.emptied_at is not null and not exists (
            select from agentctl.recordings r where r.tenant = owner and r.conversation_id = conversation
        ) then 'emptied'
    end into reason
    from agentctl.events e
    left join agentctl.calls c on c.tenant = owner and c.conversation_id = conversation
    left join lateral agentctl.project_of(e.agent_id) a on true
    cross join lateral agentctl.limit_of(
        coalesce(c.project, a.project), coalesce(c.environment, a.environment)
    ) l
    where e.tenant = owner and e.id = event;
    if reason is null then
        return null;
    end if;
    perform agentctl.make_mark_key(owner);
    insert into agentctl.outlived (tenant, mark)
    values (owner, agentctl.mark(owner, 'sound', conversation)) on conflict do nothing;
    delete from agentctl.events e where e.tenant = owner and e.id = event;
    return reason;
end
$$;

-- Before anything of it leaves the worker, which has to hold the event. `refused`: why it is not to be stored at all. Of
-- what is forgotten meanwhile the event goes.
create function public.agentctl_begin_recording(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    event uuid := agentctl.id(jsonb_build_object('id', args->'event_id'));
    conversation text := args->'recording'->>'conversation_id';
    refused text := agentctl.refuse_sound(args);
    begun integer;
begin
    perform from agentctl.events e
    where e.tenant = owner and e.id = event and e.state = 'running' and e.attempt = (args->>'attempt')::integer
    for update;
    if not found then
        return jsonb_strip_nulls(jsonb_build_object('held', false, 'refused', refused));
    end if;
    insert into agentctl.begun_recordings as b (tenant, conversation_id, location)
    values (owner, conversation, args->'recording'->>'location')
    on conflict (tenant, conversation_id, location) do update set attempts = b.attempts + 1, begun_at = now()
    returning b.attempts into begun;
    -- An upload to another place is not gone on with.
    update agentctl.events e set upload = null
    where e.tenant = owner and e.id = event and begun = 1 and exists (
        select from agentctl.begun_recordings b
        where b.tenant = owner and b.conversation_id = conversation
            and b.location <> args->'recording'->>'location'
    );
    return jsonb_build_object('held', true);
end
$$;

-- As before, and `refused`. It is kept from its receipt on, however long it waited, and however often it is stored; what
-- was begun once is under way no more.
create or replace function public.agentctl_store_recording(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    refused text := agentctl.refuse_sound(args);
begin
    if not agentctl.finish_event(args) then
        return jsonb_strip_nulls(jsonb_build_object('held', false, 'stored', false, 'refused', refused));
    end if;
    -- Where another machine or bucket has it from before, nobody would know of it any more.
    insert into agentctl.begun_recordings (tenant, conversation_id, location)
    select r.tenant, r.conversation_id, r.location from agentctl.recordings r
    where r.tenant = agentctl.tenant(args) and r.conversation_id = args->'recording'->>'conversation_id'
        and r.location <> args->'recording'->>'location'
    on conflict do nothing;
    insert into agentctl.recordings (tenant, conversation_id, agent_id, location, content_type, size, sha256, stored_at)
    select e.tenant, r.conversation_id, r.agent_id, r.location, r.content_type, r.size, r.sha256, e.received_at
    from jsonb_populate_record(null::agentctl.recordings, args->'recording') r
    join agentctl.events e
        on e.tenant = agentctl.tenant(args) and e.id = agentctl.id(jsonb_build_object('id', args->'event_id'))
    on conflict (tenant, conversation_id) do update set
        agent_id = excluded.agent_id, location = excluded.location, content_type = excluded.content_type,
        size = excluded.size, sha256 = excluded.sha256, stored_at = excluded.stored_at, gone_at = null;
    delete from agentctl.begun_recordings b
    where b.tenant = agentctl.tenant(args) and b.conversation_id = args->'recording'->>'conversation_id'
        and b.location = args->'recording'->>'location' and b.attempts = 1;
    return jsonb_build_object('held', true, 'stored', true);
end
$$;
comment on column agentctl.recordings.stored_at is 'When its event was received: its limit counts from there.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000210', 'agentctl_late_sounds');
