-- What is stored as a recording is not kept a second time, as the event that brought it: in base64, a third larger, and in
-- the database, whose disk costs more than Storage.

alter table agentctl.events add column moved bigint;
comment on column agentctl.events.moved is
    'Bytes of its payload, which is kept as the recording alone: it is here no more. Null: it is here.';
create index events_doubled on agentctl.events (tenant, id)
where type = 'post_call_audio' and state = 'done' and moved is null;

create or replace view agentctl.event_faces with (security_invoker = true) as
select e.tenant, e.id, e.type, e.conversation_id, e.agent_id, e.event_timestamp, e.source, e.state, e.attempt,
    e.failures, e.error, e.received_at, e.finished_at,
    case when e.moved is not null then e.moved::integer when e.parts = 0 then octet_length(e.payload) else (
        select sum(octet_length(p.body))::integer from agentctl.event_parts p
        where p.tenant = e.tenant and p.event = e.id
    ) end as size,
    e.parts, e.moved
from agentctl.events e;
comment on column agentctl.event_faces.moved is
    'Bytes of its payload, which is kept as the recording alone: it is here no more. Null: it is here.';

-- Recordings that are kept as what was delivered, too, each with what it has to be. One that an event did not become was
-- displaced by a later one of the same call, or was never to displace it: what is done is done.
create function public.agentctl_doubled_sounds(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    return (
        select coalesce(jsonb_agg(to_jsonb(doubled) order by doubled.id), '[]')
        from (
            select e.id, r.location, r.size, r.sha256
            from agentctl.events e
            join agentctl.recordings r on r.tenant = e.tenant and r.conversation_id = e.conversation_id
            where e.tenant = agentctl.tenant(args) and e.type = 'post_call_audio' and e.state = 'done'
                and e.moved is null and r.gone_at is null
                and e.id > coalesce((args->>'after')::uuid, '00000000-0000-0000-0000-000000000000')
            order by e.id
            limit (args->>'limit')::integer
        ) doubled
    );
end
$$;

-- Of these, whose recording somebody has found whole where it lies: as long as the row still tells of that one, and the
-- event was not queued again meanwhile. What the event is known by stays, and no delivery of the same brings it back.
create function public.agentctl_drop_doubled(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    dropped uuid[];
begin
    with kept_once as (
        update agentctl.events e
        set payload = '', moved = case when e.parts = 0 then octet_length(e.payload) else (
            select sum(octet_length(p.body)) from agentctl.event_parts p where p.tenant = e.tenant and p.event = e.id
        ) end
        from jsonb_to_recordset(args->'sounds') as found (id uuid, location text, sha256 text),
            agentctl.recordings r
        where e.tenant = agentctl.tenant(args) and e.id = found.id
            and e.type = 'post_call_audio' and e.state = 'done' and e.moved is null
            and r.tenant = e.tenant and r.conversation_id = e.conversation_id and r.gone_at is null
            and (r.location, r.sha256) = (found.location, found.sha256)
        returning e.id
    )
    select coalesce(array_agg(k.id), '{}') into dropped from kept_once k;
    delete from agentctl.event_parts p where p.tenant = agentctl.tenant(args) and p.event = any (dropped);
    return jsonb_build_object('count', cardinality(dropped));
end
$$;

-- As before; of what is kept as a recording alone there is nothing to be processed.
create or replace function public.agentctl_requeue_events(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owners text[] := agentctl.asked(args, 'events');
    touched integer;
begin
    if coalesce(args->>'id', args->>'conversation_id', args->>'states') is null then
        raise exception 'requeue_events needs an id, a conversation_id or states';
    end if;
    update agentctl.events e
    set state = 'pending', failures = 0, blameless = 0, due_at = now(), finished_at = null, worker = null,
        told_at = null
    where e.tenant = any (owners) and e.moved is null
        and (args->>'id' is null or e.id = agentctl.id(args))
        and (args->>'conversation_id' is null or e.conversation_id = args->>'conversation_id')
        and coalesce(agentctl.given(args, 'states'), '["pending", "done", "kept", "dead"]') ? e.state;
    get diagnostics touched = row_count;
    return jsonb_build_object('events', touched);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000410', 'agentctl_kept_once');
