-- Where a recording may lie of which no row tells: written down before it is begun, and erased by whoever finds it there
-- without a call.

create table agentctl.begun_recordings (
    tenant text not null default 'default',
    conversation_id text not null,
    location text not null,
    attempts integer not null default 1,
    begun_at timestamptz not null default now(),
    primary key (tenant, conversation_id, location)
);
alter table agentctl.begun_recordings enable row level security;
comment on table agentctl.begun_recordings is
    'Recordings that somebody began to store, until they are stored or erased: whoever did may have been lost.';
comment on column agentctl.begun_recordings.tenant is
    'Whose row it is: a customer of the product that runs agentctl; default: the operator''s own.';
comment on column agentctl.begun_recordings.conversation_id is
    'The vendor''s id of the conversation, by which a call is known.';
comment on column agentctl.begun_recordings.location is 'Where it was to lie, as agentctl.recordings has it.';
comment on column agentctl.begun_recordings.attempts is
    'How often it was begun. Of several, an earlier one may still be under way when a later one is done.';
comment on column agentctl.begun_recordings.begun_at is 'When it was begun last.';

-- What was begun and is no recording, and becomes none: there is no event any more that somebody could go on with. Events
-- of what was forgotten are gone, and none comes in again.
create function public.agentctl_abandoned_recordings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(one) order by one.conversation_id, one.location), '[]')
    from (
        select b.conversation_id, b.location
        from agentctl.begun_recordings b
        where b.tenant = agentctl.tenant(args)
            and (b.conversation_id, b.location) > (
                coalesce(args->'after'->>0, ''), coalesce(args->'after'->>1, '')
            )
            and not exists (
                select from agentctl.recordings r
                where (r.tenant, r.conversation_id, r.location) = (b.tenant, b.conversation_id, b.location)
            )
            and not exists (
                select from agentctl.events e
                where (e.tenant, e.conversation_id, e.type) = (b.tenant, b.conversation_id, 'post_call_audio')
                    and e.state <> 'done'
            )
        order by b.conversation_id, b.location
        limit (args->>'limit')::integer
    ) one
$$;

-- Once nothing lies there. A worker that lost its event may still be at it, and an upload lives for a day: until then it
-- is looked for again. A file is `reached` on the machine alone where it lies, which may be switched off.
create function public.agentctl_drop_abandoned(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with dropped as (
        delete from agentctl.begun_recordings b
        using jsonb_to_recordset(args->'recordings') d (conversation_id text, location text, reached boolean)
        where b.tenant = agentctl.tenant(args)
            and (b.conversation_id, b.location) = (d.conversation_id, d.location)
            and b.begun_at < now() - case when d.reached then interval '1 day' else interval '30 days' end
        returning 1
    )
    select jsonb_build_object('count', count(*)) from dropped
$$;

-- As before, and of these.
create or replace function agentctl.tenants(variadic places text[]) returns setof text
language sql stable set search_path = ''
as $$
    with recursive walk (place, tenant) as (
        select p, '' from unnest(places) p
        union all
        select w.place, next.tenant from walk w cross join lateral (
            select case w.place
                when 'assistants' then (select min(t.tenant) from agentctl.assistants t where t.tenant > w.tenant)
                when 'audit' then (select min(t.tenant) from agentctl.audit t where t.tenant > w.tenant)
                when 'begun_recordings' then (
                    select min(t.tenant) from agentctl.begun_recordings t where t.tenant > w.tenant
                )
                when 'calls' then (select min(t.tenant) from agentctl.calls t where t.tenant > w.tenant)
                when 'events' then (select min(t.tenant) from agentctl.events t where t.tenant > w.tenant)
                when 'outbox' then (select min(t.tenant) from agentctl.outbox t where t.tenant > w.tenant)
                when 'recordings' then (select min(t.tenant) from agentctl.recordings t where t.tenant > w.tenant)
                when 'remains' then (select min(t.tenant) from agentctl.remains t where t.tenant > w.tenant)
            end tenant
        ) next
        where next.tenant is not null
    )
    select distinct w.tenant from walk w where w.tenant <> '' order by w.tenant
$$;

-- As before, with those.
create or replace function public.agentctl_tenants(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object('tenant', t.tenant, 'has_calls', exists (
        select from agentctl.calls c where c.tenant = t.tenant
    )) order by t.tenant), '[]')
    from agentctl.tenants(
        'assistants', 'audit', 'begun_recordings', 'calls', 'events', 'recordings', 'remains'
    ) t (tenant)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000200', 'agentctl_begun_recordings');
