-- Who enters one event at once with others waits for them, whichever of its two keys is met first. The place of parts is
-- an event's id, and is told by what it is: both keys are the same for all who bring it.

-- As before; but a conflict of the id, too, says that another has entered it.
create or replace function agentctl.enter(
    owner text, heading jsonb, body bytea, digest bytea, place uuid default gen_random_uuid(), parts integer default 0
) returns jsonb
language plpgsql
as $$
declare
    kind text := left(heading->>'type', 200);
    conversation text := left(nullif(heading->>'conversation_id', ''), 200);
    event uuid;
begin
    insert into agentctl.events
        (tenant, id, parts, type, conversation_id, agent_id, event_timestamp, source, payload, payload_sha256)
    values (
        owner, place, parts, kind, conversation, heading->>'agent_id', (heading->>'event_timestamp')::numeric::bigint,
        heading->>'source', body, digest
    )
    on conflict do nothing
    returning id into event;
    if event is not null then
        return jsonb_build_object('id', event, 'new', true);
    end if;
    select e.id into event
    from agentctl.events e
    where e.tenant = owner and e.conversation_id is not distinct from conversation and e.type = kind
        and e.payload_sha256 = digest;
    return jsonb_build_object('id', event, 'new', false);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000300', 'agentctl_entered_at_once');
