-- Whoever runs agentctl looks at the queues of all tenants, unless one is named; what has to be done again and again is
-- done for each of them.

-- The tenants of which something is in these tables. Of each tenant one entry of an index is read.
create function agentctl.tenants(variadic places text[]) returns setof text
language sql stable set search_path = ''
as $$
    with recursive walk (place, tenant) as (
        select p, '' from unnest(places) p
        union all
        select w.place, next.tenant from walk w cross join lateral (
            select case w.place
                when 'audit' then (select min(t.tenant) from agentctl.audit t where t.tenant > w.tenant)
                when 'calls' then (select min(t.tenant) from agentctl.calls t where t.tenant > w.tenant)
                when 'events' then (select min(t.tenant) from agentctl.events t where t.tenant > w.tenant)
                when 'outbox' then (select min(t.tenant) from agentctl.outbox t where t.tenant > w.tenant)
                when 'recordings' then (select min(t.tenant) from agentctl.recordings t where t.tenant > w.tenant)
                when 'remains' then (select min(t.tenant) from agentctl.remains t where t.tenant > w.tenant)
            end tenant
        ) next
        where next.tenant is not null
    )
    select distinct w.tenant from walk w where w.tenant <> '' order by w.tenant
$$;

-- The one tenant that is named, or all that have something there.
create function agentctl.asked(args jsonb, variadic places text[]) returns text[]
language sql stable set search_path = ''
as $$
    select case
        when args->>'tenant' <> '' then array[args->>'tenant']
        else array(select agentctl.tenants(variadic places))
    end
$$;

-- By name, each with whether it has calls: what may be erased for its age is of one of these.
create function public.agentctl_tenants(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object('tenant', t.tenant, 'has_calls', exists (
        select from agentctl.calls c where c.tenant = t.tenant
    )) order by t.tenant), '[]')
    from agentctl.tenants('audit', 'calls', 'events', 'recordings', 'remains') t (tenant)
$$;

