-- Recordings are worked on apart from all other events, and are told of apart: while their place is away, calls go on.

create function agentctl.events_by_state(tenants text[], sound boolean) returns jsonb
language sql stable set search_path = ''
as $$
    select jsonb_object_agg(s.state, (
        select count(*) from agentctl.events e
        where e.tenant = any (tenants) and e.state = s.state and (e.type = 'post_call_audio') = sound
    )) from unnest(array['pending', 'running', 'kept', 'dead']) s (state)
$$;

-- As before, with recordings on their own.
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
        'mails', (
            select jsonb_object_agg(s.state, (
                select count(*) from agentctl.outbox m where m.tenant = any (of_mails) and m.state = s.state
            )) from unnest(array['pending', 'running', 'dead']) s (state)
        ),
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
                select distinct e.error from agentctl.events e
                where e.tenant = any (of_events) and e.state = 'pending' and e.blameless > 0
                union
                select distinct m.error from agentctl.outbox m
                where m.tenant = any (of_mails) and m.state = 'pending' and m.blameless > 0
                limit 5
            ) o
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

insert into agentctl.migrations (version, name) values ('20261127000030', 'agentctl_waiting_sounds');
