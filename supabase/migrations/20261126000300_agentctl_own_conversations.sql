-- What is deleted of a call at ElevenLabs, and of the tests that were made of it, is the tenant's own: several share the
-- project's workspace and files, and an event that names a conversation makes nobody its owner.

-- Whose a conversation is at ElevenLabs, and whether the one who asks may delete it: `agent_id` is the agent that it has
-- there, `landlord` the tenant whose workspace it is, empty for the project's. Of an agent that nobody has it is the
-- landlord's. Who had the agent before, in its workspace or anywhere, may delete what is remembered as a call of that
-- agent; so may the operator what came from elsewhere before a tenant had a workspace.
create function public.agentctl_whose_conversation(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    conversation text := args->>'conversation_id';
    agent agentctl.agents;
    earlier text[] := array[agentctl.operator()];
begin
    select * into agent from agentctl.agents g where g.agent_id = args->>'agent_id';
    if found then
        earlier := agent.former || agent.workspaces;
    else
        agent.tenant := coalesce(nullif(args->>'landlord', ''), agentctl.operator());
    end if;
    return jsonb_build_object('tenant', agent.tenant, 'own', owner = agent.tenant or owner = any (earlier) and (
        agentctl.is_outlived(owner, agentctl.mark(owner, 'conversation', conversation)) or exists (
            select from agentctl.remains r
            where r.tenant = owner and r.conversation_id = conversation and r.agent_id = args->>'agent_id'
        )
    ));
end
$$;

-- As a test's file names the call that it was made of: two tenants' tests of one conversation are two.
create function agentctl.call_digest(owner text, conversation text) returns text
language sql immutable parallel safe
return agentctl.call_digest(
    case when owner = agentctl.operator() then conversation else owner || ' ' || conversation end
);

-- By what the tests that a tenant made of these calls are found. Those that an earlier version made of a tenant's call
-- have the digest of its id alone: they are the tenant's where nobody else has anything of that conversation.
create function agentctl.call_digests(owner text, conversations text[]) returns table (id text, digest text)
language sql stable set search_path = ''
as $$
    with asked as (
        select distinct one.id from unnest(conversations) one (id)
    ), shared as (
        select c.conversation_id id from agentctl.calls c
        where c.conversation_id = any (conversations) and c.tenant <> owner
        union all
        select e.conversation_id from agentctl.events e
        where e.conversation_id = any (conversations) and e.tenant <> owner
    )
    select a.id, agentctl.call_digest(owner, a.id) from asked a
    union
    select a.id, agentctl.call_digest(a.id) from asked a
    where owner <> agentctl.operator() and a.id not in (select s.id from shared s)
$$;

-- As before, of the tenant's own tests alone, with the digests by which their files are found.
create or replace function public.agentctl_made_tests(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with asked as (
        select d.id, d.digest from agentctl.call_digests(
            agentctl.tenant(args), array(select jsonb_array_elements_text(args->'conversation_ids'))
        ) d
    ), named as (
        select a.id, r.project, r.environment, r.workspace, r.key || '/' || (t->>'name') as key
        from agentctl.revisions r
        cross join lateral jsonb_array_elements(r.spec->'tests') t
        join asked a on a.digest = t->>'call'
        where r.tenant = agentctl.operator()
        union
        select a.id, b.project, b.environment, b.workspace, b.key
        from agentctl.bindings b join asked a on b.key like '%/call-%-' || left(a.digest, 6) || '-turn-%'
        where b.tenant = agentctl.operator() and b.kind = 'agent_test'
    )
    select jsonb_build_object(
        'tests', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'conversation_id', n.id, 'project', n.project, 'environment', n.environment,
                'workspace', n.workspace, 'key', n.key, 'bound', exists (
                    select from agentctl.bindings b
                    where (b.tenant, b.project, b.environment, b.workspace, b.kind, b.key)
                        = (agentctl.operator(), n.project, n.environment, n.workspace, 'agent_test', n.key)
                )
            ) order by n.project, n.environment, n.workspace, n.key), '[]')
            from named n
        ),
        'digests', (
            select coalesce(jsonb_object_agg(o.id, o.digests), '{}')
            from (select a.id, jsonb_agg(a.digest order by a.digest) digests from asked a group by a.id) o
        ),
        'made_of', (
            select coalesce(jsonb_agg(distinct a.id order by a.id), '[]') from asked a where exists (
                select from agentctl.audit l
                where l.tenant = agentctl.tenant(args) and l.action = 'to-test' and l.subject->>'call' = a.id
            )
        )
    )
$$;

-- As before, of the tests of that tenant's calls; revisions are the operator's.
create or replace function public.agentctl_erase_tests(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner constant text := agentctl.operator();
    digests text[] := array(
        select d.digest from agentctl.call_digests(
            agentctl.tenant(args), array(select jsonb_array_elements_text(args->'conversation_ids'))
        ) d
    );
    loose text[];
begin
    perform pg_advisory_xact_lock(hashtextextended('agentctl.contents ' || owner, 0));  -- as save_revision does
    with erased as (
        update agentctl.revisions r set
            spec = jsonb_set(r.spec, '{tests}', coalesce((
                select jsonb_agg(t.one order by t.place)
                from jsonb_array_elements(r.spec->'tests') with ordinality t (one, place)
                where t.one->>'call' is null or t.one->>'call' <> all (digests)
            ), '[]')),
            contents = array_remove(r.contents, r.digest)
        where r.tenant = owner and exists (
            select from jsonb_array_elements(r.spec->'tests') t where t->>'call' = any (digests)
        )
        returning r.digest
    )
    select array_agg(distinct e.digest) into loose from erased e;
    delete from agentctl.contents c
    where c.tenant = owner and c.sha256 = any (loose) and not exists (
        select from agentctl.revisions r where r.tenant = owner and r.contents @> array[c.sha256]
    );
    return jsonb_build_object('revisions', coalesce(cardinality(loose), 0));
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000300', 'agentctl_own_conversations');
