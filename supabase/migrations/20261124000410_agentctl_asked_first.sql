-- Whoever presses a button does not wait behind an import of five hundred rows, nor one tenant behind another's.

alter table agentctl.sync_jobs add column requested boolean not null default false;
comment on column agentctl.sync_jobs.requested is 'Somebody waits for it: it is taken before those that only changed.';

alter table agentctl.sync_jobs add column taken_at timestamptz;
comment on column agentctl.sync_jobs.taken_at is 'When a worker took it last, whatever came of that: tenants take turns by it.';

-- As before; asked for without a project, it is one of each project and environment that has or had such an assistant,
-- so that no other project's worker takes it for its own. One that nobody has had is for whoever looks first.
create or replace function agentctl.request_sync(key text, project text default '', environment text default '')
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
declare
    of_project text := coalesce(project, '');
    of_environment text := coalesce(environment, '');
begin
    if coalesce(key, '') = '' or length(key) > 200 then
        raise exception 'key must be an assistant''s';
    end if;
    insert into agentctl.sync_changes (tenant, project, environment, key, requested)
    select agentctl.tenant_of(null, f.project, f.environment, key), f.project, f.environment, key, true
    from (
        select a.project, a.environment from agentctl.assistants a
        where a.key = request_sync.key and of_project in ('', a.project) and of_environment in ('', a.environment)
        union
        select j.project, j.environment from agentctl.sync_jobs j
        where j.key = request_sync.key and of_project in ('', j.project) and of_environment in ('', j.environment)
    ) f;
    if not found then
        insert into agentctl.sync_changes (project, environment, key, requested)
        values (of_project, of_environment, key, true);
    end if;
    perform pg_catalog.pg_notify('agentctl_sync', '');
end
$$;

-- As before, and keeps that one was asked for. Whose it is, a change tells; a request only guesses.
create or replace function agentctl.gather_changes(
    of_project text, of_environment text, quiet interval, longest interval
) returns void
language sql set search_path = ''
as $$
    with taken as (
        delete from agentctl.sync_changes c
        where c.project in ('', of_project) and c.environment in ('', of_environment)
            and not exists (
                select from agentctl.sync_jobs r
                where (r.project, r.environment, r.key) = (of_project, of_environment, c.key) and r.state = 'running'
            )
        returning c.*
    ), whole as (
        select t.key, (array_agg(t.tenant order by t.requested, t.id desc))[1] as tenant, max(t.trouble) as trouble,
            min(t.changed_at) as first_at, max(t.changed_at) as changed_at, bool_or(t.requested) as requested
        from taken t group by t.key
    )
    insert into agentctl.sync_jobs as j
        (tenant, project, environment, key, state, requested, first_at, changed_at, due_at, error, finished_at)
    select agentctl.tenant_of(w.tenant, of_project, of_environment, w.key), of_project, of_environment, w.key,
        case when w.key = '' then 'dead' else 'pending' end, w.requested, w.first_at, w.changed_at,
        case when w.requested then w.first_at else least(w.first_at + longest, w.changed_at + quiet) end,
        w.trouble, case when w.key = '' then now() end
    from whole w
    on conflict (project, environment, key) do update set
        tenant = excluded.tenant,
        state = excluded.state,
        requested = excluded.requested or (j.state = 'pending' and j.requested),
        failures = 0,
        blameless = 0,
        first_at = case when j.state = 'pending' and j.failures + j.blameless = 0
            then least(j.first_at, excluded.first_at) else excluded.first_at end,
        changed_at = excluded.changed_at,
        due_at = case when j.state = 'pending' and j.failures + j.blameless = 0
            then least(j.first_at + longest, excluded.due_at) else excluded.due_at end,
        worker = null,
        error = excluded.error,
        finished_at = coalesce(excluded.finished_at, j.finished_at)
$$;

-- As before; of the tenant of which one was taken longest ago, whatever came of that, first what was asked for.
create or replace function public.agentctl_claim_sync_jobs(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    of_project text := args->>'project';
    of_environment text := args->>'environment';
    patience integer := coalesce((args->>'max_attempts')::integer, 5);
    claimed jsonb;
begin
    perform pg_advisory_xact_lock(hashtextextended(format('agentctl sync %s/%s', of_project, of_environment), 0));
    perform agentctl.gather_changes(
        of_project, of_environment, agentctl.seconds(args, 'quiet_seconds'), agentctl.seconds(args, 'longest_seconds')
    );
    update agentctl.sync_jobs j
    set state = 'dead', failures = j.failures + 1, finished_at = now(),
        error = concat_ws('; ', 'the worker was lost at each attempt', j.error)
    where (j.project, j.environment, j.state) = (of_project, of_environment, 'running') and j.due_at <= now()
        and j.failures + 1 >= patience;

    with served as (
        select l.tenant, max(l.taken_at) as at from agentctl.sync_jobs l
        where (l.project, l.environment) = (of_project, of_environment) group by l.tenant
    ), due as (
        select j.tenant, j.id from agentctl.sync_jobs j join served on served.tenant = j.tenant
        where (j.project, j.environment) = (of_project, of_environment) and j.state in ('pending', 'running')
            and j.due_at <= now() and not exists (
                select from agentctl.sync_jobs r
                where (r.project, r.environment, r.state) = (of_project, of_environment, 'running') and r.due_at > now()
            )
        order by served.at nulls first, j.requested desc, j.due_at, j.changed_at
        limit least((args->>'limit')::integer, 1)
        for update of j skip locked
    ), mine as (
        update agentctl.sync_jobs j
        set state = 'running', requested = false, taken_at = now(), attempt = j.attempt + 1,
            failures = j.failures + (j.state = 'running')::integer,
            due_at = now() + agentctl.seconds(args, 'lease_seconds'), worker = args->>'worker'
        from due where (j.tenant, j.id) = (due.tenant, due.id)
        returning j.*
    )
    select jsonb_agg(jsonb_build_object(
        'tenant', m.tenant, 'id', m.id, 'key', m.key, 'attempt', m.attempt, 'tries', m.failures + m.blameless + 1
    ))
    into claimed from mine m;
    return jsonb_build_object('jobs', coalesce(claimed, '[]'), 'due_seconds', (
        select extract(epoch from min(j.due_at) - now()) from agentctl.sync_jobs j
        where (j.project, j.environment, j.state) = (of_project, of_environment, 'pending')
    ));
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000410', 'agentctl_asked_first');
