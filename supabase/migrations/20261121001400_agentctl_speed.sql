-- Many rows in one call and one commit; one assistant instead of all; and what a sync with nothing to do has seen.

-- In order of rows, each as `agentctl_bind` does it; all or none.
create function public.agentctl_bind_all(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(public.agentctl_bind(r.row) order by r.place), '[]')
    from jsonb_array_elements(agentctl.given(args, 'rows')) with ordinality r (row, place)
$$;

create function public.agentctl_intend_all(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(public.agentctl_intend(r.row) order by r.place), '[]')
    from jsonb_array_elements(agentctl.given(args, 'rows')) with ordinality r (row, place)
$$;

create or replace function public.agentctl_assistants(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'key', a.key, 'name', a.name, 'language', a.language, 'agent_id', a.agent_id, 'post_call', a.post_call
    ) order by a.key), '[]')
    from agentctl.assistants a
    where (a.tenant, a.project, a.environment, a.workspace)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
        and (args->>'key' is null or a.key = args->>'key')
$$;

create table agentctl.clean_syncs (
    tenant text not null default 'default',
    project text not null,
    environment text not null,
    workspace text not null,
    digest text not null check (digest <> ''),
    listed jsonb not null,
    resources integer not null,
    state text not null,
    seen_at timestamptz not null default now(),
    primary key (tenant, project, environment, workspace)
);
alter table agentctl.clean_syncs enable row level security;
comment on table agentctl.clean_syncs is
    'The last whole sync that had nothing to do: with it, and only with a wish for it, the next may look less closely.';
comment on column agentctl.clean_syncs.digest is 'Of all sources, and of the version that read them.';
comment on column agentctl.clean_syncs.listed is 'The project''s agents as the platform listed them then.';
comment on column agentctl.clean_syncs.resources is 'How many resources were found unchanged.';
comment on column agentctl.clean_syncs.state is 'What this store held of the project then; see agentctl.held_state.';

-- What a sync relies on in this store, as one text: any write to it makes another.
create function agentctl.held_state(owner text, args jsonb) returns text
language sql stable set search_path = ''
as $$
    select concat_ws(' ',
        (select concat_ws('/', count(*), max(b.updated_at)) from agentctl.bindings b
         where (b.tenant, b.project, b.environment, b.workspace)
             = (owner, args->>'project', args->>'environment', args->>'workspace')),
        (select concat_ws('/', count(*), max(a.updated_at)) from agentctl.assistants a
         where (a.tenant, a.project, a.environment, a.workspace)
             = (owner, args->>'project', args->>'environment', args->>'workspace')),
        (select count(*) from agentctl.intents i
         where (i.tenant, i.project, i.environment, i.workspace)
             = (owner, args->>'project', args->>'environment', args->>'workspace')),
        (select count(*) from agentctl.holds h
         where (h.tenant, h.project, h.environment, h.workspace)
             = (owner, args->>'project', args->>'environment', args->>'workspace'))
    )
$$;

-- `state` is what the store held before the sync looked at the platform: what changed meanwhile is not covered.
create function public.agentctl_save_clean_sync(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    insert into agentctl.clean_syncs as c
        (tenant, project, environment, workspace, digest, listed, resources, state)
    values (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'digest',
        agentctl.given(args, 'listed'), (args->>'resources')::integer, args->>'state'
    )
    on conflict (tenant, project, environment, workspace) do update set
        digest = excluded.digest, listed = excluded.listed, resources = excluded.resources,
        state = excluded.state, seen_at = now()
    returning jsonb_build_object('new', xmax = 0)
$$;

-- `seen` is null where there was no such sync, or where this store holds anything else by now.
create function public.agentctl_clean_sync(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object('state', now.state, 'seen', (
        select jsonb_build_object('digest', c.digest, 'listed', c.listed, 'resources', c.resources, 'at', c.seen_at)
        from agentctl.clean_syncs c
        where (c.tenant, c.project, c.environment, c.workspace, c.state)
            = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', now.state)
    ))
    from (select agentctl.held_state(agentctl.tenant(args), args) as state) now
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121001400', 'agentctl_speed');
