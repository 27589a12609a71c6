-- Callers and calls that were forgotten: nothing of them is here, and nothing of them comes in again.

create table agentctl.mark_keys (
    tenant text primary key default 'default',
    inner_pad bytea not null,
    outer_pad bytea not null
);
alter table agentctl.mark_keys enable row level security;
comment on table agentctl.mark_keys is 'The key of the marks of what was forgotten, as HMAC (RFC 2104) uses it with SHA-256.';

create table agentctl.forgotten (
    tenant text not null default 'default',
    mark bytea not null,
    forgotten_at timestamptz not null default now(),
    primary key (tenant, mark)
);
alter table agentctl.forgotten enable row level security;
comment on table agentctl.forgotten is 'Marks of conversations and numbers: by its own one is known again, and cannot be read.';

-- The key is made of random UUIDs, since not every Postgres has an extension for random bytes.
create function agentctl.make_mark_key(owner text) returns void
language plpgsql set search_path = ''
as $$
declare
    key bytea := sha256(decode(replace(concat(
        gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid()), '-', ''), 'hex'));
    inner_pad bytea := decode(repeat('36', 64), 'hex');
    outer_pad bytea := decode(repeat('5c', 64), 'hex');
begin
    for at in 0..31 loop
        inner_pad := set_byte(inner_pad, at, get_byte(inner_pad, at) # get_byte(key, at));
        outer_pad := set_byte(outer_pad, at, get_byte(outer_pad, at) # get_byte(key, at));
    end loop;
    insert into agentctl.mark_keys values (owner, inner_pad, outer_pad) on conflict do nothing;
end
$$;

-- The mark of one thing; null as long as nothing was ever forgotten here.
create function agentctl.mark(owner text, kind text, name text) returns bytea
language sql stable set search_path = ''
as $$
    select sha256(k.outer_pad || sha256(k.inner_pad || convert_to(kind || ' ' || name, 'UTF8')))
    from agentctl.mark_keys k where k.tenant = owner
$$;

create function agentctl.digits(number text) returns text
language sql immutable parallel safe set search_path = ''
as $$ select regexp_replace(number, '\D', '', 'g') $$;

create function agentctl.is_forgotten(owner text, conversation text) returns boolean
language sql stable set search_path = ''
as $$
    select exists (
        select from agentctl.forgotten f
        where f.tenant = owner and f.mark = agentctl.mark(owner, 'conversation', conversation)
    )
$$;

-- Whoever was forgotten may call again: of a number, only what began before is refused.
create function agentctl.is_forgotten_caller(owner text, number text, began timestamptz) returns boolean
language sql stable set search_path = ''
as $$
    select exists (
        select from agentctl.forgotten f
        where f.tenant = owner and f.mark = agentctl.mark(owner, 'number', agentctl.digits(number))
            and f.forgotten_at >= began
    )
$$;

-- All rows of these conversations, and of these events, which may have none. What hangs on a call goes with it.
create function agentctl.erase(owner text, conversations text[], event_ids uuid[]) returns jsonb
language plpgsql set search_path = ''
as $$
declare
    calls integer;
    events integer;
    others integer;
    mails integer;
    recordings integer;
begin
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

-- Whichever function enters an event, of what was forgotten there is none.
create function agentctl.refuse_forgotten() returns trigger
language plpgsql set search_path = ''
as $$
begin
    if new.conversation_id is not null and exists (select from agentctl.forgotten f where f.tenant = new.tenant)
        and agentctl.is_forgotten(new.tenant, new.conversation_id) then
        return null;
    end if;
    return new;
end
$$;
create trigger refuse_forgotten before insert on agentctl.events
    for each row execute function agentctl.refuse_forgotten();

-- The fence, as before; and an event of what was forgotten while it was being worked on, or by its number before it
-- came, is nobody's any more: it goes, and whoever worked on it stores nothing.
create or replace function agentctl.finish_event(args jsonb) returns boolean
language plpgsql set search_path = ''
as $$
declare
    owner text := agentctl.tenant(args);
    event uuid := agentctl.id(jsonb_build_object('id', args->'event_id'));
    conversation text := coalesce(args->'call'->>'conversation_id', args->'recording'->>'conversation_id');
begin
    if exists (select from agentctl.forgotten f where f.tenant = owner) then
        if agentctl.is_forgotten_caller(
            owner, args->'call'->>'external_number', coalesce(
                (args->'call'->>'started_at')::timestamptz,
                to_timestamp((args->'call'->>'event_timestamp')::double precision), now()
            )
        ) then
            insert into agentctl.forgotten (tenant, mark)
            values (owner, agentctl.mark(owner, 'conversation', conversation)) on conflict do nothing;
        end if;
        if agentctl.is_forgotten(owner, conversation) then
            perform agentctl.erase(owner, array[conversation], array[event]);
            return false;
        end if;
    end if;
    update agentctl.events e
    set state = 'done', error = null, finished_at = now()
    where e.tenant = owner and e.id = event and e.state = 'running' and e.attempt = (args->>'attempt')::integer;
    return found;
end
$$;

-- For whoever keeps something of a conversation outside of the store.
create function public.agentctl_is_forgotten(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$ select to_jsonb(agentctl.is_forgotten(agentctl.tenant(args), args->>'conversation_id')) $$;

create or replace function public.agentctl_unknown_conversations(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(asked.id order by asked.place), '[]')
    from jsonb_array_elements_text(args->'conversation_ids') with ordinality asked (id, place)
    where not exists (
        select from agentctl.events e
        where e.tenant = agentctl.tenant(args) and e.conversation_id = asked.id
            and e.type = 'post_call_transcription'
    ) and not exists (
        select from agentctl.calls c
        where c.tenant = agentctl.tenant(args) and c.conversation_id = asked.id
    ) and not agentctl.is_forgotten(agentctl.tenant(args), asked.id)
$$;

-- The calls of a number: `digits` with its country where `whole`, else what every number meant ends with.
create function public.agentctl_calls_of_number(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object('conversation_id', c.conversation_id, 'number', c.external_number)), '[]')
    from agentctl.calls c
    where c.tenant = agentctl.tenant(args) and case
        when (args->>'whole')::boolean then agentctl.digits(c.external_number) = args->>'digits'
        else agentctl.digits(c.external_number) like '%' || (args->>'digits')
    end
$$;

-- Events that became no call and in whose bytes these digits are; whether as the caller's number, their reader knows.
-- A recording has no number beside its conversation.
create function public.agentctl_events_with_digits(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(face) - 'tenant'), '[]')
    from agentctl.events e join agentctl.event_faces face using (tenant, id)
    where e.tenant = agentctl.tenant(args) and e.state <> 'done' and e.type <> 'post_call_audio'
        and (
            position(convert_to(args->>'digits', 'UTF8') in e.payload) > 0
            or e.parts > 0 and exists (
                select from agentctl.event_parts p
                where p.tenant = e.tenant and p.event = e.id
                    and position(convert_to(args->>'digits', 'UTF8') in p.body) > 0
            )
        )
        and not exists (
            select from agentctl.calls c where c.tenant = e.tenant and c.conversation_id = e.conversation_id
        )
$$;

-- What is here of these conversations and events: counts, the files outside, and who was mailed.
create function public.agentctl_held_of(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    ids text[] := array(select jsonb_array_elements_text(args->'conversation_ids'));
    others uuid[] := array(select jsonb_array_elements_text(args->'event_ids'))::uuid[];
begin
    return jsonb_build_object(
        'calls', (select count(*) from agentctl.calls c where c.tenant = owner and c.conversation_id = any (ids)),
        'turns', (select count(*) from agentctl.call_turns t where t.tenant = owner and t.conversation_id = any (ids)),
        'digests', (select count(*) from agentctl.digests d where d.tenant = owner and d.conversation_id = any (ids)),
        'action_items', (
            select count(*) from agentctl.action_items i where i.tenant = owner and i.conversation_id = any (ids)
        ),
        'events', cardinality(others) + (
            select count(*) from agentctl.events e
            where e.tenant = owner and e.conversation_id = any (ids) and e.id <> all (others)
        ),
        'queued_mails', (
            select count(*) from agentctl.outbox m
            where m.tenant = owner and m.conversation_id = any (ids) and m.state <> 'sent'
        ),
        'sent_mails', (
            select count(*) from agentctl.outbox m
            where m.tenant = owner and m.conversation_id = any (ids) and m.state = 'sent'
        ),
        'mailed', (
            select coalesce(jsonb_agg(distinct m.recipient), '[]') from agentctl.outbox m
            where m.tenant = owner and m.conversation_id = any (ids) and m.state = 'sent'
        ),
        'recordings', (
            select coalesce(jsonb_agg(jsonb_build_object('conversation_id', r.conversation_id, 'location', r.location)), '[]')
            from agentctl.recordings r where r.tenant = owner and r.conversation_id = any (ids)
        ),
        'marked', (
            select count(*) from unnest(ids) asked (id) where agentctl.is_forgotten(owner, asked.id)
        )
    );
end
$$;

-- First of all steps: from here on nothing of them comes in, whatever becomes of the steps after it.
create function public.agentctl_mark_forgotten(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    touched integer;
begin
    perform agentctl.make_mark_key(owner);
    insert into agentctl.forgotten as f (tenant, mark)
    select owner, agentctl.mark(owner, 'conversation', one)
    from (select distinct jsonb_array_elements_text(args->'conversation_ids')) c (one)
    union all
    select owner, agentctl.mark(owner, 'number', one)
    from (select distinct agentctl.digits(jsonb_array_elements_text(args->'numbers'))) n (one)
    on conflict (tenant, mark) do update set forgotten_at = now();
    get diagnostics touched = row_count;
    return jsonb_build_object('marks', touched);
end
$$;

-- Last of all steps.
create function public.agentctl_erase(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    select agentctl.erase(
        agentctl.tenant(args), array(select jsonb_array_elements_text(args->'conversation_ids')),
        array(select jsonb_array_elements_text(args->'event_ids'))::uuid[]
    )
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000900', 'agentctl_forgotten');
