-- Deliveries that wait together are committed together: the flush of a commit costs a hosted database milliseconds.
-- What is large, a recording, comes in parts and is read in parts: nobody ever holds it whole in memory.

alter table agentctl.events add column parts integer not null default 0;
comment on column agentctl.events.parts is '0: payload has all of it. Else it lies in event_parts, and payload is empty.';

create table agentctl.event_parts (
    tenant text not null default 'default',
    event uuid not null,
    position integer not null,
    body bytea not null,
    whole boolean not null default false,
    stored_at timestamptz not null default now(),
    primary key (tenant, event, position)
);
alter table agentctl.event_parts enable row level security;
create index event_parts_loose on agentctl.event_parts (tenant, stored_at) where not whole;
comment on table agentctl.event_parts is
    'Payloads of large events. Parts come before their event, each in a transaction of its own: hence no foreign key.';
comment on column agentctl.event_parts.whole is 'The event is there. What stays loose for a day is swept away.';
do $$
begin
    alter table agentctl.event_parts alter column body set compression lz4;
exception when feature_not_supported then
    null;
end
$$;

-- As a foreign key would, whoever deletes an event.
create function agentctl.drop_parts() returns trigger
language plpgsql set search_path = ''
as $$
begin
    delete from agentctl.event_parts p where p.tenant = old.tenant and p.event = old.id;
    return null;
end
$$;
create trigger events_drop_parts after delete on agentctl.events
for each row when (old.parts > 0) execute function agentctl.drop_parts();

create or replace view agentctl.event_faces with (security_invoker = true) as
select e.tenant, e.id, e.type, e.conversation_id, e.agent_id, e.event_timestamp, e.source, e.state, e.attempt,
    e.failures, e.error, e.received_at, e.finished_at,
    case when e.parts = 0 then octet_length(e.payload) else (
        select sum(octet_length(p.body))::integer from agentctl.event_parts p
        where p.tenant = e.tenant and p.event = e.id
    ) end as size,
    e.parts
from agentctl.events e;

-- What a caller sent as bytes: in base64 within the JSON, or beside it, where the wire has a form for bytes; then the
-- JSON has its number there.
create function agentctl.bytes(value jsonb, blobs bytea[]) returns bytea
language sql immutable parallel safe
as $$
    select case jsonb_typeof(value) when 'number' then blobs[value::integer] else decode(value #>> '{}', 'base64') end
$$;

-- One event, once. Idempotent by content: the sender's retries are byte for byte the same.
-- Type and conversation are cut at a length that an index row can hold; the payload has them whole.
create function agentctl.enter(
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

-- Where the parts of an event lie before it is there: told by what it is, so that a second attempt goes on with the
-- first one's, and two at once agree.
create function agentctl.parted(owner text, heading jsonb) returns uuid
language sql immutable set search_path = ''
as $$
    select encode(substr(sha256(convert_to(
        jsonb_build_array(owner, heading->'type', heading->'conversation_id', heading->'sha256')::text, 'UTF8'
    )), 1, 16), 'hex')::uuid
$$;

create function public.agentctl_accept_part(args jsonb, blobs bytea[] default '{}') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    owner text := agentctl.tenant(args);
    place uuid := agentctl.parted(owner, args);
begin
    if (args->>'position')::integer = 0 then
        delete from agentctl.event_parts p
        where p.tenant = owner and not p.whole and p.stored_at < now() - interval '1 day';
    end if;
    insert into agentctl.event_parts (tenant, event, position, body)
    values (owner, place, (args->>'position')::integer, agentctl.bytes(args->'part', blobs))
    on conflict do nothing;
    return jsonb_build_object('id', place, 'known', exists (
        select from agentctl.events e where e.tenant = owner and e.id = place
    ));
end
$$;

drop function public.agentctl_accept(jsonb);
create function public.agentctl_accept(args jsonb, blobs bytea[] default '{}') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    owner text := agentctl.tenant(args);
    body bytea;
begin
    if args ? 'parts' then
        return agentctl.enter_parted(owner, args);
    end if;
    body := agentctl.bytes(args->'payload', blobs);
    return agentctl.enter(owner, args, body, sha256(body));
end
$$;

-- The event whose parts are all there; its digest is the word of who read it as it came.
create function agentctl.enter_parted(owner text, args jsonb) returns jsonb
language plpgsql set search_path = ''
as $$
declare
    place uuid := agentctl.parted(owner, args);
    wanted integer := (args->>'parts')::integer;
    answer jsonb;
begin
    if (
        select row(count(*), sum(octet_length(p.body)))
        from agentctl.event_parts p where p.tenant = owner and p.event = place and p.position < wanted
    ) is distinct from row(wanted::bigint, (args->>'size')::bigint) then
        raise exception 'parts of the event are missing';
    end if;
    answer := agentctl.enter(owner, args, '', decode(args->>'sha256', 'hex'), place, wanted);
    if (answer->>'id')::uuid = place then
        update agentctl.event_parts p set whole = true where p.tenant = owner and p.event = place and not p.whole;
    else
        delete from agentctl.event_parts p where p.tenant = owner and p.event = place;
    end if;
    return answer;
end
$$;

create function public.agentctl_find_part(args jsonb) returns jsonb
language sql stable security definer set search_path = ''
as $$
    select jsonb_build_object('part', translate(encode(p.body, 'base64'), E'\n', ''))
    from agentctl.event_parts p
    where p.tenant = agentctl.tenant(args) and p.event = agentctl.id(args) and p.position = (args->>'position')::integer
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

insert into agentctl.migrations (version, name) values ('20261122000100', 'agentctl_door');
