-- Who takes a tenant's key away is told what still takes calls in its workspace.

create function public.agentctl_tenant_agents(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select to_jsonb(count(distinct b.remote_id))
    from agentctl.bindings b
    where b.kind = 'agent' and split_part(b.workspace, '/', 2) = args->>'tenant'
$$;
comment on function public.agentctl_tenant_agents(jsonb) is
    'How many agents are bound in the workspace of tenant, of whatever project and environment.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000510', 'agentctl_tenants_agents');
