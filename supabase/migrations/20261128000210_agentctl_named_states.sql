-- What waits is told by its states, named where they are asked for: of a state that a row of another table names, the
-- planner expects as many events as of any, and among a million that are done it read them all, four times.

create or replace function agentctl.events_by_state(tenants text[], sound boolean) returns jsonb
language sql stable set search_path = ''
as $$
    select '{"pending": 0, "running": 0, "kept": 0, "dead": 0}' || coalesce((
        select jsonb_object_agg(s.state, s.n) from (
            select e.state, count(*) n from agentctl.events e
            where e.tenant = any (tenants) and e.state in ('pending', 'running', 'kept', 'dead')
                and (e.type = 'post_call_audio') = sound
            group by e.state
        ) s
    ), '{}')
$$;

-- As before, so.
create or replace function public.agentctl_queue(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    of_events text[] := agentctl.asked(args, 'events');
    of_mails text[] := agentctl.asked(args, 'outbox');
begin
    return jsonb_build_object(
        'events', agentctl.events_by_state(of_events, false),
        'recordings', agentctl.events_by_state(of_events, true),
        'mails', '{"pending": 0, "running": 0, "dead": 0}' || coalesce((
            select jsonb_object_agg(s.state, s.n) from (
                select m.state, count(*) n from agentctl.outbox m
                where m.tenant = any (of_mails) and m.state in ('pending', 'running', 'dead') group by m.state
            ) s
        ), '{}'),
        'oldest_event_seconds', (
            select extract(epoch from now() - min(e.received_at)) from agentctl.events e
            where e.tenant = any (of_events) and e.state in ('pending', 'running') and e.type <> 'post_call_audio'
        ),
        'oldest_recording_seconds', (
            select extract(epoch from now() - min(e.received_at)) from agentctl.events e
            where e.tenant = any (of_events) and e.state in ('pending', 'running') and e.type = 'post_call_audio'
        ),
        'oldest_mail_seconds', (
            select extract(epoch from now() - min(m.created_at)) from agentctl.outbox m
            where m.tenant = any (of_mails) and m.state in ('pending', 'running')
        ),
        'waiting_for', (
            select coalesce(jsonb_agg(o.error order by o.error), '[]') from (
                select distinct w.error from agentctl.waits(of_events, of_mails) w limit 5
            ) o
        ),
        'reasons', (
            select jsonb_object_agg(queue.name, (
                select coalesce(jsonb_agg(o.error order by o.error), '[]') from (
                    select distinct w.error from agentctl.waits(of_events, of_mails) w where w.queue = queue.name limit 5
                ) o
            )) from unnest(array['events', 'recordings', 'mails']) queue (name)
        ),
        'duties', coalesce((
            select jsonb_agg(jsonb_build_object(
                'name', d.name, 'place', d.place, 'state', d.state, 'failures', d.failures, 'error', d.error,
                'done_seconds', extract(epoch from now() - d.done_at),
                'due_seconds', extract(epoch from d.due_at - now()),
                'offered', d.offered_at > last.asked - interval '5 minutes' or d.state = 'running' and d.due_at > now()
            ) order by d.name, d.place)
            from agentctl.duties d, (
                select max(o.offered_at) asked from agentctl.duties o where o.tenant = agentctl.operator()
            ) last
            where d.tenant = agentctl.operator()
        ), '[]')
    ) || case
        when of_events || of_mails <@ array[agentctl.operator()] then '{}'
        else jsonb_build_object('tenants', agentctl.busiest(of_events, of_mails))
    end;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000210', 'agentctl_named_states');
