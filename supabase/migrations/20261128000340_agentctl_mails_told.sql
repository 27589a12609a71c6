-- A mail that was given up is seen where other failures are, with the reason, and sent again by itself.

create function public.agentctl_list_mails(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(newest) order by newest.created_at desc, newest.id), '[]')
    from (
        select m.tenant, m.id, m.conversation_id, m.purpose, m.recipient, m.state, m.attempt, m.error, m.created_at
        from agentctl.outbox m
        where m.tenant = any (agentctl.asked(args, 'outbox')) and agentctl.given(args, 'states') ? m.state
        order by m.created_at desc, m.id
        limit (args->>'limit')::integer
    ) newest
$$;
comment on function public.agentctl_list_mails(jsonb) is
    'Mails in `states`, newest first, without what they say; of all tenants, unless one is named.';

-- As before, or one by its id.
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
        and (args->>'id' is null or m.id = agentctl.id(args))
        and (args->>'conversation_id' is null or m.conversation_id = args->>'conversation_id');
    get diagnostics touched = row_count;
    return jsonb_build_object('mails', touched);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000340', 'agentctl_mails_told');
