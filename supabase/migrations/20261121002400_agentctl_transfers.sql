-- What others' revisions say of a renamed assistant is renamed too: a rollback, and whatever is held at one, transfers
-- to it still.

create function agentctl.renamed_transfers(spec jsonb, old text, new text) returns jsonb
language sql immutable set search_path = ''
as $$
    select jsonb_set(spec, '{built_in_tools,transfer_to_agent,transfers}', (
        select jsonb_agg(
            case when t.transfer->>'assistant' = old then t.transfer || jsonb_build_object('assistant', new)
                else t.transfer end
            order by t.place
        )
        from jsonb_array_elements(spec #> '{built_in_tools,transfer_to_agent,transfers}')
            with ordinality t (transfer, place)
    ))
$$;

alter function public.agentctl_rename(jsonb) rename to rename_assistant;
alter function public.rename_assistant(jsonb) set schema agentctl;
alter function agentctl.rename_assistant(jsonb) security invoker;
do $$
begin
    if exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
        revoke all on function agentctl.rename_assistant(jsonb) from service_role;
    end if;
end
$$;

create function public.agentctl_rename(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    answer jsonb := agentctl.rename_assistant(args);
begin
    if not (answer->>'taken')::boolean then
        update agentctl.revisions r
        set spec = agentctl.renamed_transfers(r.spec, args->>'old', args->>'new')
        where (r.tenant, r.project) = (agentctl.tenant(args), args->>'project')
            and r.spec #> '{built_in_tools,transfer_to_agent,transfers}'
                @> jsonb_build_array(jsonb_build_object('assistant', args->>'old'));
    end if;
    return answer;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121002400', 'agentctl_transfers');
