-- What has to be done again and again, each once per interval, however many workers there are on however many machines.
-- As with events, the row is the job: lease, attempt number as fence, and when it is due.

create table agentctl.duties (
    tenant text not null default 'default',
    id uuid not null default gen_random_uuid(),
    name text not null,
    place text not null,
    state text not null default 'pending' check (state in ('pending', 'running')),
    attempt integer not null default 0,
    failures integer not null default 0,
    due_at timestamptz not null default now(),
    worker text,
    error text,
    done_at timestamptz,
    primary key (tenant, id),
    constraint duties_once unique (tenant, name, place)
);
alter table agentctl.duties enable row level security;
comment on table agentctl.duties is 'Recurring work. A row is made by the first worker that offers to do it.';
comment on column agentctl.duties.place is 'What it is done for, such as a workspace; empty: for the whole store.';
comment on column agentctl.duties.attempt is 'Counts claims; the fence, as in agentctl.events.';
comment on column agentctl.duties.failures is 'Failed or abandoned attempts since it was last done.';
comment on column agentctl.duties.due_at is 'pending: not before this. running: the end of the lease.';

-- Of the duties that this worker offers to do, those that are due.
create function public.agentctl_claim_duties(args jsonb) returns jsonb
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

create function public.agentctl_duty_done(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with done as (
        update agentctl.duties d
        set state = 'pending', failures = 0, error = null, done_at = now(),
            due_at = now() + agentctl.seconds(args, 'every_seconds')
        where d.tenant = agentctl.tenant(args) and d.id = agentctl.id(args)
            and d.state = 'running' and d.attempt = (args->>'attempt')::integer
        returning 1
    )
    select jsonb_build_object('held', exists (select from done))
$$;

create function public.agentctl_fail_duty(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with failed as (
        update agentctl.duties d
        set state = 'pending', failures = d.failures + 1, error = args->>'error',
            due_at = now() + agentctl.seconds(args, 'delay_seconds')
        where d.tenant = agentctl.tenant(args) and d.id = agentctl.id(args)
            and d.state = 'running' and d.attempt = (args->>'attempt')::integer
        returning 1
    )
    select jsonb_build_object('held', exists (select from failed))
$$;

-- Moves the end of a lease: later, while work goes on; to now, when it is given back unfinished.
create function agentctl.lease_until(args jsonb, until timestamptz, handed_back boolean) returns boolean
language plpgsql set search_path = ''
as $$
declare
    queue text := args->>'queue';
    touched integer;
begin
    if queue is null or queue not in ('events', 'outbox', 'duties') then
        raise exception 'queue must be events, outbox or duties';
    end if;
    execute format(
        'update agentctl.%I q set due_at = $1, state = case when $2 then ''pending'' else q.state end
         where q.tenant = $3 and q.id = $4 and q.state = ''running'' and q.attempt = $5', queue
    ) using until, handed_back, agentctl.tenant(args), agentctl.id(args), (args->>'attempt')::integer;
    get diagnostics touched = row_count;
    return touched > 0;
end
$$;

create or replace function public.agentctl_renew(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object(
        'held', agentctl.lease_until(args, now() + agentctl.seconds(args, 'lease_seconds'), false)
    )
$$;

-- A worker that is told to end gives back what it cannot finish, so that another takes it at once. Nothing has failed.
create function public.agentctl_release(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object('held', agentctl.lease_until(args, now(), true))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000300', 'agentctl_duties');
