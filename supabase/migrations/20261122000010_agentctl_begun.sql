-- A create whose answer was lost has left something with the old key's mark, if anything: a rename waits until a sync
-- has looked for it. Forgotten or given the new key, it would be made a second time.

-- What was begun under any of these keys of assistants, in every environment and workspace of the project.
create function agentctl.begun(owner text, args jsonb, keys jsonb) returns jsonb
language sql stable set search_path = ''
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'environment', i.environment, 'kind', i.kind, 'key', i.key
    ) order by i.environment, i.kind, i.key), '[]')
    from agentctl.intents i
    where (i.tenant, i.project) = (owner, args->>'project') and keys ? split_part(i.key, '/', 1)
$$;

create function public.agentctl_begun(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select agentctl.begun(agentctl.tenant(args), args, args->'keys')
$$;

-- One binding's id may be its key, where the object lies in this store.
create or replace function agentctl.rename_bindings(owner text, args jsonb) returns integer
language plpgsql set search_path = ''
as $$
declare
    old text := args->>'old';
    new text := args->>'new';
    moved integer;
begin
    delete from agentctl.bindings o
    where (o.tenant, o.project) = (owner, args->>'project')
        and agentctl.renamed_binding(o.kind, o.key, args) is not null
        and exists (
            select from agentctl.bindings n
            where (n.tenant, n.project, n.environment, n.workspace, n.kind, n.key)
                = (owner, o.project, o.environment, o.workspace, o.kind, agentctl.renamed_binding(o.kind, o.key, args))
        );
    update agentctl.bindings o set
        key = agentctl.renamed(o.key, old, new),
        remote_id = case when o.remote_id = o.key then agentctl.renamed(o.key, old, new) else o.remote_id end
    where (o.tenant, o.project) = (owner, args->>'project')
        and agentctl.renamed_binding(o.kind, o.key, args) is not null;
    get diagnostics moved = row_count;
    return moved;
end
$$;

-- `begun`: nothing was done, since the end of these creates is not known.
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
        end if;
    end if;
    return answer || jsonb_build_object('begun', pending);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000010', 'agentctl_begun');
