-- As before; what its calls can come to, too, for whoever chooses one: null where it declares no list of its own.
create or replace function agentctl.my_states(args jsonb)
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
            select a.project, a.environment, a.workspace, a.key, a.agent_id, a.updated_at,
                a.post_call->'outcomes' as outcomes
            from agentctl.assistants a
            where a.tenant = owner
        ), named as (
            select k.* from known k
            union all
            select j.project, j.environment, null, j.key, null, null, null from agentctl.sync_jobs j
            where j.tenant = owner and j.key <> '' and not exists (
                select from known k where (k.project, k.environment, k.key) = (j.project, j.environment, j.key)
            )
            union all
            select null, null, null, d.key, null, null, null from agentctl.declared_assistants d
            where d.tenant = owner and not exists (select from known k where k.key = d.key)
                and not exists (select from agentctl.sync_jobs j where j.tenant = owner and j.key = d.key)
        ), bound as (
            select o.project, o.environment, o.workspace, o.assistant as key, jsonb_agg(o.key order by o.key) as numbers
            from agentctl.bound_of(owner) o where o.kind = 'phone_number'
            group by o.project, o.environment, o.workspace, o.assistant
        )
        select n.project, n.environment, n.workspace, n.key, jsonb_build_object(
            'outcomes', n.outcomes,
            'revision', r.revision, 'where', r.spec->>'where', 'enabled', d.enabled, 'declared_name', d.name,
            'synced_at', greatest(
                n.updated_at, r.applied_at, d.elevenlabs_synced_at,
                case when j.state in ('done', 'held') then j.finished_at end
            ),
            'error', coalesce(d.elevenlabs_sync_error, agentctl.told(j)),
            'job', case when j.id is not null then jsonb_build_object(
                'state', j.state, 'error', agentctl.told(j), 'failures', j.failures, 'changed_at', j.changed_at,
                'finished_at', j.finished_at
            ) end,
            'waits', coalesce(j.state in ('pending', 'running'), false) or exists (
                select from agentctl.sync_changes w
                where w.project in ('', n.project) and w.environment in ('', n.environment) and w.key = n.key
            ),
            'numbers', coalesce(b.numbers, '[]'),
            'calls_today', (
                select count(*) from agentctl.calls c
                where c.tenant = owner and c.assistant = n.key and c.started_at >= midnight
                    and (c.project, c.environment) = (n.project, n.environment)
            )
        )
        from named n
        left join bound b
            on (b.project, b.environment, b.workspace, b.key) = (n.project, n.environment, n.workspace, n.key)
        left join lateral (
            select v.revision, v.spec, v.applied_at from agentctl.revisions v
            where (v.tenant, v.project, v.environment, v.workspace, v.key)
                = (agentctl.operator(), n.project, n.environment, n.workspace, n.key)
            order by v.revision desc limit 1
        ) r on true
        left join agentctl.sync_jobs j
            on (j.tenant, j.project, j.environment, j.key) = (owner, n.project, n.environment, n.key)
        left join agentctl.declared_assistants d on d.tenant = owner and d.key = n.key;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000400', 'agentctl_outcomes_told');
