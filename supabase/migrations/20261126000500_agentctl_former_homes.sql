-- A tenant's calls are where its agents are or were: also in the workspace of whom it lived with. What it only names by
-- an agent that was never its own is no call there.

-- Whether the agent is somebody's, and was never the owner's nor in its workspace.
create function agentctl.is_anothers(owner text, agent text) returns boolean
language sql stable set search_path = ''
as $$
    select exists (
        select from agentctl.agents g
        where g.agent_id = agent and owner <> all (g.former || g.workspaces || array[g.tenant])
    )
$$;

-- The workspaces of a project in which agents are bound that are or were the tenant's.
create function public.agentctl_homes_of(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(distinct b.workspace), '[]')
    from agentctl.bindings b join agentctl.agents g on g.agent_id = b.remote_id
    where (b.tenant, b.project, b.environment, b.kind)
        = (agentctl.operator(), args->>'project', args->>'environment', 'agent')
        and agentctl.tenant(args) = any (g.former || g.workspaces || array[g.tenant])
$$;

-- As before, of agents that are not another's alone.
create or replace function public.agentctl_homes_elsewhere(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with asked as (
        select array(select jsonb_array_elements_text(args->'conversation_ids')) ids
    ), bound as (
        select b.remote_id, b.workspace from agentctl.bindings b
        where (b.tenant, b.project, b.environment, b.kind)
            = (agentctl.operator(), args->>'project', args->>'environment', 'agent')
            and b.remote_id in (
                select c.agent_id from agentctl.calls c, asked
                where c.tenant = agentctl.tenant(args) and c.conversation_id = any (asked.ids)
                union
                select r.agent_id from agentctl.remains r, asked
                where r.tenant = agentctl.tenant(args) and r.conversation_id = any (asked.ids)
                    and r.at_vendor
            )
            and not agentctl.is_anothers(agentctl.tenant(args), b.remote_id)
    )
    select coalesce(jsonb_agg(distinct f.workspace), '[]') from bound f
    where not exists (select from bound g where g.remote_id = f.remote_id and args->'workspaces' ? g.workspace)
$$;

-- As before; an agent that was never the tenant's tells nothing of where its conversation was.
create or replace function public.agentctl_is_gone(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with places as (
        select p.workspace, array(select jsonb_array_elements_text(p.agents)) agents
        from jsonb_to_recordset(args->'places') p (workspace text, agents jsonb)
    ), agents as (
        select b.remote_id, b.project, b.environment, b.workspace from agentctl.bindings b
        where b.tenant = agentctl.operator() and b.kind = 'agent'
    ), called as (
        select r.agent_id from agentctl.remains r
        where r.tenant = agentctl.tenant(args) and r.conversation_id = args->>'conversation_id'
            and r.agent_id is not null and not agentctl.is_anothers(r.tenant, r.agent_id)
    ), home as (
        select a.project, a.environment, a.workspace from agents a join called c on c.agent_id = a.remote_id
    ), known as (
        select bool_or(a.remote_id = any (p.agents)) is_there
        from places p join agents a using (workspace)
        group by p.workspace
    )
    select jsonb_build_object('gone', case
        when exists (select from places p join called c on c.agent_id = any (p.agents)) then true
        when exists (select from home) then exists (
            select from agents a join home using (project, environment, workspace)
            join places p on a.remote_id = any (p.agents)
        )
        else (args->>'all')::boolean and coalesce((select bool_and(k.is_there) from known k), false)
    end)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000500', 'agentctl_former_homes');
