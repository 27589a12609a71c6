-- How the assistants stand, and whether anything on a page is other than it was: for signed-in people.

-- Every assistant of a tenant of one's own that is there or should be, with what its rows do not tell: when and from where
-- it was last synced, its numbers, its calls of today, and what the last sync has against it.
create function agentctl.my_states(args jsonb)
returns table (project text, environment text, workspace text, key text, state jsonb)
language plpgsql stable security definer rows 20 set search_path = '' set timezone = 'UTC'
set plan_cache_mode = 'force_custom_plan'
as $$
#variable_conflict use_column
declare
    owner text := args->>'tenant';
    midnight timestamptz := date_trunc('day', now(), coalesce(args->>'zone', 'UTC'));
begin
    if agentctl.my_role(owner) is null then
        return;
    end if;
    return query
        with known as (
            select a.project, a.environment, a.workspace, a.key, a.agent_id, a.updated_at from agentctl.assistants a
            where a.tenant = owner
        ), named as (
            select k.* from known k
            union all
            select j.project, j.environment, null, j.key, null, null from agentctl.sync_jobs j
            where j.tenant = owner and j.key <> '' and not exists (
                select from known k where (k.project, k.environment, k.key) = (j.project, j.environment, j.key)
            )
            union all
            select null, null, null, d.key, null, null from agentctl.declared_assistants d
            where d.tenant = owner and not exists (select from known k where k.key = d.key)
                and not exists (select from agentctl.sync_jobs j where j.tenant = owner and j.key = d.key)
        )
        select n.project, n.environment, n.workspace, n.key, jsonb_build_object(
            'revision', r.revision, 'where', r.spec->>'where', 'enabled', d.enabled, 'declared_name', d.name,
            'synced_at', greatest(
                n.updated_at, r.applied_at, d.elevenlabs_synced_at,
                case when j.state in ('done', 'held') then j.finished_at end
            ),
            'error', coalesce(d.elevenlabs_sync_error, j.error),
            'job', case when j.id is not null then jsonb_build_object(
                'state', j.state, 'error', j.error, 'failures', j.failures, 'changed_at', j.changed_at,
                'finished_at', j.finished_at
            ) end,
            'waits', coalesce(j.state in ('pending', 'running'), false) or exists (
                select from agentctl.sync_changes w
                where w.project in ('', n.project) and w.environment in ('', n.environment) and w.key = n.key
            ),
            'numbers', (
                select coalesce(jsonb_agg(b.key order by b.key), '[]') from agentctl.bindings b
                where (b.tenant, b.project, b.environment, b.workspace, b.kind)
                    = (owner, n.project, n.environment, n.workspace, 'phone_number')
                    and b.applied->>'agent_id' = n.agent_id
            ),
            'calls_today', (
                select count(*) from agentctl.calls c
                where c.tenant = owner and c.assistant = n.key and c.started_at >= midnight
                    and (c.project, c.environment) = (n.project, n.environment)
            )
        )
        from named n
        left join lateral (
            select v.revision, v.spec, v.applied_at from agentctl.revisions v
            where (v.tenant, v.project, v.environment, v.workspace, v.key)
                = (owner, n.project, n.environment, n.workspace, n.key)
            order by v.revision desc limit 1
        ) r on true
        left join agentctl.sync_jobs j
            on (j.tenant, j.project, j.environment, j.key) = (owner, n.project, n.environment, n.key)
        left join agentctl.declared_assistants d on d.tenant = owner and d.key = n.key;
end
$$;

create function public.agentctl_my_assistants(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
begin
    return (
        select coalesce(jsonb_agg(jsonb_build_object(
            'project', s.project, 'environment', s.environment, 'workspace', s.workspace, 'key', s.key,
            'name', coalesce(a.name, s.state->>'declared_name', s.key), 'language', a.language, 'agent_id', a.agent_id
        ) || (s.state - 'declared_name') order by s.key, s.project, s.environment, s.workspace), '[]')
        from agentctl.my_states(args) s
        left join agentctl.assistants a on a.tenant = args->>'tenant'
            and (a.project, a.environment, a.workspace, a.key) = (s.project, s.environment, s.workspace, s.key)
    );
end
$$;
comment on function public.agentctl_my_assistants(jsonb) is
    'For signed-in users: the assistants of a tenant, with last sync, numbers, calls of today and errors. tenant, zone in which today is (default: UTC).';

-- What changes with the syncs of a tenant's assistants, and with the mails of one call.
create function agentctl.my_work(owner text, conversation text) returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
    return case when agentctl.my_role(owner) is not null then concat(
        (
            select string_agg(concat_ws(' ', j.id, j.state, j.attempt, j.changed_at, j.error), ';' order by j.id)
            from agentctl.sync_jobs j where j.tenant = owner and conversation is null
        ), (
            select string_agg(concat_ws(' ', m.id, m.state, m.attempt), ';' order by m.id)
            from agentctl.outbox m where m.tenant = owner and m.conversation_id = conversation
        )
    ) end;
end
$$;

-- What a page shows of calls, as one text; with `conversation`, of that call alone.
create function agentctl.my_shown(owner text, conversation text, of_open_items boolean) returns text
language plpgsql stable set search_path = '' set plan_cache_mode = 'force_custom_plan'
as $$
begin
    return (
        select string_agg(concat_ws(' ', c.conversation_id, c.updated_at, c.outcome, c.open_items, d.made_at, (
            select string_agg(concat(i.position, i.done), ',' order by i.position) from agentctl.action_items i
            where i.tenant = owner and i.conversation_id = c.conversation_id
        ), (
            select r.stored_at from agentctl.recordings r
            where r.tenant = owner and r.conversation_id = c.conversation_id
        )), ';' order by c.started_at desc, c.conversation_id desc)
        from (
            select c.conversation_id, c.updated_at, c.outcome, c.open_items, c.started_at from agentctl.calls c
            where c.tenant = owner and (conversation is null or c.conversation_id = conversation)
                and (not of_open_items or c.open_items > 0)
            order by c.started_at desc, c.conversation_id desc limit 100
        ) c
        left join agentctl.digests d on d.tenant = owner and d.conversation_id = c.conversation_id
    );
end
$$;

create function public.agentctl_my_changes(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := args->>'tenant';
    conversation text := args->>'conversation_id';
begin
    if conversation is not null then
        return jsonb_build_object(
            'call', md5(concat(
                agentctl.my_shown(owner, conversation, false), '/', agentctl.my_work(owner, conversation)
            ))
        );
    end if;
    return jsonb_build_object(
        'calls', md5(concat(agentctl.my_shown(owner, null, false))),
        'items', md5(concat(agentctl.my_shown(owner, null, true))),
        'assistants', md5(concat(agentctl.my_work(owner, null), (
            select string_agg(concat_ws(' ', a.project, a.environment, a.workspace, a.key, a.updated_at), ';'
                order by a.project, a.environment, a.workspace, a.key)
            from agentctl.assistants a where a.tenant = owner
        )))
    );
end
$$;
comment on function public.agentctl_my_changes(jsonb) is
    'For signed-in users: marks that are others once the newest 100 calls of a tenant, the newest 100 with open items or its assistants changed; with conversation_id, once that call did.';

insert into agentctl.exposed (object) values
    ('agentctl.my_states(jsonb)'), ('agentctl.my_work(text, text)'), ('agentctl.my_shown(text, text, boolean)'),
    ('public.agentctl_my_assistants(jsonb)'), ('public.agentctl_my_changes(jsonb)');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000130', 'agentctl_my_assistants');
