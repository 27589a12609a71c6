-- Calls can be listed for one environment of a project.

create or replace function public.agentctl_list_calls(args jsonb) returns jsonb
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
            and (args->>'environment' is null or c.environment = args->>'environment')
            and (c.started_at, c.conversation_id) < (
                coalesce((args->>'before')::timestamptz, 'infinity'), coalesce(args->>'before_id', '')
            )
        order by c.started_at desc, c.conversation_id desc
        limit (args->>'limit')::integer
    ) newest
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121000800', 'agentctl_environments');
