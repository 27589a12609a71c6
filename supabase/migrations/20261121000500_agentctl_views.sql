-- What people and programs look at: the list of calls, one call, and how the store is doing.

-- A call as it is listed.
create function agentctl.call(c agentctl.calls) returns jsonb
language sql stable set search_path = ''
as $$
    select to_jsonb(c) - '{tenant,detail}'::text[] || jsonb_build_object(
        'title', d.title, 'summary', d.summary, 'engine', d.engine,
        'action_items', coalesce((
            select jsonb_agg(jsonb_build_object(
                'position', i.position, 'what', i.what, 'who', i.who, 'due', i.due, 'done', i.done
            ) order by i.position)
            from agentctl.action_items i
            where i.tenant = c.tenant and i.conversation_id = c.conversation_id
        ), '[]'),
        'has_recording', exists (
            select from agentctl.recordings r
            where r.tenant = c.tenant and r.conversation_id = c.conversation_id
        )
    )
    from (select) one
    left join agentctl.digests d on d.tenant = c.tenant and d.conversation_id = c.conversation_id
$$;

-- Paging: `before` is the started_at of the last call seen; with its id as `before_id`, equal times lose nobody.
create function public.agentctl_list_calls(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(
        jsonb_agg(agentctl.call(newest) order by newest.started_at desc, newest.conversation_id desc), '[]'
    )
    from (
        select * from agentctl.calls c
        where c.tenant = agentctl.tenant(args)
            and (args->>'assistant' is null or c.assistant = args->>'assistant')
            and (args->>'project' is null or c.project = args->>'project')
            and (c.started_at, c.conversation_id) < (
                coalesce((args->>'before')::timestamptz, 'infinity'), coalesce(args->>'before_id', '')
            )
        order by c.started_at desc, c.conversation_id desc
        limit (args->>'limit')::integer
    ) newest
$$;

create function public.agentctl_show_call(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select agentctl.call(c) || jsonb_build_object(
        'detail', c.detail,
        'turns', coalesce((
            select jsonb_agg(to_jsonb(t) - '{tenant,conversation_id}'::text[] order by t.position)
            from agentctl.call_turns t
            where t.tenant = c.tenant and t.conversation_id = c.conversation_id
        ), '[]'),
        'digest', (
            select to_jsonb(d) - '{tenant,conversation_id}'::text[] from agentctl.digests d
            where d.tenant = c.tenant and d.conversation_id = c.conversation_id
        ),
        'recording', (
            select to_jsonb(r) - '{tenant,conversation_id}'::text[] from agentctl.recordings r
            where r.tenant = c.tenant and r.conversation_id = c.conversation_id
        ),
        'mails', coalesce((
            select jsonb_agg(jsonb_build_object(
                'to', m.recipient, 'status', m.state, 'attempt', m.attempt, 'sent_at', m.sent_at,
                'error', m.error, 'subject', m.message->>'subject'
            ) order by m.created_at, m.recipient)
            from agentctl.outbox m
            where m.tenant = c.tenant and m.conversation_id = c.conversation_id
        ), '[]'),
        'events', coalesce((
            select jsonb_agg(to_jsonb(e) - 'tenant' order by e.received_at, e.id)
            from agentctl.event_faces e
            where e.tenant = c.tenant and e.conversation_id = c.conversation_id
        ), '[]')
    )
    from agentctl.calls c
    where c.tenant = agentctl.tenant(args) and c.conversation_id = args->>'conversation_id'
$$;

create function public.agentctl_status(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object(
        'migrations', (select jsonb_agg(m.version order by m.version) from agentctl.migrations m),
        'events', '{"pending": 0, "running": 0, "done": 0, "kept": 0, "dead": 0}' || coalesce((
            select jsonb_object_agg(s.state, s.n) from (
                select e.state, count(*) n from agentctl.events e
                where e.tenant = agentctl.tenant(args) group by e.state
            ) s
        ), '{}'),
        'mails', '{"pending": 0, "running": 0, "sent": 0, "dead": 0}' || coalesce((
            select jsonb_object_agg(s.state, s.n) from (
                select m.state, count(*) n from agentctl.outbox m
                where m.tenant = agentctl.tenant(args) group by m.state
            ) s
        ), '{}'),
        'oldest_pending_seconds', (
            select extract(epoch from now() - min(e.received_at)) from agentctl.events e
            where e.tenant = agentctl.tenant(args) and e.state = 'pending'
        )
    )
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121000500', 'agentctl_views');
