-- Work that failed: whose fault it was, who was told of what was given up, and queueing it again.

alter table agentctl.events
    add column blameless integer not null default 0,
    add column told_at timestamptz;
alter table agentctl.outbox add column blameless integer not null default 0;
comment on column agentctl.events.told_at is 'When people were mailed that it is dead.';
comment on column agentctl.events.blameless is
    'Attempts that failed since something else was away. They never make it dead, however many there are.';
comment on column agentctl.outbox.blameless is 'As in agentctl.events.';

-- `outage`: something that the work needs is away. That is nothing the event could be given up for.
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
        error = args->>'error', due_at = now() + agentctl.seconds(args, 'delay_seconds')
    where e.tenant = agentctl.tenant(args) and e.id = agentctl.id(args)
        and e.state = 'running' and e.attempt = (args->>'attempt')::integer
    returning e.state into outcome;
    return jsonb_build_object('held', outcome is not null, 'state', outcome);
end
$$;

create or replace function public.agentctl_mail_failed(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    outage boolean := coalesce((args->>'outage')::boolean, false);
    outcome text;
begin
    update agentctl.outbox m
    set state = case
            when (args->>'permanent')::boolean then 'dead'
            when not outage and m.failures + 1 >= (args->>'max_attempts')::integer then 'dead'
            else 'pending'
        end,
        failures = m.failures + (not outage)::integer, blameless = m.blameless + outage::integer,
        error = args->>'error', due_at = now() + coalesce(agentctl.seconds(args, 'delay_seconds'), '0')
    where m.tenant = agentctl.tenant(args) and m.id = agentctl.id(args)
        and m.state = 'running' and m.attempt = (args->>'attempt')::integer
    returning m.state into outcome;
    return jsonb_build_object('held', outcome is not null, 'state', outcome);
end
$$;

-- What a person queues again and fails again is told again.
create or replace function public.agentctl_requeue_events(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    touched integer;
begin
    if coalesce(args->>'id', args->>'conversation_id', args->>'states') is null then
        raise exception 'requeue_events needs an id, a conversation_id or states';
    end if;
    update agentctl.events e
    set state = 'pending', failures = 0, blameless = 0, due_at = now(), finished_at = null, worker = null,
        told_at = null
    where e.tenant = agentctl.tenant(args)
        and (args->>'id' is null or e.id = agentctl.id(args))
        and (args->>'conversation_id' is null or e.conversation_id = args->>'conversation_id')
        and coalesce(agentctl.given(args, 'states'), '["pending", "done", "kept", "dead"]') ? e.state;
    get diagnostics touched = row_count;
    return jsonb_build_object('events', touched);
end
$$;

-- Mails that were given up; one that was sent is never sent again.
create function public.agentctl_requeue_mails(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    touched integer;
begin
    update agentctl.outbox m
    set state = 'pending', failures = 0, blameless = 0, due_at = now(), worker = null
    where m.tenant = agentctl.tenant(args) and m.state = 'dead'
        and (args->>'conversation_id' is null or m.conversation_id = args->>'conversation_id');
    get diagnostics touched = row_count;
    return jsonb_build_object('mails', touched);
end
$$;

-- Dead events that nobody was told of: how many, the oldest of them, and the last's time, which `tell_dead` takes.
create function public.agentctl_untold_dead(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with untold as (
        select e.id, e.conversation_id, e.attempt, e.finished_at
        from agentctl.events e
        where e.tenant = agentctl.tenant(args) and e.state = 'dead' and e.told_at is null
    )
    select jsonb_build_object(
        'count', (select count(*) from untold),
        'until', (select max(u.finished_at) from untold u),
        'events', coalesce((
            select jsonb_agg(jsonb_build_object(
                'id', first.id, 'conversation_id', first.conversation_id, 'attempt', first.attempt
            ) order by first.finished_at, first.id)
            from (select * from untold order by finished_at, id limit (args->>'limit')::integer) first
        ), '[]')
    )
$$;

-- Marks them as told and queues the mails, in one step: of any number of workers at once, one tells it.
create function public.agentctl_tell_dead(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    touched integer;
begin
    update agentctl.events e set told_at = now()
    where e.tenant = owner and e.state = 'dead' and e.told_at is null
        and e.finished_at <= (args->>'until')::timestamptz;
    get diagnostics touched = row_count;
    if touched = 0 then
        return jsonb_build_object('told', 0);
    end if;
    insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message)
    select owner, args->>'id', 'alert', m->>'recipient', m->'message'
    from jsonb_array_elements(agentctl.given(args, 'mails')) m
    on conflict do nothing;
    return jsonb_build_object('told', touched);
end
$$;

-- What waits, for how long, and when each duty was last done. It reads only what is open, so that it is as quick with
-- a million calls as with none.
create function public.agentctl_queue(args jsonb) returns jsonb
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
                'due_seconds', extract(epoch from d.due_at - now())
            ) order by d.name, d.place)
            from agentctl.duties d where d.tenant = agentctl.tenant(args)
        ), '[]')
    )
$$;

-- `purpose` tells what a mail of the outbox is about; without one, a sync.
create or replace function public.agentctl_notify(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    about text := coalesce(args->>'subject', '');
    before text;
begin
    insert into agentctl.notices (tenant, project, environment, workspace, subject, digest)
    values (owner, args->>'project', args->>'environment', args->>'workspace', about, '')
    on conflict do nothing;
    select n.digest into before from agentctl.notices n
    where (n.tenant, n.project, n.environment, n.workspace, n.subject)
        = (owner, args->>'project', args->>'environment', args->>'workspace', about)
    for update;
    if before = args->>'digest' then
        return jsonb_build_object('new', false, 'queued', 0);
    end if;
    update agentctl.notices n set digest = args->>'digest', told_at = now()
    where (n.tenant, n.project, n.environment, n.workspace, n.subject)
        = (owner, args->>'project', args->>'environment', args->>'workspace', about);
    insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message)
    select owner, args->>'id', coalesce(args->>'purpose', 'sync'), m->>'recipient', m->'message'
    from jsonb_array_elements(agentctl.given(args, 'mails')) m
    on conflict do nothing;
    return jsonb_build_object('new', true, 'queued', jsonb_array_length(agentctl.given(args, 'mails')));
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000320', 'agentctl_trouble');
