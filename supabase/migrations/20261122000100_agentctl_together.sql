-- Deliveries that wait together are committed together: the flush of a commit costs a hosted database milliseconds.

-- What a caller sent as bytes: in base64 within the JSON, or beside it, where the wire has a form for bytes; then the
-- JSON has its number there.
create function agentctl.bytes(value jsonb, blobs bytea[]) returns bytea
language sql immutable parallel safe
as $$
    select case jsonb_typeof(value) when 'number' then blobs[value::integer] else decode(value #>> '{}', 'base64') end
$$;

-- One event, once. Idempotent by content: the sender's retries are byte for byte the same.
-- Type and conversation are cut at a length that an index row can hold; the payload has them whole.
create function agentctl.enter(owner text, heading jsonb, body bytea, digest bytea) returns jsonb
language plpgsql
as $$
declare
    kind text := left(heading->>'type', 200);
    conversation text := left(nullif(heading->>'conversation_id', ''), 200);
    event uuid;
begin
    insert into agentctl.events
        (tenant, type, conversation_id, agent_id, event_timestamp, source, payload, payload_sha256)
    values (
        owner, kind, conversation, heading->>'agent_id', (heading->>'event_timestamp')::numeric::bigint,
        heading->>'source', body, digest
    )
    on conflict on constraint events_once do nothing
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

drop function public.agentctl_accept(jsonb);
create function public.agentctl_accept(args jsonb, blobs bytea[] default '{}') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    body bytea := agentctl.bytes(args->'payload', blobs);
begin
    return agentctl.enter(agentctl.tenant(args), args, body, sha256(body));
end
$$;

-- All or none. Two callers may bring the same events in another order: entered in one order by both, neither waits for
-- the other in a circle.
create function public.agentctl_accept_many(args jsonb, blobs bytea[] default '{}') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    owner text := agentctl.tenant(args);
    answers jsonb[];
    one record;
begin
    for one in
        select given.place, given.event, given.body, sha256(given.body) as digest
        from (
            select e.place, e.event, agentctl.bytes(e.event->'payload', blobs) as body
            from jsonb_array_elements(args->'events') with ordinality e (event, place)
            offset 0
        ) given
        order by digest, given.event->>'conversation_id', given.event->>'type', given.place
    loop
        answers[one.place] := agentctl.enter(owner, one.event, one.body, one.digest);
    end loop;
    return coalesce(to_jsonb(answers), '[]');
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000100', 'agentctl_together');
