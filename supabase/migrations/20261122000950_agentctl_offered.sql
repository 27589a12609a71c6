-- A duty that no worker has any more, since its setting was corrected or taken away, is nobody's trouble: it is known by
-- when a worker last offered to do it.

alter table agentctl.duties add column offered_at timestamptz not null default now();
comment on column agentctl.duties.offered_at is 'When a worker last offered to do it, to about a minute.';

-- Of the duties that this worker offers to do, those that are due. What nobody offered for a week is forgotten.
create or replace function public.agentctl_claim_duties(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    claimed jsonb;
begin
    insert into agentctl.duties (tenant, name, place)
    select owner, offered.name, offered.place
    from jsonb_to_recordset(args->'duties') offered (name text, place text)
    where not exists (
        select from agentctl.duties d
        where (d.tenant, d.name, d.place) = (owner, offered.name, offered.place)
    )
    on conflict do nothing;

    -- What another worker claims at this moment, it says the same of.
    with stale as (
        select d.id
        from agentctl.duties d
        join jsonb_to_recordset(args->'duties') offered (name text, place text) using (name, place)
        where d.tenant = owner and d.offered_at < now() - interval '1 minute'
        for update of d skip locked
    )
    update agentctl.duties d set offered_at = now()
    from stale where d.tenant = owner and d.id = stale.id;

    with forgotten as (
        select d.id from agentctl.duties d
        where d.tenant = owner and d.offered_at < now() - interval '7 days'
        for update skip locked
    )
    delete from agentctl.duties d using forgotten where d.tenant = owner and d.id = forgotten.id;

    with due as (
        select d.id
        from agentctl.duties d
        join jsonb_to_recordset(args->'duties') offered (name text, place text) using (name, place)
        where d.tenant = owner and d.due_at <= now()
        order by d.due_at
        limit greatest((args->>'limit')::integer, 0)
        for update of d skip locked
    ), mine as (
        update agentctl.duties d
        set state = 'running', attempt = d.attempt + 1, failures = d.failures + (d.state = 'running')::integer,
            due_at = now() + agentctl.seconds(args, 'lease_seconds'), worker = args->>'worker'
        from due where d.tenant = owner and d.id = due.id
        returning d.*
    )
    select jsonb_agg(jsonb_build_object(
        'id', m.id, 'name', m.name, 'place', m.place, 'attempt', m.attempt, 'done_at', m.done_at
    ) order by m.name, m.place) into claimed
    from mine m;
    return coalesce(claimed, '[]');
end
$$;

-- `offered`: whether it is somebody's. Measured by the last worker that asked, and not by now: where no worker runs,
-- nothing is known to have changed.
create or replace function public.agentctl_queue(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object(
        'events', (
            select jsonb_object_agg(s.state, (
                select count(*) from agentctl.events e where (e.tenant, e.state) = (agentctl.tenant(args), s.state)
            )) from unnest(array['pending', 'running', 'kept', 'dead']) s (state)
        ),
        'mails', (
            select jsonb_object_agg(s.state, (
                select count(*) from agentctl.outbox m where (m.tenant, m.state) = (agentctl.tenant(args), s.state)
            )) from unnest(array['pending', 'running', 'dead']) s (state)
        ),
        'oldest_event_seconds', (
            select extract(epoch from now() - min(e.received_at)) from agentctl.events e
            where e.tenant = agentctl.tenant(args) and e.state in ('pending', 'running')
        ),
        'oldest_mail_seconds', (
            select extract(epoch from now() - min(m.created_at)) from agentctl.outbox m
            where m.tenant = agentctl.tenant(args) and m.state in ('pending', 'running')
        ),
        'waiting_for', (
            select coalesce(jsonb_agg(o.error order by o.error), '[]') from (
                select distinct e.error from agentctl.events e
                where e.tenant = agentctl.tenant(args) and e.state = 'pending' and e.blameless > 0
                union
                select distinct m.error from agentctl.outbox m
                where m.tenant = agentctl.tenant(args) and m.state = 'pending' and m.blameless > 0
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
                select max(o.offered_at) asked from agentctl.duties o where o.tenant = agentctl.tenant(args)
            ) last
            where d.tenant = agentctl.tenant(args)
        ), '[]')
    )
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000950', 'agentctl_offered');
