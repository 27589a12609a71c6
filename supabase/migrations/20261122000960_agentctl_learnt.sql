-- A store learns a rename that was done with another one. That it has is written in the same step, so that a run that is
-- cut off leaves either both or nothing; and it is asked of every environment, since a key is the same one in all.

create function public.agentctl_agent_keys(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(distinct b.key), '[]')
    from agentctl.bindings b
    where (b.tenant, b.project, b.kind) = (agentctl.tenant(args), args->>'project', 'agent')
$$;

-- `noted`: the name under which the project, in no environment of its own, remembers that this was done.
create or replace function public.agentctl_rename(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    pending jsonb := agentctl.begun(owner, args, jsonb_build_array(args->>'old'));
    answer jsonb := jsonb_build_object('taken', false, 'bindings', 0, 'revisions', 0);
begin
    if pending = '[]' then
        answer := agentctl.rename_assistant(args);
        if not (answer->>'taken')::boolean then
            update agentctl.revisions r
            set spec = agentctl.renamed_transfers(r.spec, args->>'old', args->>'new')
            where (r.tenant, r.project) = (owner, args->>'project')
                and r.spec #> '{built_in_tools,transfer_to_agent,transfers}'
                    @> jsonb_build_array(jsonb_build_object('assistant', args->>'old'));
            if args ? 'noted' then
                insert into agentctl.undertakings (tenant, project, environment, workspace, name, state)
                values (owner, args->>'project', '', '', args->>'noted', '{}')
                on conflict do nothing;
            end if;
        end if;
    end if;
    return answer || jsonb_build_object('begun', pending);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000960', 'agentctl_learnt');
