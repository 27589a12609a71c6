-- Who signed a delivery may speak of the agents in its own workspace alone. What the project's secret signed, and what
-- was fetched, is believed whosever the agent is.

-- An agent lives in one workspace for as long as it is there, and its calls are signed by that one ever after: also when
-- its tenant has moved, and has other agents elsewhere.
alter table agentctl.agents add column workspaces text[] not null default '{}';
comment on column agentctl.agents.workspaces is
    'The tenants in whose workspace the agent lives, empty for the project''s; several, where two keys open one.';

-- label@host, or label@host/tenant: see agentctl.assistants.workspace.
create function agentctl.workspace_tenants(workspace text) returns text[]
language sql immutable parallel safe set search_path = ''
as $$ select array_remove(array[substring(workspace from '/([A-Za-z0-9][A-Za-z0-9_-]*)$')], null) $$;

update agentctl.agents g set workspaces = lived.tenants
from (
    select a.agent_id, array_agg(distinct one) as tenants
    from agentctl.assistants a cross join unnest(agentctl.workspace_tenants(a.workspace)) one
    group by a.agent_id
) lived
where lived.agent_id = g.agent_id;

create or replace function agentctl.keep_agent() returns trigger
language plpgsql set search_path = ''
as $$
begin
    insert into agentctl.agents as g (agent_id, tenant, former, workspaces)
    values (
        new.agent_id, new.tenant, array_remove(array[agentctl.operator()], new.tenant),
        agentctl.workspace_tenants(new.workspace)
    )
    on conflict (agent_id) do update
        set tenant = excluded.tenant,
            former = case when g.tenant = excluded.tenant then g.former
                else array_remove(g.former, excluded.tenant) || g.tenant end,
            workspaces = array_remove(g.workspaces, excluded.workspaces[1]) || excluded.workspaces
        where g.tenant <> excluded.tenant or not excluded.workspaces <@ g.workspaces;
    return null;
end
$$;

-- Whether anything of it is here that is of this agent, or anything was until it was forgotten or outlived its limit.
drop function agentctl.is_known(text, text);
create function agentctl.is_known(owner text, conversation text, agent text) returns boolean
language plpgsql stable
as $$
begin
    return exists (
        select from agentctl.events e
        where e.tenant = owner and e.conversation_id = conversation and coalesce(e.agent_id, agent) = agent
    ) or exists (
        select from agentctl.calls c
        where c.tenant = owner and c.conversation_id = conversation and coalesce(c.agent_id, agent) = agent
    ) or agentctl.is_forgotten(owner, conversation)
        or agentctl.is_outlived(owner, agentctl.mark(owner, 'conversation', conversation));
end
$$;

-- Whose an event is: that of the tenant whose agent was called, unless its conversation is another's already, whose the
-- agent was, or who had it in its workspace before it was anybody's. `signers`: the tenants with whose workspace's
-- secret it was signed; none for the project's. What they say of an agent that lives elsewhere, or that nobody has, is
-- their own. `giver`: whose it is else, where nobody has such an agent.
create or replace function agentctl.owner_of(heading jsonb, giver text) returns text
language plpgsql stable
as $$
declare
    conversation text := left(nullif(heading->>'conversation_id', ''), 200);
    signers text[] := array(select jsonb_array_elements_text(agentctl.given(heading, 'signers')));
    agent agentctl.agents;
    earlier text;
begin
    select * into agent from agentctl.agents g where g.agent_id = heading->>'agent_id';
    if not found or (signers <> '{}' and not (agent.workspaces && signers)) then
        return coalesce(signers[1], giver);
    end if;
    foreach earlier in array array_remove(agent.former || agent.workspaces, agent.tenant) loop
        if agentctl.is_known(earlier, conversation, agent.agent_id) then
            return earlier;
        end if;
    end loop;
    return agent.tenant;
end
$$;

-- All who may have calls of an agent.
create or replace function agentctl.owners_of(agent text, giver text) returns text[]
language sql stable set search_path = ''
as $$
    select array[giver] || coalesce((
        select g.former || g.workspaces || g.tenant from agentctl.agents g where g.agent_id = agent
    ), '{}')
$$;

-- As before, and nothing of it to who has no calls of the agent but what was said to be some.
create or replace function agentctl.assistant_of(owner text, agent text) returns jsonb
language sql stable set search_path = ''
as $$
    select jsonb_build_object(
        'project', a.project, 'environment', a.environment, 'key', a.key, 'name', a.name, 'language', a.language,
        'post_call', case when a.tenant = owner then a.post_call else a.post_call - 'mail_to' end
    )
    from agentctl.assistants a
    where a.agent_id = agent and owner = any (agentctl.owners_of(agent, a.tenant))
    order by a.tenant = owner desc, a.updated_at desc limit 1
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000500', 'agentctl_signers');
