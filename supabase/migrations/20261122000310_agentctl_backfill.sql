-- Up to when the conversations of each agent are known to be here, so that backfill need not look further back.

create table agentctl.watermarks (
    tenant text not null default 'default',
    workspace text not null,
    agent_id text not null,
    reached_at timestamptz not null,
    primary key (tenant, workspace, agent_id)
);
alter table agentctl.watermarks enable row level security;
comment on table agentctl.watermarks is 'How far backfill has come with each agent; kept when the agent is gone.';
comment on column agentctl.watermarks.reached_at is
    'Every conversation that began before this is stored here, or was given up.';

-- Which agents ever had a call here.
create index calls_by_agent on agentctl.calls (tenant, agent_id);

-- A worker without project files knows the host alone; what is bound may have a label before it.
create function agentctl.in_workspace(bound text, asked text) returns boolean
language sql immutable parallel safe set search_path = ''
as $$ select bound = asked or (strpos(asked, '@') = 0 and split_part(bound, '@', 2) = asked) $$;

-- The agents of a workspace that are ours, or once were. `reached` is null for one that was never looked at, `bound_at`
-- for one that is bound no more.
create function public.agentctl_watermarks(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'agent_id', agent_id, 'reached', looked.reached_at, 'bound_at', ours.bound_at
    )), '[]')
    from (
        select b.remote_id agent_id, min(b.bound_at) bound_at from agentctl.bindings b
        where b.tenant = agentctl.tenant(args) and b.kind = 'agent'
            and agentctl.in_workspace(b.workspace, args->>'workspace')
        group by b.remote_id
    ) ours
    full join (
        select w.agent_id, w.reached_at from agentctl.watermarks w
        where (w.tenant, w.workspace) = (agentctl.tenant(args), args->>'workspace')
    ) looked using (agent_id)
$$;

-- Never back: of two at once, the one that was slower has seen no less.
create function public.agentctl_advance_watermarks(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with moved as (
        insert into agentctl.watermarks as w (tenant, workspace, agent_id, reached_at)
        select agentctl.tenant(args), args->>'workspace', r.agent_id, r.reached
        from jsonb_to_recordset(args->'rows') r (agent_id text, reached timestamptz)
        on conflict (tenant, workspace, agent_id) do update set
            reached_at = greatest(w.reached_at, excluded.reached_at)
        returning 1
    )
    select jsonb_build_object('agents', count(*)) from moved
$$;

-- Of the given agents, those that had a call here: a webhook told of it, so that it is ours to know.
create function public.agentctl_agents_with_calls(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(asked.id), '[]')
    from jsonb_array_elements_text(args->'agent_ids') asked (id)
    where exists (
        select from agentctl.calls c where c.tenant = agentctl.tenant(args) and c.agent_id = asked.id
    )
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000310', 'agentctl_backfill');
