-- What a sync needs to be trusted after a kill and beside another one: creates that were about to be sent, and leases.

create table agentctl.intents (
    tenant text not null default 'default',
    project text not null,
    environment text not null,
    workspace text not null,
    kind text not null,
    key text not null,
    intended_at timestamptz not null default now(),
    primary key (tenant, project, environment, workspace, kind, key)
);
alter table agentctl.intents enable row level security;
comment on table agentctl.intents is
    'Creates that were about to be sent, no id known yet: the object may exist, so look before creating again.';
comment on column agentctl.intents.intended_at is 'Of the first attempt, by this server''s clock.';

create table agentctl.leases (
    tenant text not null default 'default',
    name text not null check (name <> ''),
    holder text not null check (holder <> ''),
    since timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (tenant, name)
);
alter table agentctl.leases enable row level security;
comment on table agentctl.leases is
    'Who works on what, so that nobody else does. Times are this server''s, whatever the holders'' clocks say.';
comment on column agentctl.leases.name is 'What is held, such as one project, environment and workspace.';
comment on column agentctl.leases.holder is 'One process: two that gave the same name would both believe they hold it.';
comment on column agentctl.leases.since is 'When this holder began; extending does not change it.';
comment on column agentctl.leases.expires_at is
    'From here on anybody may take it. Until somebody does, the holder may still extend it.';

-- The first time stays, however often the create is tried.
create function public.agentctl_intend(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    insert into agentctl.intents as i (tenant, project, environment, workspace, kind, key)
    values (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'kind', args->>'key'
    )
    on conflict (tenant, project, environment, workspace, kind, key) do update set intended_at = i.intended_at
    returning jsonb_build_object('new', xmax = 0, 'intended_at', i.intended_at)
$$;

create function public.agentctl_intents(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'kind', i.kind, 'key', i.key, 'intended_at', i.intended_at
    ) order by i.kind, i.key), '[]')
    from agentctl.intents i
    where (i.tenant, i.project, i.environment, i.workspace)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
$$;

create function public.agentctl_forget_intent(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.intents i
        where (i.tenant, i.project, i.environment, i.workspace, i.kind, i.key) = (
            agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace',
            args->>'kind', args->>'key'
        )
        returning 1
    )
    select jsonb_build_object('removed', exists (select from gone))
$$;

create or replace function public.agentctl_bindings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'kind', b.kind, 'key', b.key, 'remote_id', b.remote_id, 'applied', b.applied,
        'bound_at', b.bound_at, 'updated_at', b.updated_at
    ) order by b.kind, b.key), '[]')
    from agentctl.bindings b
    where (b.tenant, b.project, b.environment, b.workspace)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
$$;

-- An id is what an intent waits for: both change together, or a kill in between would start a search for nothing.
create or replace function public.agentctl_bind(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with fulfilled as (
        delete from agentctl.intents i
        where (i.tenant, i.project, i.environment, i.workspace, i.kind, i.key) = (
            agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace',
            args->>'kind', args->>'key'
        )
    )
    insert into agentctl.bindings as b (tenant, project, environment, workspace, kind, key, remote_id, applied)
    values (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace',
        args->>'kind', args->>'key', args->>'remote_id', agentctl.given(args, 'applied')
    )
    on conflict (tenant, project, environment, workspace, kind, key) do update set
        remote_id = excluded.remote_id,
        applied = excluded.applied,
        bound_at = case when b.remote_id = excluded.remote_id then b.bound_at else now() end,
        updated_at = now()
    returning jsonb_build_object('new', xmax = 0)
$$;

-- Also a refused attempt updates the row, with what it had: so there is always one to return, and of any number that
-- try at once each sees what the one before it left.
create function public.agentctl_take_lease(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    insert into agentctl.leases as l (tenant, name, holder, expires_at)
    values (
        agentctl.tenant(args), args->>'name', args->>'holder', now() + agentctl.seconds(args, 'lease_seconds')
    )
    on conflict (tenant, name) do update set
        holder = case when l.expires_at <= now() then excluded.holder else l.holder end,
        since = case when l.expires_at <= now() and l.holder <> excluded.holder then now() else l.since end,
        expires_at = case
            when l.expires_at <= now() or l.holder = excluded.holder then excluded.expires_at else l.expires_at
        end
    returning jsonb_build_object(
        'held', l.holder = args->>'holder', 'holder', l.holder, 'since', l.since, 'expires_at', l.expires_at
    )
$$;

-- A holder that comes late has lost nothing as long as nobody took its place.
create function public.agentctl_renew_lease(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with renewed as (
        update agentctl.leases l set expires_at = now() + agentctl.seconds(args, 'lease_seconds')
        where (l.tenant, l.name, l.holder) = (agentctl.tenant(args), args->>'name', args->>'holder')
        returning 1
    )
    select jsonb_build_object('held', exists (select from renewed))
$$;

create function public.agentctl_release_lease(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with released as (
        delete from agentctl.leases l
        where (l.tenant, l.name, l.holder) = (agentctl.tenant(args), args->>'name', args->>'holder')
        returning 1
    )
    select jsonb_build_object('released', exists (select from released))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121000600', 'agentctl_trust');