create or replace function public.agentctl_status(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    of_events text[] := agentctl.asked(args, 'events');
    of_mails text[] := agentctl.asked(args, 'outbox');
begin
    return jsonb_build_object(
        'migrations', (select jsonb_agg(m.version order by m.version) from agentctl.migrations m),
        'events', '{"pending": 0, "running": 0, "done": 0, "kept": 0, "dead": 0}' || coalesce((
            select jsonb_object_agg(s.state, s.n) from (
                select e.state, count(*) n from agentctl.events e where e.tenant = any (of_events) group by e.state
            ) s
        ), '{}'),
        'mails', '{"pending": 0, "running": 0, "sent": 0, "dead": 0}' || coalesce((
            select jsonb_object_agg(s.state, s.n) from (
                select m.state, count(*) n from agentctl.outbox m where m.tenant = any (of_mails) group by m.state
            ) s
        ), '{}'),
        'oldest_pending_seconds', (
            select extract(epoch from now() - min(e.received_at)) from agentctl.events e
            where e.tenant = any (of_events) and e.state = 'pending'
        )
    );
end
$$;

-- `tenants`: of whom most waits or was given up, if it is of others than the operator. Duties are the operator's.
create or replace function public.agentctl_queue(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    of_events text[] := agentctl.asked(args, 'events');
    of_mails text[] := agentctl.asked(args, 'outbox');
begin
    return jsonb_build_object(
        'events', (
            select jsonb_object_agg(s.state, (
                select count(*) from agentctl.events e where e.tenant = any (of_events) and e.state = s.state
            )) from unnest(array['pending', 'running', 'kept', 'dead']) s (state)
        ),
        'mails', (
            select jsonb_object_agg(s.state, (
                select count(*) from agentctl.outbox m where m.tenant = any (of_mails) and m.state = s.state
            )) from unnest(array['pending', 'running', 'dead']) s (state)
        ),
        'oldest_event_seconds', (
            select extract(epoch from now() - min(e.received_at)) from agentctl.events e
            where e.tenant = any (of_events) and e.state in ('pending', 'running')
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

create function agentctl.busiest(of_events text[], of_mails text[]) returns jsonb
language sql stable set search_path = ''
as $$
    with open as (
        select e.tenant, (e.state = 'dead')::integer as dead from agentctl.events e
        where e.tenant = any (of_events) and e.state in ('pending', 'running', 'dead')
        union all
        select m.tenant, (m.state = 'dead')::integer from agentctl.outbox m
        where m.tenant = any (of_mails) and m.state in ('pending', 'running', 'dead')
    )
    select coalesce(jsonb_agg(to_jsonb(most) order by most.waiting desc, most.dead desc, most.tenant), '[]') from (
        select o.tenant, count(*) - sum(o.dead) as waiting, sum(o.dead) as dead
        from open o group by o.tenant
        order by 2 desc, 3 desc, 1 limit 10
    ) most
$$;

create or replace function public.agentctl_list_events(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(newest) order by newest.received_at desc, newest.id), '[]')
    from (
        select e.*
        from unnest(agentctl.asked(args, 'events')) owner
        cross join unnest(array['pending', 'running', 'done', 'kept', 'dead']) wanted
        cross join lateral (
            select * from agentctl.event_faces
            where tenant = owner and state = wanted
            order by received_at desc
            limit (args->>'limit')::integer
        ) e
        where agentctl.given(args, 'states') is null or agentctl.given(args, 'states') ? wanted
        order by e.received_at desc
        limit (args->>'limit')::integer
    ) newest
$$;

create or replace function public.agentctl_requeue_events(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owners text[] := agentctl.asked(args, 'events');
    touched integer;
begin
    if coalesce(args->>'id', args->>'conversation_id', args->>'states') is null then
        raise exception 'requeue_events needs an id, a conversation_id or states';
    end if;
    update agentctl.events e
    set state = 'pending', failures = 0, blameless = 0, due_at = now(), finished_at = null, worker = null,
        told_at = null
    where e.tenant = any (owners)
        and (args->>'id' is null or e.id = agentctl.id(args))
        and (args->>'conversation_id' is null or e.conversation_id = args->>'conversation_id')
        and coalesce(agentctl.given(args, 'states'), '["pending", "done", "kept", "dead"]') ? e.state;
    get diagnostics touched = row_count;
    return jsonb_build_object('events', touched);
end
$$;

create or replace function public.agentctl_requeue_mails(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owners text[] := agentctl.asked(args, 'outbox');
    touched integer;
begin
    update agentctl.outbox m
    set state = 'pending', failures = 0, blameless = 0, due_at = now(), worker = null
    where m.tenant = any (owners) and m.state = 'dead'
        and (args->>'conversation_id' is null or m.conversation_id = args->>'conversation_id');
    get diagnostics touched = row_count;
    return jsonb_build_object('mails', touched);
end
$$;

create or replace function public.agentctl_list_audit(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(newest) order by newest.at desc, newest.id desc), '[]')
    from (
        select a.*
        from unnest(agentctl.asked(args, 'audit')) owner
        cross join lateral (
            select * from agentctl.audit a
            where a.tenant = owner and (args->>'since' is null or a.at >= (args->>'since')::timestamptz)
            order by a.at desc, a.id desc
            limit (args->>'limit')::integer
        ) a
        order by a.at desc, a.id desc
        limit (args->>'limit')::integer
    ) newest
$$;

-- The operator is told of what was given up, whosever it is, in mails of the operator's.
create or replace function public.agentctl_untold_dead(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with untold as (
        select e.tenant, e.id, e.conversation_id, e.attempt, e.finished_at,
            case
                -- As `claim_events` writes it; it has nothing but the lost leases to go by.
                when starts_with(e.error, 'the worker was lost at each attempt')
                    then 'the worker was lost at each attempt'
                else e.fault
            end reason
        from agentctl.events e
        where e.tenant = any (agentctl.asked(args, 'events')) and e.state = 'dead' and e.told_at is null
    )
    select jsonb_build_object(
        'count', (select count(*) from untold),
        'until', (select max(u.finished_at) from untold u),
        'events', coalesce((
            select jsonb_agg(jsonb_build_object(
                'id', first.id, 'tenant', first.tenant, 'conversation_id', first.conversation_id,
                'attempt', first.attempt, 'reason', first.reason
            ) order by first.finished_at, first.id)
            from (select * from untold order by finished_at, id limit (args->>'limit')::integer) first
        ), '[]')
    )
$$;

create or replace function public.agentctl_tell_dead(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owners text[] := agentctl.asked(args, 'events');
    touched integer;
begin
    update agentctl.events e set told_at = now()
    where e.tenant = any (owners) and e.state = 'dead' and e.told_at is null
        and e.finished_at <= (args->>'until')::timestamptz;
    get diagnostics touched = row_count;
    if touched = 0 then
        return jsonb_build_object('told', 0);
    end if;
    insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message)
    select agentctl.tenant(args), args->>'id', 'alert', m->>'recipient', m->'message'
    from jsonb_array_elements(agentctl.given(args, 'mails')) m
    on conflict do nothing;
    return jsonb_build_object('told', touched);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000120', 'agentctl_all_tenants');
