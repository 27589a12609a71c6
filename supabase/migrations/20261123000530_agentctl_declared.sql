-- As before; and assistants that are declared in our own table are written through its view, with the service key.
create or replace procedure agentctl.grant_service()
language plpgsql set search_path = ''
as $$
begin
    if agentctl.roles_here('{service_role}') is null then
        return;
    end if;
    grant usage on schema agentctl to service_role;
    grant select, insert, update, delete on all tables in schema agentctl to service_role;
    grant usage, select on all sequences in schema agentctl to service_role;
    grant execute on all functions in schema agentctl to service_role;
    execute format('grant execute on routine %s to service_role', agentctl.ours('routine'));
    if agentctl.ours('table') is not null then
        execute format('grant select on table %s to service_role', agentctl.ours('table'));
    end if;
    grant insert, update, delete on table public.agentctl_declared_assistants to service_role;
end
$$;

-- As before, and of which workspace: that is part of what tells one from another.
create or replace view public.agentctl_assistants with (security_invoker = true) as
select a.tenant, a.project, a.environment, a.key, a.name, a.language, a.agent_id, a.updated_at, a.workspace
from agentctl.assistants a;
comment on column public.agentctl_assistants.workspace is
    'Which workspace the id belongs to, label@host or the API host alone: it means nothing in another.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000530', 'agentctl_declared');
