-- Of several recordings of one call, one is stored at a time, also where a worker lost touch and goes on: it is asked
-- again before its recording is stored. The files of two events are two, so that a late upload displaces nothing.

alter table agentctl.recordings add column storage_path text;
comment on column agentctl.recordings.storage_path is
    'Where it lies in its bucket of Supabase Storage: TENANT/FILE. Null for a file of a machine.';
update agentctl.recordings set storage_path = substring(agentctl.in_storage(location) from '/(.*)$')
where location like 'supabase:%';

alter table agentctl.begun_recordings add column sought_at timestamptz;
comment on column agentctl.begun_recordings.sought_at is
    'Since when somebody is erasing what may lie there; null when that is over, or was cut off before anything began.';

create or replace view public.agentctl_recordings with (security_invoker = true) as
select r.tenant, r.conversation_id, r.content_type, r.size, r.stored_at, r.storage_path
from agentctl.recordings r;
comment on column public.agentctl_recordings.storage_path is
    'Where it lies in its bucket of Supabase Storage: TENANT/FILE. Null for a file of a machine.';
update agentctl.exposed set columns = columns || '{storage_path}' where object = 'agentctl.recordings';

-- Why the event's recording is not to be stored, now or ever; null while nothing is in its way. `busy`: another one of
-- the call is under way, which was begun after `since`, and this one is for later. `superseded`: it was fetched, and one
-- that was delivered is stored, which it never displaces; the event is done with that.
create function agentctl.hindered(args jsonb, since timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
    owner text := agentctl.tenant(args);
    event uuid := agentctl.id(jsonb_build_object('id', args->'event_id'));
    conversation text := args->'recording'->>'conversation_id';
    refused text := agentctl.refuse_sound(args);  -- it locks the call
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
            and b.begun_at > since and e.state = 'running' and e.due_at > now()
    ) then
        return jsonb_build_object('held', false, 'busy', true);
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
    return null;
end
$$;

