-- Who is signed in at the console, on whichever door; and how often somebody may try something.

create table agentctl.console_sessions (
    id_sha256 bytea primary key check (octet_length(id_sha256) = 32),
    person text not null check (person <> ''),
    kind text not null check (kind in ('operator', 'user', 'link')),
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz
);
alter table agentctl.console_sessions enable row level security;
create index console_sessions_by_person on agentctl.console_sessions (person);
create index console_sessions_by_end on agentctl.console_sessions (expires_at);
comment on table agentctl.console_sessions is 'Who is signed in at the console. A row goes a day after its end.';
comment on column agentctl.console_sessions.id_sha256 is 'Digest of what the cookie holds, which is nowhere else.';
comment on column agentctl.console_sessions.person is 'The user''s id in Supabase Auth, or the operator''s name.';
comment on column agentctl.console_sessions.kind is 'operator: of an embedded store; user: signed in by Supabase Auth; link: by which an operator comes in, once.';
comment on column agentctl.console_sessions.created_at is 'When the person signed in.';
comment on column agentctl.console_sessions.seen_at is 'When it was last used, to the minute.';
comment on column agentctl.console_sessions.expires_at is 'Moves with seen_at.';
comment on column agentctl.console_sessions.revoked_at is 'When somebody ended it; null: nobody has.';

create function agentctl.session_id(args jsonb) returns bytea
language plpgsql immutable set search_path = ''
as $$
begin
    if coalesce(args->>'id_sha256', '') !~ '^[0-9a-f]{64}$' then
        raise exception 'id_sha256 is the SHA-256 of the session''s id, in hexadecimal digits';
    end if;
    return decode(args->>'id_sha256', 'hex');
end
$$;

create function public.agentctl_open_session(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    opened agentctl.console_sessions;
begin
    delete from agentctl.console_sessions s where s.expires_at < now() - interval '1 day';
    insert into agentctl.console_sessions (id_sha256, person, kind, expires_at)
    values (agentctl.session_id(args), args->>'person', args->>'kind', now() + interval '12 hours')
    returning * into opened;
    return jsonb_build_object('expires_at', opened.expires_at);
end
$$;
comment on function public.agentctl_open_session(jsonb) is
    'Signs person in for 12 hours, which each use begins anew. id_sha256 (hex), person, kind (operator, user, link).';

-- Read each time, written at most once a minute.
create function public.agentctl_session(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    id bytea := agentctl.session_id(args);
    open agentctl.console_sessions;
begin
    update agentctl.console_sessions s set seen_at = now(), expires_at = now() + interval '12 hours'
    where s.id_sha256 = id and s.kind <> 'link' and s.revoked_at is null and s.expires_at > now()
        and s.seen_at < now() - interval '1 minute';
    select * into open from agentctl.console_sessions s
    where s.id_sha256 = id and s.kind <> 'link' and s.revoked_at is null and s.expires_at > now();
    return case when found then to_jsonb(open) - '{id_sha256,revoked_at}'::text[] end;
end
$$;
comment on function public.agentctl_session(jsonb) is 'Who it is and until when; null: nobody, or no more. A link is nobody.';

create function public.agentctl_end_session(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with ended as (
        update agentctl.console_sessions s set revoked_at = now(), expires_at = least(s.expires_at, now())
        where s.id_sha256 = agentctl.session_id(args) and s.kind = coalesce(args->>'kind', s.kind)
            and s.revoked_at is null and s.expires_at > now()
        returning 1
    )
    select jsonb_build_object('ended', exists (select from ended))
$$;
comment on function public.agentctl_end_session(jsonb) is
    'Signs out, or uses a link up: id_sha256, kind if it has to be of one. ended: it was open until now.';

create function public.agentctl_end_sessions(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with ended as (
        update agentctl.console_sessions s set revoked_at = now(), expires_at = least(s.expires_at, now())
        where s.person = args->>'person' and s.revoked_at is null
        returning s.id_sha256
    )
    select jsonb_build_object('ended', (select count(*) from ended))
$$;
comment on function public.agentctl_end_sessions(jsonb) is 'Signs a person out everywhere.';

-- By which a door knows the cookies of all others. Made of random UUIDs, since not every Postgres has an extension for
-- random bytes.
create table agentctl.console_key (
    only_one boolean primary key default true check (only_one),
    key bytea not null
);
alter table agentctl.console_key enable row level security;
comment on table agentctl.console_key is 'The key that signs the console''s cookies: one row, made when it is first asked for.';
comment on column agentctl.console_key.only_one is 'There is one row at most.';
comment on column agentctl.console_key.key is 'As HMAC takes it.';

create function public.agentctl_session_key(args jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
begin
    insert into agentctl.console_key (key)
    values (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))
    on conflict do nothing;
    return (select jsonb_build_object('key', encode(k.key, 'hex')) from agentctl.console_key k);
end
$$;
comment on function public.agentctl_session_key(jsonb) is 'The key that signs the console''s cookies, in hexadecimal digits.';

create table agentctl.paces (
    key_sha256 bytea primary key,
    free_at timestamptz not null
);
alter table agentctl.paces enable row level security;
create index paces_by_time on agentctl.paces (free_at);
comment on table agentctl.paces is 'How often somebody has tried something lately. A row goes within hours of the last attempt.';
comment on column agentctl.paces.key_sha256 is 'Digest of who tries what: no address stands here.';
comment on column agentctl.paces.free_at is 'When all attempts so far are worked off, at the pace that is allowed.';

-- At most `many` at once and `many` in each `seconds`, on all doors together: each attempt takes up seconds / many.
create function public.agentctl_take_pace(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    key bytea := sha256(convert_to(args->>'key', 'UTF8'));
    whole interval := agentctl.seconds(args, 'seconds');
    many integer := args->>'many';
    step interval := whole / nullif(many, 0);
    moment timestamptz := clock_timestamp();
    taken agentctl.paces;
begin
    if key is null or many is null or many < 1 or step is null or step <= interval '0' then
        raise exception 'a pace needs a key, and how many in how many seconds';
    end if;
    delete from agentctl.paces p where p.free_at < moment - interval '1 hour';
    insert into agentctl.paces as p (key_sha256, free_at) values (key, moment + step)
    on conflict (key_sha256) do update set free_at = greatest(p.free_at, moment) + step
    where greatest(p.free_at, moment) + step < moment + whole + step / 2  -- a step is rounded
    returning * into taken;
    if found then
        return jsonb_build_object('allowed', true);
    end if;
    select * into taken from agentctl.paces p where p.key_sha256 = key;
    return jsonb_build_object(
        'allowed', false,
        'wait_seconds', ceil(extract(epoch from coalesce(taken.free_at, moment) + step - whole - moment))
    );
end
$$;
comment on function public.agentctl_take_pace(jsonb) is
    'Whether key may go on now, many times in seconds: allowed, or false with wait_seconds.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000150', 'agentctl_console');
