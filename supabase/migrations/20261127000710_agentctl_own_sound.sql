-- An event is spared what it holds of a recording only where that recording is its own sound: of one that was displaced,
-- the event has the only copy. And what could not be proven is not asked for again at once.

create table agentctl.unproven_sounds (
    tenant text not null,
    event_id uuid not null,
    place text not null,
    asked_at timestamptz not null default now(),
    primary key (tenant, event_id, place),
    foreign key (tenant, event_id) references agentctl.events on delete cascade
);
alter table agentctl.unproven_sounds enable row level security;
comment on table agentctl.unproven_sounds is
    'Audio events whose recording was not found whole in a place; asked for there again a day later.';
comment on column agentctl.unproven_sounds.tenant is 'Whose it is.';
comment on column agentctl.unproven_sounds.event_id is 'The event that brought the sound.';
comment on column agentctl.unproven_sounds.asked_at is 'When it was last not found whole there.';
comment on column agentctl.unproven_sounds.place is 'Where it was asked for: another place may have it.';

-- A recording's time is that of the event which brought it. Of two of one call that were received at once neither is told
-- from the other, and both keep what they hold.
create function agentctl.brought(e agentctl.events, r agentctl.recordings) returns boolean
language sql stable set search_path = ''
as $$
    select (r.tenant, r.conversation_id, r.stored_at) = (e.tenant, e.conversation_id, e.received_at)
        and r.gone_at is null and not exists (
            select from agentctl.events twin
            where (twin.tenant, twin.conversation_id, twin.type, twin.received_at)
                = (e.tenant, e.conversation_id, e.type, e.received_at) and twin.id <> e.id
        )
$$;

-- As before, without those of other sounds of a call, and without what was asked for in this place within a day.
create or replace function public.agentctl_doubled_sounds(args jsonb) returns jsonb
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
                and e.moved is null and agentctl.brought(e, r)
                and r.stored_at < now() - coalesce(agentctl.seconds(args, 'settled_seconds'), interval '0')
                and e.id > coalesce((args->>'after')::uuid, '00000000-0000-0000-0000-000000000000')
                and not exists (
                    select from agentctl.unproven_sounds u
                    where (u.tenant, u.event_id, u.place) = (e.tenant, e.id, args->>'place')
                        and u.asked_at > now() - interval '1 day'
                )
            order by e.id
            limit (args->>'limit')::integer
        ) doubled
    );
end
$$;

create function public.agentctl_unproven_sounds(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    noted integer;
begin
    insert into agentctl.unproven_sounds as u (tenant, event_id, place)
    select e.tenant, e.id, args->>'place' from agentctl.events e
    where e.tenant = agentctl.tenant(args) and agentctl.given(args, 'events') ? e.id::text
    on conflict (tenant, event_id, place) do update set asked_at = now();
    get diagnostics noted = row_count;
    return jsonb_build_object('count', noted);
end
$$;
comment on function public.agentctl_unproven_sounds(jsonb) is
    'Notes that the recordings of these events were not found whole in this place.';

-- As before, of the event's own sound alone.
create or replace function public.agentctl_drop_doubled(args jsonb) returns jsonb
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
            and r.tenant = e.tenant and r.conversation_id = e.conversation_id and agentctl.brought(e, r)
            and (r.location, r.sha256) = (found.location, found.sha256)
        returning e.id
    )
    select coalesce(array_agg(k.id), '{}') into dropped from kept_once k;
    delete from agentctl.event_parts p where p.tenant = agentctl.tenant(args) and p.event = any (dropped);
    delete from agentctl.unproven_sounds u where u.tenant = agentctl.tenant(args) and u.event_id = any (dropped);
    return jsonb_build_object('count', cardinality(dropped));
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000710', 'agentctl_own_sound');
