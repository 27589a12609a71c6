-- Whose everything is. A tenant is a customer of whoever runs agentctl; what a sync remembers is the operator's, what is
-- made of a call is the tenant's whose assistant was called. An installation without tenants is the operator's alone.

create function agentctl.operator() returns text
language sql immutable parallel safe
as $$ select 'default' $$;
comment on function agentctl.operator() is 'The tenant that whoever runs agentctl is: see agentctl.tenant.';

-- A key is one assistant's, whosever it is: one that passes to another tenant keeps its row.
alter table agentctl.assistants drop constraint assistants_pkey;
alter table agentctl.assistants add primary key (project, environment, workspace, key);
drop index agentctl.assistants_by_agent;
create index assistants_by_agent on agentctl.assistants (agent_id, updated_at desc);
comment on column agentctl.assistants.tenant is 'Whose the assistant is, and what comes of its calls from now on.';

-- Calls come in after an assistant was removed or has passed to another tenant: those that were begun, and those that
-- are delivered again. So it is kept whose each agent is, and whose it was.
create table agentctl.agents (
    agent_id text primary key,
    tenant text not null,
    former text[] not null default '{}'
);
alter table agentctl.agents enable row level security;
comment on table agentctl.agents is 'Whose the calls of each agent are that was ever an assistant''s.';
comment on column agentctl.agents.former is
    'Whose it was before. What came of an agent that was nobody''s is the operator''s, and stays so.';

create function agentctl.keep_agent() returns trigger
language plpgsql set search_path = ''
as $$
begin
    insert into agentctl.agents as g (agent_id, tenant, former)
    values (new.agent_id, new.tenant, array_remove(array[agentctl.operator()], new.tenant))
    on conflict (agent_id) do update
        set tenant = excluded.tenant, former = array_remove(g.former, excluded.tenant) || g.tenant
        where g.tenant <> excluded.tenant;
    return null;
end
$$;
create trigger keep_agent after insert or update of tenant, agent_id on agentctl.assistants
for each row execute function agentctl.keep_agent();

insert into agentctl.agents (agent_id, tenant)
select distinct a.agent_id, a.tenant from agentctl.assistants a
on conflict do nothing;

-- Whether anything of it is here, or was until it was forgotten or outlived its limit.
create function agentctl.is_known(owner text, conversation text) returns boolean
language plpgsql stable
as $$
begin
    return exists (select from agentctl.events e where e.tenant = owner and e.conversation_id = conversation)
        or exists (select from agentctl.calls c where c.tenant = owner and c.conversation_id = conversation)
        or agentctl.is_forgotten(owner, conversation)
        or agentctl.is_outlived(owner, agentctl.mark(owner, 'conversation', conversation));
end
$$;

-- Whose an event is: that of the tenant whose agent was called, unless its conversation is another's already, whose the
-- agent was. `giver`: whose it is where nobody has such an agent.
create function agentctl.owner_of(heading jsonb, giver text) returns text
language plpgsql stable
as $$
declare
    conversation text := left(nullif(heading->>'conversation_id', ''), 200);
    agent agentctl.agents;
    earlier text;
begin
    select * into agent from agentctl.agents g where g.agent_id = heading->>'agent_id';
    if not found then
        return giver;
    end if;
    foreach earlier in array agent.former loop
        if agentctl.is_known(earlier, conversation) then
            return earlier;
        end if;
    end loop;
    return agent.tenant;
end
$$;

-- All who may have calls of an agent.
create function agentctl.owners_of(agent text, giver text) returns text[]
language sql stable set search_path = ''
as $$
    select array[giver] || coalesce((
        select g.former || g.tenant from agentctl.agents g where g.agent_id = agent
    ), '{}')
$$;

create or replace function public.agentctl_accept(args jsonb, blobs bytea[] default '{}') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    owner text := agentctl.owner_of(args, agentctl.tenant(args));
    body bytea;
begin
    if args ? 'parts' then
        return agentctl.enter_parted(owner, args);
    end if;
    body := agentctl.bytes(args->'payload', blobs);
    return agentctl.enter(owner, args, body, sha256(body));
end
$$;

create or replace function public.agentctl_accept_many(args jsonb, blobs bytea[] default '{}') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    giver text := agentctl.tenant(args);
    answers jsonb[];
    one record;
