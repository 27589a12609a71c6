-- What a sync holds back may name another tenant as well, with the command by which to take it nevertheless.

-- As before, and what the tenant's people may read of what is held back.
create or replace function public.agentctl_sync_job_done(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with done as (
        update agentctl.sync_jobs j
        set state = case when (args->>'held')::boolean then 'held' else 'done' end, failures = 0, blameless = 0,
            error = args->>'error', discreet = args->>'discreet', finished_at = now()
        where j.tenant = agentctl.tenant(args) and j.id = agentctl.id(args)
            and j.state = 'running' and j.attempt = (args->>'attempt')::integer
        returning 1
    )
    select jsonb_build_object('held', exists (select from done))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000360', 'agentctl_held_discreetly');
