-- Why a sync of an assistant failed may name another tenant, whose workspace it lives in, and where that one's key is:
-- that is for the operator. Its own people read what its row was told.

alter table agentctl.sync_jobs add column discreet text;
comment on column agentctl.sync_jobs.discreet is 'The error as the tenant''s people may read it; null where that is as it is.';

create function agentctl.told(job agentctl.sync_jobs) returns text
language sql stable set search_path = ''
as $$ select case when job.error is not null then coalesce(job.discreet, job.error) end $$;
comment on function agentctl.told(agentctl.sync_jobs) is 'Its error, for people of its tenant.';

-- As before, and what the tenant's people may read of it.
create or replace function public.agentctl_fail_sync_job(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with failed as (
        update agentctl.sync_jobs j
        set (state, failures, blameless, due_at, finished_at) = (
                select case when e.ended then 'dead' else 'pending' end, j.failures + (not e.outage)::integer,
                    j.blameless + e.outage::integer, now() + agentctl.seconds(args, 'delay_seconds'),
                    case when e.ended then now() else j.finished_at end
                from (
                    select (args->>'outage')::boolean as outage, not (args->>'outage')::boolean
                        and ((args->>'permanent')::boolean or j.failures + 1 >= (args->>'max_attempts')::integer) as ended
                ) e
            ),
            error = args->>'error', discreet = args->>'discreet'
        where j.tenant = agentctl.tenant(args) and j.id = agentctl.id(args)
            and j.state = 'running' and j.attempt = (args->>'attempt')::integer
        returning j.state
    )
    select jsonb_build_object('held', exists (select from failed), 'state', (select f.state from failed f))
$$;

-- As before; what was told of a failure goes with it.
create or replace function public.agentctl_sync_job_done(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with done as (
        update agentctl.sync_jobs j
        set state = case when (args->>'held')::boolean then 'held' else 'done' end, failures = 0, blameless = 0,
            error = args->>'error', discreet = null, finished_at = now()
        where j.tenant = agentctl.tenant(args) and j.id = agentctl.id(args)
            and j.state = 'running' and j.attempt = (args->>'attempt')::integer
        returning 1
    )
    select jsonb_build_object('held', exists (select from done))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000390', 'agentctl_told_jobs');