begin
    -- In the order of their keys: two transactions that have events in common then wait for each other, and never both.
    for one in
        select given.place, given.owner, given.event, given.body, sha256(given.body) as digest
        from (
            select e.place, agentctl.owner_of(e.event, giver) as owner, e.event,
                agentctl.bytes(e.event->'payload', blobs) as body
            from jsonb_array_elements(args->'events') with ordinality e (event, place)
            offset 0
        ) given
        order by digest, given.owner, given.event->>'conversation_id', given.event->>'type', given.place
    loop
        answers[one.place] := agentctl.enter(one.owner, one.event, one.body, one.digest);
    end loop;
    return coalesce(to_jsonb(answers), '[]');
end
$$;

-- Parts of what was broken off are dropped whosever they are.
drop index agentctl.event_parts_loose;
create index event_parts_loose on agentctl.event_parts (stored_at) where not whole;

create or replace function public.agentctl_accept_part(args jsonb, blobs bytea[] default '{}') returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    owner text := agentctl.owner_of(args, agentctl.tenant(args));
    place uuid := agentctl.parted(owner, args);
begin
    if (args->>'position')::integer = 0 then
        delete from agentctl.event_parts p where not p.whole and p.stored_at < now() - interval '1 day';
    end if;
    insert into agentctl.event_parts (tenant, event, position, body)
    values (owner, place, (args->>'position')::integer, agentctl.bytes(args->'part', blobs))
    on conflict do nothing;
    return jsonb_build_object('id', place, 'known', exists (
        select from agentctl.events e where e.tenant = owner and e.id = place
    ));
end
$$;

-- The assistant of an agent as the last sync saved it. To another tenant than whose it is now it mails nothing: whom it
-- mails to is theirs to say.
create function agentctl.assistant_of(owner text, agent text) returns jsonb
language sql stable set search_path = ''
as $$
    select jsonb_build_object(
        'project', a.project, 'environment', a.environment, 'key', a.key, 'name', a.name, 'language', a.language,
        'post_call', case when a.tenant = owner then a.post_call else a.post_call - 'mail_to' end
    )
    from agentctl.assistants a
    where a.agent_id = agent
    order by a.tenant = owner desc, a.updated_at desc limit 1
$$;

create or replace function public.agentctl_digestible(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select public.agentctl_show_call(args)
        || jsonb_build_object('settings', agentctl.assistant_of(c.tenant, c.agent_id))
    from agentctl.calls c
    where c.tenant = agentctl.tenant(args) and c.conversation_id = args->>'conversation_id'
$$;

-- What a sync asks for by project and key it finds, whosever it is.
create or replace function public.agentctl_assistants(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'key', a.key, 'tenant', a.tenant, 'name', a.name, 'language', a.language, 'agent_id', a.agent_id,
        'post_call', a.post_call
    ) order by a.key), '[]')
    from agentctl.assistants a
    where (a.project, a.environment, a.workspace) = (args->>'project', args->>'environment', args->>'workspace')
        and (args->>'key' is null or a.key = args->>'key')
$$;

create or replace function public.agentctl_save_assistant(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    insert into agentctl.assistants
        (tenant, project, environment, workspace, key, name, language, agent_id, post_call)
    values (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'key',
        args->>'name', args->>'language', args->>'agent_id', agentctl.given(args, 'post_call')
    )
    on conflict (project, environment, workspace, key) do update set
        tenant = excluded.tenant,
        name = excluded.name,
        language = excluded.language,
        agent_id = excluded.agent_id,
        post_call = excluded.post_call,
        updated_at = now()
    returning jsonb_build_object('new', xmax = 0)
$$;

create or replace function public.agentctl_remove_assistant(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.assistants a
        where (a.project, a.environment, a.workspace, a.key)
            = (args->>'project', args->>'environment', args->>'workspace', args->>'key')
        returning 1
    )
    select jsonb_build_object('removed', exists (select from gone))
$$;

create or replace function agentctl.held_state(owner text, args jsonb) returns text
language sql stable set search_path = ''
as $$
    select concat_ws(' ',
        (select concat_ws('/', count(*), max(b.updated_at)) from agentctl.bindings b
         where (b.tenant, b.project, b.environment, b.workspace)
             = (owner, args->>'project', args->>'environment', args->>'workspace')),
        (select concat_ws('/', count(*), max(a.updated_at)) from agentctl.assistants a
         where (a.project, a.environment, a.workspace)
             = (args->>'project', args->>'environment', args->>'workspace')),
        (select count(*) from agentctl.intents i
         where (i.tenant, i.project, i.environment, i.workspace)
             = (owner, args->>'project', args->>'environment', args->>'workspace')),
        (select count(*) from agentctl.holds h
         where (h.tenant, h.project, h.environment, h.workspace)
             = (owner, args->>'project', args->>'environment', args->>'workspace'))
    )
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000100', 'agentctl_tenancy');
