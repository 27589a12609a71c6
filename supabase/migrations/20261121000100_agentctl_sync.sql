-- What our names are bound to at ElevenLabs, and what a phone number did before it was taken over.

create table agentctl.bindings (
    tenant text not null default 'default',
    project text not null,
    environment text not null,
    workspace text not null,
    kind text not null,
    key text not null,
    remote_id text not null,
    applied jsonb,
    bound_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant, project, environment, workspace, kind, key)
);
alter table agentctl.bindings enable row level security;
comment on table agentctl.bindings is 'Our key -> the vendor''s id, written the moment the object exists.';
comment on column agentctl.bindings.workspace is 'Which workspace the id belongs to, label@host or the API host alone: it means nothing in another.';
comment on column agentctl.bindings.kind is 'knowledge_document, agent, phone_number, …';
comment on column agentctl.bindings.key is 'Our name; remote_id is the vendor''s.';
comment on column agentctl.bindings.applied is 'What was last applied, for values that the vendor does not read back.';
comment on column agentctl.bindings.bound_at is 'Since when the key means this remote_id.';

create table agentctl.assistants (
    tenant text not null default 'default',
    project text not null,
    environment text not null,
    workspace text not null,
    key text not null,
    name text not null,
    language text,
    agent_id text not null,
    post_call jsonb,
    updated_at timestamptz not null default now(),
    primary key (tenant, project, environment, workspace, key)
);
alter table agentctl.assistants enable row level security;
create index assistants_by_agent on agentctl.assistants (tenant, agent_id);
comment on table agentctl.assistants is 'Which agent is which assistant of ours: what a worker needs to know about a call.';
comment on column agentctl.assistants.agent_id is 'ElevenLabs'' id of the agent made from the assistant.';
comment on column agentctl.assistants.post_call is 'Who gets the mail, in which language the summary is.';

create table agentctl.phone_routes (
    tenant text not null default 'default',
    phone_number text not null,
    route jsonb not null,
    saved_at timestamptz not null default now(),
    primary key (tenant, phone_number)
);
alter table agentctl.phone_routes enable row level security;
comment on table agentctl.phone_routes is 'Where a number led before ElevenLabs'' import overwrote it, to be restored on release.';
comment on column agentctl.phone_routes.phone_number is 'E.164.';
comment on column agentctl.phone_routes.route is 'URLs and SIDs as the telephone provider reported them.';

create function public.agentctl_bindings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'kind', b.kind, 'key', b.key, 'remote_id', b.remote_id, 'applied', b.applied
    ) order by b.kind, b.key), '[]')
    from agentctl.bindings b
    where (b.tenant, b.project, b.environment, b.workspace)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
$$;

create function public.agentctl_bind(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
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

create function public.agentctl_unbind(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.bindings b
        where (b.tenant, b.project, b.environment, b.workspace, b.kind, b.key) = (
            agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace',
            args->>'kind', args->>'key'
        )
        returning 1
    )
    select jsonb_build_object('removed', exists (select from gone))
$$;

create function public.agentctl_assistants(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'key', a.key, 'name', a.name, 'language', a.language, 'agent_id', a.agent_id, 'post_call', a.post_call
    ) order by a.key), '[]')
    from agentctl.assistants a
    where (a.tenant, a.project, a.environment, a.workspace)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
$$;

create function public.agentctl_save_assistant(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    insert into agentctl.assistants
        (tenant, project, environment, workspace, key, name, language, agent_id, post_call)
    values (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'key',
        args->>'name', args->>'language', args->>'agent_id', agentctl.given(args, 'post_call')
    )
    on conflict (tenant, project, environment, workspace, key) do update set
        name = excluded.name,
        language = excluded.language,
        agent_id = excluded.agent_id,
        post_call = excluded.post_call,
        updated_at = now()
    returning jsonb_build_object('new', xmax = 0)
$$;

create function public.agentctl_remove_assistant(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.assistants a
        where (a.tenant, a.project, a.environment, a.workspace, a.key)
            = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'key')
        returning 1
    )
    select jsonb_build_object('removed', exists (select from gone))
$$;

-- The first route saved is the original one: a second import finds ElevenLabs' URLs there and must not save those.
create function public.agentctl_save_route(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with saved as (
        insert into agentctl.phone_routes (tenant, phone_number, route)
        values (agentctl.tenant(args), args->>'phone_number', agentctl.given(args, 'route'))
        on conflict (tenant, phone_number) do nothing
        returning 1
    )
    select jsonb_build_object('new', exists (select from saved))
$$;

create function public.agentctl_route(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object('route', r.route, 'saved_at', r.saved_at)
    from agentctl.phone_routes r
    where (r.tenant, r.phone_number) = (agentctl.tenant(args), args->>'phone_number')
$$;

create function public.agentctl_forget_route(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.phone_routes r
        where (r.tenant, r.phone_number) = (agentctl.tenant(args), args->>'phone_number')
        returning 1
    )
    select jsonb_build_object('removed', exists (select from gone))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121000100', 'agentctl_sync');
