-- Tests that were made of calls: what leads to them, and erasing what revisions keep of them.

-- As a test's file names the call that it was made of.
create function agentctl.call_digest(conversation text) returns text
language sql immutable parallel safe set search_path = ''
as $$ select encode(sha256(convert_to(conversation, 'UTF8')), 'hex') $$;

-- What is known of tests made of these calls: those in revisions, and those that are still bound though no revision has
-- them, by the name that `calls to-test` gives them; and of which calls the audit log has that one was made.
create function public.agentctl_made_tests(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with asked as (
        select distinct one.id, agentctl.call_digest(one.id) as digest
        from jsonb_array_elements_text(args->'conversation_ids') one (id)
    ), named as (
        select a.id, r.project, r.environment, r.workspace, r.key || '/' || (t->>'name') as key
        from agentctl.revisions r
        cross join lateral jsonb_array_elements(r.spec->'tests') t
        join asked a on a.digest = t->>'call'
        where r.tenant = agentctl.tenant(args)
        union
        select a.id, b.project, b.environment, b.workspace, b.key
        from agentctl.bindings b join asked a on b.key like '%/call-%-' || left(a.digest, 6) || '-turn-%'
        where b.tenant = agentctl.tenant(args) and b.kind = 'agent_test'
    )
    select jsonb_build_object(
        'tests', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'conversation_id', n.id, 'project', n.project, 'environment', n.environment,
                'workspace', n.workspace, 'key', n.key, 'bound', exists (
                    select from agentctl.bindings b
                    where (b.tenant, b.project, b.environment, b.workspace, b.kind, b.key)
                        = (agentctl.tenant(args), n.project, n.environment, n.workspace, 'agent_test', n.key)
                )
            ) order by n.project, n.environment, n.workspace, n.key), '[]')
            from named n
        ),
        'made_of', (
            select coalesce(jsonb_agg(a.id order by a.id), '[]') from asked a where exists (
                select from agentctl.audit l
                where l.tenant = agentctl.tenant(args) and l.action = 'to-test' and l.subject->>'call' = a.id
            )
        )
    )
$$;

-- A revision stays, without the tests that were made of these calls, and without the content that had all of it as text.
create function public.agentctl_erase_tests(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    digests text[] := array(
        select agentctl.call_digest(one) from jsonb_array_elements_text(args->'conversation_ids') one
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

insert into agentctl.migrations (version, name) values ('20261122000931', 'agentctl_made_tests');
