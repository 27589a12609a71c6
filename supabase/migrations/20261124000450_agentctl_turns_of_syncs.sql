-- Keys of a fixed width are found whole, and a tenant whose syncs fail has its turn like any other.

-- As before, with the width: without it a value of character(8) is cut to its first letter, and a row whose key that is
-- not would be taken for deleted.
create or replace function agentctl.type_of(place regclass, of_column text) returns text
language sql stable set search_path = ''
as $$
    select coalesce((
        select format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a
        where a.attrelid = place and a.attname = of_column and a.attnum > 0 and not a.attisdropped
    ), 'text')
$$;

alter table agentctl.sync_jobs add column taken_at timestamptz;
comment on column agentctl.sync_jobs.taken_at is 'When a worker took it last, whatever came of that: tenants take turns by it.';

-- As before; of the tenant of which one was taken longest ago, first what was asked for.
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

insert into agentctl.migrations (version, name) values ('20261124000450', 'agentctl_turns_of_syncs');
