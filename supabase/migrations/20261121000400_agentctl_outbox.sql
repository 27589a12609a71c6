-- The outbox: mails queued in the transaction that stored their call, sent by whoever claims them.

create table agentctl.outbox (
    tenant text not null default 'default',
    id uuid not null default gen_random_uuid(),
    conversation_id text not null,
    purpose text not null,
    recipient text not null,
    message jsonb not null,
    state text not null default 'pending' check (state in ('pending', 'running', 'sent', 'dead')),
    attempt integer not null default 0,
    failures integer not null default 0,
    due_at timestamptz not null default now(),
    worker text,
    error text,
    route text,
    reference text,
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    primary key (tenant, id),
    constraint outbox_once unique (tenant, conversation_id, purpose, recipient)
);
alter table agentctl.outbox enable row level security;
create index outbox_due on agentctl.outbox (tenant, due_at) where state in ('pending', 'running');
create index outbox_by_state on agentctl.outbox (tenant, state);
comment on table agentctl.outbox is 'Mails, each once per call, purpose and recipient.';
comment on column agentctl.outbox.message is 'subject, text, html, message_id, language: finished when it was queued.';
comment on column agentctl.outbox.attempt is 'Counts claims; the fence, as in agentctl.events.';
comment on column agentctl.outbox.due_at is 'pending: not before this. running: the end of the lease.';
comment on column agentctl.outbox.route is 'How it was sent: smtp, resend, …; reference is that route''s receipt.';

create function public.agentctl_claim_mails(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    patience integer := coalesce((args->>'max_attempts')::integer, 5);
    claimed jsonb;
begin
    with lost as (
        select id from agentctl.outbox
        where tenant = owner and state = 'running' and due_at <= now() and failures + 1 >= patience
        for update skip locked
    )
    update agentctl.outbox m
    set state = 'dead', failures = m.failures + 1,
        error = concat_ws('; ', 'the worker was lost at each attempt', m.error)
    from lost where m.tenant = owner and m.id = lost.id;

    with due as (
        select id from agentctl.outbox
        where tenant = owner and state in ('pending', 'running') and due_at <= now()
        order by due_at
        limit greatest((args->>'limit')::integer, 0)
        for update skip locked
    ), mine as (
        update agentctl.outbox m
        set state = 'running', attempt = m.attempt + 1, failures = m.failures + (m.state = 'running')::integer,
            due_at = now() + agentctl.seconds(args, 'lease_seconds'), worker = args->>'worker'
        from due where m.tenant = owner and m.id = due.id
        returning m.*
    )
    select jsonb_agg(jsonb_build_object(
        'id', m.id, 'conversation_id', m.conversation_id, 'purpose', m.purpose, 'recipient', m.recipient,
        'message', m.message, 'attempt', m.attempt, 'created_at', m.created_at
    ) order by m.created_at, m.id) into claimed
    from mine m;
    return coalesce(claimed, '[]');
end
$$;

create function public.agentctl_mail_sent(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with sent as (
        update agentctl.outbox m
        set state = 'sent', sent_at = now(), error = null, route = args->>'route', reference = args->>'reference'
        where m.tenant = agentctl.tenant(args) and m.id = agentctl.id(args)
            and m.state = 'running' and m.attempt = (args->>'attempt')::integer
        returning 1
    )
    select jsonb_build_object('held', exists (select from sent))
$$;

create function public.agentctl_mail_failed(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    outcome text;
begin
    update agentctl.outbox m
    set state = case
            when (args->>'permanent')::boolean or m.failures + 1 >= (args->>'max_attempts')::integer then 'dead'
            else 'pending'
        end,
        failures = m.failures + 1, error = args->>'error',
        due_at = now() + coalesce(agentctl.seconds(args, 'delay_seconds'), '0')
    where m.tenant = agentctl.tenant(args) and m.id = agentctl.id(args)
        and m.state = 'running' and m.attempt = (args->>'attempt')::integer
    returning m.state into outcome;
    return jsonb_build_object('held', outcome is not null, 'state', outcome);
end
$$;

-- A worker that needs longer says so before its lease ends.
create function public.agentctl_renew(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    if args->>'queue' = 'events' then
        update agentctl.events e set due_at = now() + agentctl.seconds(args, 'lease_seconds')
        where e.tenant = agentctl.tenant(args) and e.id = agentctl.id(args)
            and e.state = 'running' and e.attempt = (args->>'attempt')::integer;
    elsif args->>'queue' = 'outbox' then
        update agentctl.outbox m set due_at = now() + agentctl.seconds(args, 'lease_seconds')
        where m.tenant = agentctl.tenant(args) and m.id = agentctl.id(args)
            and m.state = 'running' and m.attempt = (args->>'attempt')::integer;
    else
        raise exception 'renew: queue must be events or outbox';
    end if;
    return jsonb_build_object('held', found);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121000400', 'agentctl_outbox');
