-- What is told of recordings and of all other events is told apart everywhere: how many there are, and what they wait for.
-- And rights are taken by one at a time: by a migration, or by whoever has found that something lies open.

-- Why what an outage holds up waits, by queue.
create function agentctl.waits(of_events text[], of_mails text[]) returns table (queue text, error text)
language sql stable set search_path = ''
as $$
    select case e.type when 'post_call_audio' then 'recordings' else 'events' end, e.error from agentctl.events e
    where e.tenant = any (of_events) and e.state = 'pending' and e.blameless > 0
    union
    select 'mails', m.error from agentctl.outbox m
    where m.tenant = any (of_mails) and m.state = 'pending' and m.blameless > 0
$$;

-- As before, with what each queue waits for on its own.
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

-- As before, with recordings on their own.
create or replace function public.agentctl_status(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    of_events text[] := agentctl.asked(args, 'events');
    of_mails text[] := agentctl.asked(args, 'outbox');
begin
    return jsonb_build_object(
        'migrations', (select jsonb_agg(m.version order by m.version) from agentctl.migrations m),
        'events', agentctl.events_by_state(of_events, false) || jsonb_build_object('done', (
            select count(*) from agentctl.events e
            where e.tenant = any (of_events) and e.state = 'done' and e.type <> 'post_call_audio'
        )),
        'recordings', agentctl.events_by_state(of_events, true) || jsonb_build_object('done', (
            select count(*) from agentctl.events e
            where e.tenant = any (of_events) and e.state = 'done' and e.type = 'post_call_audio'
        )),
        'mails', '{"pending": 0, "running": 0, "sent": 0, "dead": 0}' || coalesce((
            select jsonb_object_agg(s.state, s.n) from (
                select m.state, count(*) n from agentctl.outbox m where m.tenant = any (of_mails) group by m.state
            ) s
        ), '{}'),
        'oldest_pending_seconds', (
            select extract(epoch from now() - min(e.received_at)) from agentctl.events e
            where e.tenant = any (of_events) and e.state = 'pending' and e.type <> 'post_call_audio'
        )
    );
end
$$;

-- As before; while migrations run, which make the same rights anew, it changes nothing and says so, for another time.
create or replace function public.agentctl_seal(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('agentctl.seal', 0));
    if not pg_catalog.pg_try_advisory_xact_lock(7204913118) then  -- agentctl/clients/store/migrations.py
        return public.agentctl_opened('{}') || '{"busy": true}';
    end if;
    if exists (select from agentctl.opened()) then
        call agentctl.seal();
    end if;
    return public.agentctl_opened('{}');
end
$$;
comment on function public.agentctl_seal(jsonb) is
    'Takes what agentctl_opened tells of, and answers what is left of it: rights that somebody else has granted, or all '
    'of it while migrations run (busy).';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000720', 'agentctl_one_rule');
