-- A workspace that is slow or away holds up the syncs of no other.

-- As before, and of each workspace one: that of the tenant, where it has a key of its own, that of whom it lives with, or
-- the project's. Where one job has to do in several, the lease of each keeps others out.
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
        select l.tenant, max(l.taken_at) as at, coalesce(max(h.tenant), '') as home
        from agentctl.sync_jobs l
        left join agentctl.tenants t on t.tenant = l.tenant
        left join agentctl.tenants h on h.tenant = coalesce(t.workspace_of, t.tenant) and h.elevenlabs_key is not null
        where (l.project, l.environment) = (of_project, of_environment) group by l.tenant
    ), due as (
        select first.tenant, first.id
        from (
            select distinct s.home from agentctl.sync_jobs j join served s on s.tenant = j.tenant
            where (j.project, j.environment) = (of_project, of_environment) and j.state in ('pending', 'running')
                and j.due_at <= now()
            except
            select s.home from agentctl.sync_jobs r join served s on s.tenant = r.tenant
            where (r.project, r.environment, r.state) = (of_project, of_environment, 'running') and r.due_at > now()
        ) free
        cross join lateral (
            select j.tenant, j.id, served.at from agentctl.sync_jobs j join served on served.tenant = j.tenant
            where (j.project, j.environment) = (of_project, of_environment) and j.state in ('pending', 'running')
                and j.due_at <= now() and served.home = free.home
            order by served.at nulls first, j.requested desc, j.due_at, j.changed_at
            limit 1
            for update of j skip locked
        ) first
        order by first.at nulls first
        limit (args->>'limit')::integer
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

insert into agentctl.migrations (version, name) values ('20261128000630', 'agentctl_workspace_each');
