-- Why an event was not stored although nobody else had it; null where somebody has.

create function public.agentctl_refusal(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object('reason', case
        when agentctl.is_forgotten(agentctl.tenant(args), args->>'conversation_id') then 'forgotten'
        when agentctl.is_emptied(agentctl.tenant(args), args->>'conversation_id') then 'emptied'
    end)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000974', 'agentctl_refusal');
