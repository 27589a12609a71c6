-- Of several recordings of one call, one is stored at a time: of two that go to the same place at once, the file could
-- be one and the row tell of the other.

alter table agentctl.begun_recordings add column event_id uuid;
comment on column agentctl.begun_recordings.event_id is
    'Of which event it is: while somebody works on that one, no other recording of the call is begun.';

-- As before. `busy`: another one of the call is under way, and this one is for later. `superseded`: it was fetched, and
-- one that was delivered is stored, which it never displaces; the event is done with that.
create or replace function public.agentctl_begin_recording(args jsonb) returns jsonb
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
    if exists (
        select from agentctl.begun_recordings b
        join agentctl.events e on e.tenant = b.tenant and e.id = b.event_id
        where b.tenant = owner and b.conversation_id = conversation and b.event_id <> event
            and e.state = 'running' and e.due_at > now()
    ) then
        return jsonb_build_object('held', true, 'busy', true);
    end if;
    if exists (
        select from agentctl.recordings r where r.tenant = owner and r.conversation_id = conversation
    ) and exists (
        select from agentctl.events fetched
        join agentctl.events delivered
            on (delivered.tenant, delivered.conversation_id, delivered.type)
                = (fetched.tenant, fetched.conversation_id, fetched.type)
        where fetched.tenant = owner and fetched.id = event and fetched.source = 'backfill'
            and delivered.source = 'webhook' and delivered.state = 'done'
    ) then
        return jsonb_build_object('held', false, 'superseded', agentctl.finish_event(args));
    end if;
    insert into agentctl.begun_recordings as b (tenant, conversation_id, location, event_id)
    values (owner, conversation, args->'recording'->>'location', event)
    on conflict (tenant, conversation_id, location) do update set
        attempts = b.attempts + 1, begun_at = now(), event_id = excluded.event_id
    returning b.attempts into begun;
    -- An upload to another place is not gone on with.
    update agentctl.events e set upload = null
    where e.tenant = owner and e.id = event and begun = 1 and exists (
        select from agentctl.begun_recordings b
        where b.tenant = owner and b.conversation_id = conversation
            and b.location <> args->'recording'->>'location'
    );
    return jsonb_build_object('held', true, 'busy', false);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000210', 'agentctl_one_sound');
