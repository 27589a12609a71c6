-- What is done again and again is done for each tenant, by what the operator's project declares: how long things are
-- kept, what ElevenLabs is asked for, which assistant has which name.

drop function agentctl.limit_of(text, text, text);
drop function agentctl.limits(text);

-- How long things are kept is the project's to say, whosever the calls are. What is of no project is kept as long as any
-- project keeps such things.
create function agentctl.limits()
returns table (project text, environment text, transcripts integer, audio integer, raw_events integer)
language sql stable set search_path = ''
as $$
    select r.project, r.environment, r.transcripts, r.audio, r.raw_events from agentctl.retention r
    where r.tenant = agentctl.operator()
    union all
    select null, null,
        case when count(r.transcripts) = count(*) then max(r.transcripts) end,
        case when count(r.audio) = count(*) then max(r.audio) end,
        case when count(r.raw_events) = count(*) then max(r.raw_events) end
    from agentctl.retention r where r.tenant = agentctl.operator()
$$;

create function agentctl.limit_of(of_project text, of_environment text)
returns table (transcripts integer, audio integer, raw_events integer)
language sql stable rows 1 set search_path = ''
as $$
    select l.transcripts, l.audio, l.raw_events from agentctl.limits() l
    where (l.project, l.environment) = (of_project, of_environment) or l.project is null
    order by l.project nulls last limit 1
$$;

-- Whose project an agent is of, whosever its calls are.
create function agentctl.project_of(agent text) returns table (project text, environment text)
language sql stable rows 1 set search_path = ''
as $$
    select a.project, a.environment from agentctl.assistants a
    where a.agent_id = agent order by a.updated_at desc limit 1
$$;

create or replace function public.agentctl_retain_calls(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    due record;
    emptied integer := 0;
    last jsonb;
begin
    for due in
        select c.conversation_id, c.started_at
        from agentctl.calls c cross join lateral agentctl.limit_of(c.project, c.environment) l
        where c.tenant = owner and c.emptied_at is null
            and c.started_at < now() - make_interval(days => (select min(r.transcripts) from agentctl.limits() r))
            and c.started_at < now() - make_interval(days => l.transcripts)
            and (c.started_at, c.conversation_id) > (
                coalesce((args->'after'->>0)::timestamptz, '-infinity'), coalesce(args->'after'->>1, '')
            )
        order by c.started_at, c.conversation_id
        limit (args->>'limit')::integer
    loop
        perform agentctl.lock_call(owner, due.conversation_id);
        if not agentctl.is_emptied(owner, due.conversation_id) then
            perform agentctl.empty_call(owner, due.conversation_id);
            emptied := emptied + 1;
        end if;
        last := jsonb_build_array(due.started_at, due.conversation_id);
    end loop;
    return jsonb_build_object('count', emptied, 'last', last);
end
$$;

create or replace function public.agentctl_retain_events(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    answer jsonb;
begin
    perform agentctl.make_mark_key(owner);
    with due as (
        select e.id, e.received_at, c.conversation_id is not null as has_call
        from agentctl.events e
        left join agentctl.calls c on c.tenant = owner and c.conversation_id = e.conversation_id
        left join lateral agentctl.project_of(e.agent_id) a on true
        cross join lateral agentctl.limit_of(
            coalesce(c.project, a.project), coalesce(c.environment, a.environment)
        ) l
        where e.tenant = owner and e.state = args->>'state' and e.state in ('done', 'kept', 'dead')
            and e.received_at < now() - make_interval(days => (
                select min(least(r.raw_events, r.transcripts, r.audio)) from agentctl.limits() r
            ))
            and e.received_at < now() - make_interval(days => least(
                l.raw_events, case when e.type = 'post_call_audio' then l.audio else l.transcripts end
            ))
            and (e.received_at, e.id) > (
                coalesce((args->'after'->>0)::timestamptz, '-infinity'),
                coalesce((args->'after'->>1)::uuid, '00000000-0000-0000-0000-000000000000')
            )
        order by e.received_at, e.id
        limit (args->>'limit')::integer
    ), gone as (
        delete from agentctl.events e using due where e.tenant = owner and e.id = due.id
        returning e.id, e.type, e.conversation_id, e.payload_sha256, due.has_call
    ), marked as (
        insert into agentctl.outlived (tenant, mark)
        select owner, agentctl.event_mark(owner, g.type, g.conversation_id, g.payload_sha256) from gone g
        union
        select owner, agentctl.mark(owner, 'conversation', g.conversation_id) from gone g
        where g.type = 'post_call_transcription' and g.conversation_id is not null and not g.has_call
        on conflict do nothing
    )
    select jsonb_build_object(
        'count', (select count(*) from gone),
        'last', (select jsonb_build_array(d.received_at, d.id) from due d order by d.received_at desc, d.id desc limit 1)
    ) into answer;
    return answer;
end
$$;

create or replace function public.agentctl_due_recordings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(due) order by due.conversation_id), '[]')
    from (
        select r.conversation_id, r.location, r.sha256
        from agentctl.recordings r
        left join agentctl.calls c on c.tenant = r.tenant and c.conversation_id = r.conversation_id
        left join lateral agentctl.project_of(r.agent_id) a on true
        cross join lateral agentctl.limit_of(
            coalesce(c.project, a.project), coalesce(c.environment, a.environment)
        ) l
        where r.tenant = agentctl.tenant(args) and r.conversation_id > coalesce(args->>'after', '')
            and r.stored_at < now() - make_interval(days => l.audio)
        union
        select f.conversation_id, f.recording, null
        from agentctl.remains f
        where f.tenant = agentctl.tenant(args) and f.conversation_id > coalesce(args->>'after', '')
            and f.recording is not null
        order by conversation_id
        limit (args->>'limit')::integer
    ) due