-- As before. `busy` is also who comes while what an earlier attempt left there is being erased; whoever was lost at that
-- is waited for as long as the erasing of one may take.
create or replace function public.agentctl_begin_recording(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    event uuid := agentctl.id(jsonb_build_object('id', args->'event_id'));
    conversation text := args->'recording'->>'conversation_id';
    place text := args->'recording'->>'location';
    hindered jsonb := agentctl.hindered(args, '-infinity');
    sought timestamptz;
    begun integer;
begin
    if hindered is not null then
        return hindered;
    end if;
    select b.sought_at into sought from agentctl.begun_recordings b
    where b.tenant = owner and b.conversation_id = conversation and b.location = place
    for update;
    if sought > now() - interval '5 minutes' then
        return jsonb_build_object('held', false, 'busy', true);
    end if;
    insert into agentctl.begun_recordings as b (tenant, conversation_id, location, event_id)
    values (owner, conversation, place, event)
    on conflict (tenant, conversation_id, location) do update set
        attempts = b.attempts + 1, begun_at = now(), event_id = excluded.event_id, sought_at = null
    returning b.attempts into begun;
    -- An upload to another place is not gone on with.
    update agentctl.events e set upload = null
    where e.tenant = owner and e.id = event and begun = 1 and exists (
        select from agentctl.begun_recordings b
        where b.tenant = owner and b.conversation_id = conversation and b.location <> place
    );
    return jsonb_build_object('held', true);
end
$$;

-- As before, unless something came in its way since it was begun.
create or replace function public.agentctl_store_recording(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    hindered jsonb := agentctl.hindered(args, coalesce((
        select b.begun_at from agentctl.begun_recordings b
        where b.tenant = agentctl.tenant(args) and b.conversation_id = args->'recording'->>'conversation_id'
            and b.location = args->'recording'->>'location'
    ), '-infinity'));
begin
    if hindered is not null then
        return hindered || '{"stored": false}';
    end if;
    if not agentctl.finish_event(args) then
        return jsonb_build_object('held', false, 'stored', false);
    end if;
    -- Where another file has it from before, nobody would know of it any more.
    insert into agentctl.begun_recordings (tenant, conversation_id, location)
    select r.tenant, r.conversation_id, r.location from agentctl.recordings r
    where r.tenant = agentctl.tenant(args) and r.conversation_id = args->'recording'->>'conversation_id'
        and r.location <> args->'recording'->>'location'
    on conflict do nothing;
    insert into agentctl.recordings (
        tenant, conversation_id, agent_id, location, storage_path, content_type, size, sha256, stored_at
    )
    select e.tenant, r.conversation_id, r.agent_id, r.location,
        substring(agentctl.in_storage(r.location) from '/(.*)$'), r.content_type, r.size, r.sha256, e.received_at
    from jsonb_populate_record(null::agentctl.recordings, args->'recording') r
    join agentctl.events e
        on e.tenant = agentctl.tenant(args) and e.id = agentctl.id(jsonb_build_object('id', args->'event_id'))
    on conflict (tenant, conversation_id) do update set
        agent_id = excluded.agent_id, location = excluded.location, storage_path = excluded.storage_path,
        content_type = excluded.content_type, size = excluded.size, sha256 = excluded.sha256,
        stored_at = excluded.stored_at, gone_at = null;
    delete from agentctl.begun_recordings b
    where b.tenant = agentctl.tenant(args) and b.conversation_id = args->'recording'->>'conversation_id'
        and b.location = args->'recording'->>'location' and b.attempts = 1;
    return jsonb_build_object('held', true, 'stored', true);
end
$$;

-- As before, and what it hands out is nobody's to begin until it is dropped: erasing takes its time.
create or replace function public.agentctl_abandoned_recordings(args jsonb) returns jsonb
language sql volatile security definer set search_path = '' set timezone = 'UTC'
as $$
    with found as (
        select b.conversation_id, b.location, b.begun_at
        from agentctl.begun_recordings b
        where b.tenant = agentctl.tenant(args)
            and (b.conversation_id, b.location) > (
                coalesce(args->'after'->>0, ''), coalesce(args->'after'->>1, '')
            )
            and not exists (
                select from agentctl.recordings r
                where (r.tenant, r.conversation_id) = (b.tenant, b.conversation_id)
                    and (r.location = b.location or agentctl.in_storage(r.location) = agentctl.in_storage(b.location))
            )
            and not exists (
                select from agentctl.events e
                where (e.tenant, e.conversation_id, e.type) = (b.tenant, b.conversation_id, 'post_call_audio')
                    and e.state <> 'done'
            )
        order by b.conversation_id, b.location
        limit (args->>'limit')::integer
    ), taken as (
        -- Not what was begun in between.
        update agentctl.begun_recordings b set sought_at = now()
        from found f
        where b.tenant = agentctl.tenant(args)
            and (b.conversation_id, b.location, b.begun_at) = (f.conversation_id, f.location, f.begun_at)
        returning b.conversation_id, b.location
    )
    select coalesce(
        jsonb_agg(jsonb_build_object('conversation_id', t.conversation_id, 'location', t.location)
            order by t.conversation_id, t.location), '[]'
    ) from taken t
$$;

-- As before, and it may be begun again.
create or replace function public.agentctl_drop_abandoned(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with looked as (
        select d.* from jsonb_to_recordset(args->'recordings') d (conversation_id text, location text, reached boolean)
    ), dropped as (
        delete from agentctl.begun_recordings b
        using looked d
        where b.tenant = agentctl.tenant(args)
            and (b.conversation_id, b.location) = (d.conversation_id, d.location)
            and b.abandoned_at >= b.begun_at
            and b.abandoned_at < now() - case when d.reached then interval '1 day' else interval '30 days' end
        returning b.conversation_id, b.location
    ), seen as (
        update agentctl.begun_recordings b
        set sought_at = null,
            abandoned_at = case when b.abandoned_at >= b.begun_at then b.abandoned_at else now() end
        from looked d
        where b.tenant = agentctl.tenant(args)
            and (b.conversation_id, b.location) = (d.conversation_id, d.location)
            and not exists (
                select from dropped x where (x.conversation_id, x.location) = (b.conversation_id, b.location)
            )
    )
    select jsonb_build_object('count', count(*)) from dropped
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000010', 'agentctl_sound_fence');
