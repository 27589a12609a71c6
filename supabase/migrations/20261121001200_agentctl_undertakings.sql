-- Work of several steps that goes on in a later run: what has to be known there and can be read nowhere else.

create table agentctl.undertakings (
    tenant text not null default 'default',
    project text not null,
    environment text not null,
    workspace text not null,
    name text not null check (name <> ''),
    state jsonb not null,
    began_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant, project, environment, workspace, name)
);
alter table agentctl.undertakings enable row level security;
comment on table agentctl.undertakings is
    'What was begun and is not at its end, such as the rotation of a secret or a number between two imports.';
comment on column agentctl.undertakings.state is 'Never a secret: at most the digest of one.';
comment on column agentctl.undertakings.began_at is 'By this server''s clock; saving it again does not change it.';

create function public.agentctl_save_undertaking(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    insert into agentctl.undertakings as u (tenant, project, environment, workspace, name, state)
    values (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'name',
        args->'state'
    )
    on conflict (tenant, project, environment, workspace, name) do update
        set state = excluded.state, updated_at = now()
    returning jsonb_build_object('new', xmax = 0, 'began_at', u.began_at)
$$;

create function public.agentctl_undertaking(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object(
        'state', u.state, 'began_at', u.began_at, 'age_seconds', extract(epoch from now() - u.began_at)
    )
    from agentctl.undertakings u
    where (u.tenant, u.project, u.environment, u.workspace, u.name) = (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'name'
    )
$$;

create function public.agentctl_forget_undertaking(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.undertakings u
        where (u.tenant, u.project, u.environment, u.workspace, u.name) = (
            agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'name'
        )
        returning 1
    )
    select jsonb_build_object('removed', exists (select from gone))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121001200', 'agentctl_undertakings');