$$;

create or replace function public.agentctl_trim_audit(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.audit a
        where a.tenant = agentctl.tenant(args) and a.at < now() - make_interval(days => greatest(31, coalesce(
            (select max(r.audit) from agentctl.retention r where r.tenant = agentctl.operator()), 730
        )))
        returning 1
    )
    select jsonb_build_object('count', count(*)) from gone
$$;

-- A conversation is known if it is to any tenant that may have calls of its agent. `agent_ids`, if given, has one for
-- each.
create or replace function public.agentctl_unknown_conversations(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(asked.id order by asked.place), '[]')
    from jsonb_array_elements_text(args->'conversation_ids') with ordinality asked (id, place)
    where not exists (
        select from unnest(agentctl.owners_of(args->'agent_ids'->>(asked.place - 1)::integer, agentctl.tenant(args))) owner
        where exists (
            select from agentctl.events e
            where e.tenant = owner and e.conversation_id = asked.id and e.type = 'post_call_transcription'
        ) or exists (
            select from agentctl.calls c where c.tenant = owner and c.conversation_id = asked.id
        ) or agentctl.is_forgotten(owner, asked.id)
        or agentctl.is_outlived(owner, agentctl.mark(owner, 'conversation', asked.id))
    )
$$;

create or replace function public.agentctl_agents_with_calls(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(asked.id), '[]')
    from jsonb_array_elements_text(args->'agent_ids') asked (id)
    where exists (
        select from agentctl.calls c
        where c.tenant = any (agentctl.owners_of(asked.id, agentctl.tenant(args))) and c.agent_id = asked.id
    )
$$;

create or replace function public.agentctl_missing_sounds(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owners text[] := array(
        select distinct unnest(agentctl.owners_of(agent, agentctl.tenant(args)))
        from jsonb_array_elements_text(agentctl.given(args, 'agent_ids')) agent
    );
    answer jsonb;
begin
    select coalesce(jsonb_agg(jsonb_build_object(
        'tenant', missing.tenant, 'conversation_id', missing.conversation_id, 'agent_id', missing.agent_id
    ) order by missing.started_at, missing.conversation_id), '[]') into answer
    from (
        select c.tenant, c.conversation_id, c.agent_id, c.started_at
        from agentctl.calls c
        where c.tenant = any (owners) and c.started_at > now() - interval '7 days'
            and agentctl.given(args, 'agent_ids') ? c.agent_id
            and c.detail->>'has_audio' = 'true' and c.emptied_at is null
            and c.stored_at < now() - make_interval(secs => (args->>'grace_seconds')::double precision)
            and not exists (
                select from agentctl.asked_sounds a where (a.tenant, a.conversation_id) = (c.tenant, c.conversation_id)
            )
            and not exists (
                select from agentctl.recordings r where (r.tenant, r.conversation_id) = (c.tenant, c.conversation_id)
            )
            and not exists (
                select from agentctl.events e
                where (e.tenant, e.conversation_id, e.type) = (c.tenant, c.conversation_id, 'post_call_audio')
            )
            and not agentctl.is_outlived(c.tenant, agentctl.mark(c.tenant, 'sound', c.conversation_id))
        order by c.started_at, c.conversation_id
        limit (args->>'limit')::integer
    ) missing;
    return answer;
end
$$;

-- Tests are the project's, whosever the call is that one was made of; who made it is in the tenant's audit log.
create or replace function public.agentctl_made_tests(args jsonb) returns jsonb
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
        'made_of', (
            select coalesce(jsonb_agg(a.id order by a.id), '[]') from asked a where exists (
                select from agentctl.audit l
                where l.tenant = agentctl.tenant(args) and l.action = 'to-test' and l.subject->>'call' = a.id
            )
        )
    )
$$;

create or replace function agentctl.rename_assistant(args jsonb) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    old text := args->>'old';
    new text := args->>'new';
    bindings integer;
    revisions integer;
begin
    if exists (
        select from agentctl.bindings o
        join agentctl.bindings n
            on (n.tenant, n.project, n.environment, n.workspace, n.kind)
                = (o.tenant, o.project, o.environment, o.workspace, o.kind)
            and n.key = agentctl.renamed_binding(o.kind, o.key, args)
        where (o.tenant, o.project) = (owner, args->>'project')
            and n.remote_id <> o.remote_id and n.remote_id <> n.key
    ) then
        return jsonb_build_object('taken', true, 'bindings', 0, 'revisions', 0);
    end if;
    bindings := agentctl.rename_bindings(owner, args);
    revisions := agentctl.rename_revisions(owner, args);
    delete from agentctl.assistants n
    where (n.project, n.key) = (args->>'project', new) and exists (
        select from agentctl.assistants o
        where (o.project, o.environment, o.workspace, o.key) = (n.project, n.environment, n.workspace, old)
    );
    update agentctl.assistants a set key = new
    where (a.project, a.key) = (args->>'project', old);
    update agentctl.calls c set assistant = new
    where c.tenant = any (array(select agentctl.tenants('calls')))
        and (c.project, c.assistant) = (args->>'project', old);
    return jsonb_build_object('taken', false, 'bindings', bindings, 'revisions', revisions);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000130', 'agentctl_each_tenant');
