-- A create by two at once, as can happen once a lease has ended under its holder: the second one is told.

-- A statement sees what was there when it began, so that looking for a binding has to be the second one: the first
-- waits for whoever is binding just now.
create or replace function public.agentctl_intend(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    told jsonb;
    bound text;
begin
    insert into agentctl.intents as i (tenant, project, environment, workspace, kind, key)
    values (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'kind', args->>'key'
    )
    on conflict (tenant, project, environment, workspace, kind, key) do update set intended_at = i.intended_at
    returning jsonb_build_object('new', xmax = 0, 'intended_at', i.intended_at) into told;
    select b.remote_id into bound from agentctl.bindings b
    where (b.tenant, b.project, b.environment, b.workspace, b.kind, b.key) = (
        agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace',
        args->>'kind', args->>'key'
    );
    return told || jsonb_build_object('remote_id', bound);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121001700', 'agentctl_race');
