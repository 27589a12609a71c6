-- Of what kind a failure was, so that an alert can say it: an error's text may quote a caller or a vendor, its kind not.

alter table agentctl.events add column fault text;
comment on column agentctl.events.fault is 'The kind of the last failure, without anything that somebody said.';

create or replace function public.agentctl_fail_event(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    outage boolean := coalesce((args->>'outage')::boolean, false);
    outcome text;
begin
    update agentctl.events e
    set state = case when outage or e.failures + 1 < (args->>'max_attempts')::integer then 'pending' else 'dead' end,
        finished_at = case when outage or e.failures + 1 < (args->>'max_attempts')::integer then null else now() end,
        failures = e.failures + (not outage)::integer, blameless = e.blameless + outage::integer,
        error = args->>'error', fault = args->>'fault', due_at = now() + agentctl.seconds(args, 'delay_seconds')
    where e.tenant = agentctl.tenant(args) and e.id = agentctl.id(args)
        and e.state = 'running' and e.attempt = (args->>'attempt')::integer
    returning e.state into outcome;
    return jsonb_build_object('held', outcome is not null, 'state', outcome);
end
$$;

-- Dead events that nobody was told of: how many, the oldest of them, and the last's time, which `tell_dead` takes.
create or replace function public.agentctl_untold_dead(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with untold as (
        select e.id, e.conversation_id, e.attempt, e.finished_at,
            case
                -- As `claim_events` writes it; it has nothing but the lost leases to go by.
                when starts_with(e.error, 'the worker was lost at each attempt')
                    then 'the worker was lost at each attempt'
                else e.fault
            end reason
        from agentctl.events e
        where e.tenant = agentctl.tenant(args) and e.state = 'dead' and e.told_at is null
    )
    select jsonb_build_object(
        'count', (select count(*) from untold),
        'until', (select max(u.finished_at) from untold u),
        'events', coalesce((
            select jsonb_agg(jsonb_build_object(
                'id', first.id, 'conversation_id', first.conversation_id, 'attempt', first.attempt,
                'reason', first.reason
            ) order by first.finished_at, first.id)
            from (select * from untold order by finished_at, id limit (args->>'limit')::integer) first
        ), '[]')
    )
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000951', 'agentctl_fault');
