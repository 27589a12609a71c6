-- Recordings that were never delivered: which are missing, and of which the platform was asked already.

create table agentctl.asked_sounds (
    tenant text not null default 'default',
    conversation_id text not null,
    primary key (tenant, conversation_id),
    foreign key (tenant, conversation_id) references agentctl.calls on delete cascade
);
alter table agentctl.asked_sounds enable row level security;
comment on table agentctl.asked_sounds is 'Calls whose missing recording was asked for once, and is not asked for again.';

-- Of calls of these agents of the last seven days that have one. ElevenLabs delivers it within minutes of the
-- transcript or never, so only what has been stored for half an hour is missing.
create function public.agentctl_missing_sounds(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'conversation_id', missing.conversation_id, 'agent_id', missing.agent_id
    ) order by missing.started_at, missing.conversation_id), '[]')
    from (
        select c.conversation_id, c.agent_id, c.started_at
        from agentctl.calls c
        where c.tenant = agentctl.tenant(args) and c.started_at > now() - interval '7 days'
            and agentctl.given(args, 'agent_ids') ? c.agent_id
            and c.detail->>'has_audio' = 'true' and c.emptied_at is null
            and c.stored_at < now() - make_interval(secs => (args->>'grace_seconds')::double precision)
            and not exists (
                select from agentctl.asked_sounds a where (a.tenant, a.conversation_id) = (c.tenant, c.conversation_id)
            )
            and not exists (
                select from agentctl.recordings r where (r.tenant, r.conversation_id) = (c.tenant, c.conversation_id)
            )
            and not exists (
                select from agentctl.events e
                where (e.tenant, e.conversation_id, e.type) = (c.tenant, c.conversation_id, 'post_call_audio')
            )
            and not agentctl.is_outlived(c.tenant, agentctl.mark(c.tenant, 'sound', c.conversation_id))
        order by c.started_at, c.conversation_id
        limit (args->>'limit')::integer
    ) missing
$$;

create function public.agentctl_asked_for_sounds(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with asked as (
        insert into agentctl.asked_sounds (tenant, conversation_id)
        select c.tenant, c.conversation_id from agentctl.calls c
        where c.tenant = agentctl.tenant(args) and agentctl.given(args, 'conversation_ids') ? c.conversation_id
        on conflict do nothing
        returning 1
    )
    select jsonb_build_object('count', count(*)) from asked
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000933', 'agentctl_missing_sounds');
