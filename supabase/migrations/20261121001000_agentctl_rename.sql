-- An assistant gets another key and stays what it is: its ids, revisions, hold and calls move along.

-- `key` as it is called after the rename; null where it is not the assistant's.
create function agentctl.renamed(key text, old text, new text) returns text
language sql immutable set search_path = ''
as $$
    select case
        when key = old then new
        when starts_with(key, old || '/') then new || substr(key, length(old) + 1)
    end
$$;

-- `kept`: what somebody still declares under the old name (a folder of the knowledge base may have any), as
-- "<kind> <key>".
create function agentctl.renamed_binding(kind text, key text, args jsonb) returns text
language sql immutable set search_path = ''
as $$
    select case
        when args->'kinds' ? kind and not coalesce(args->'kept', '[]') ? (kind || ' ' || key)
        then agentctl.renamed(key, args->>'old', args->>'new')
    end
$$;

-- One binding's id may be its key, where the object lies in this store.
create function agentctl.rename_bindings(owner text, args jsonb) returns integer
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
    delete from agentctl.intents i
    where (i.tenant, i.project) = (owner, args->>'project')
        and agentctl.renamed_binding(i.kind, i.key, args) is not null;
    return moved;
end
$$;

-- What a revision holds names its assistant and the documents that are its own.
create function agentctl.renamed_spec(spec jsonb, old text, new text) returns jsonb
language sql immutable set search_path = ''
as $$
    select spec || jsonb_build_object('key', new, 'knowledge', coalesce((
        select jsonb_agg(
            d.document || jsonb_build_object(
                'key', coalesce(agentctl.renamed(d.document->>'key', old, new), d.document->>'key')
            ) order by d.place
        )
        from jsonb_array_elements(spec->'knowledge') with ordinality d (document, place)
    ), '[]'))
$$;

-- Revisions that an earlier assistant left under the new key stay, and are counted first.
create function agentctl.rename_revisions(owner text, args jsonb) returns integer
language plpgsql set search_path = ''
as $$
declare
    old text := args->>'old';
    new text := args->>'new';
    moved integer;
begin
    delete from agentctl.holds h
    where (h.tenant, h.project, h.key) = (owner, args->>'project', new) and exists (
        select from agentctl.holds o
        where (o.tenant, o.project, o.environment, o.workspace, o.key)
            = (owner, h.project, h.environment, h.workspace, old)
    );
    update agentctl.holds h set
        key = new,
        revision = h.revision + coalesce((
            select max(r.revision) from agentctl.revisions r
            where (r.tenant, r.project, r.environment, r.workspace, r.key)
                = (owner, h.project, h.environment, h.workspace, new)
        ), 0)
    where (h.tenant, h.project, h.key) = (owner, args->>'project', old);
    with earlier as (
        select r.environment, r.workspace, max(r.revision) as newest
        from agentctl.revisions r
        where (r.tenant, r.project, r.key) = (owner, args->>'project', new)
        group by r.environment, r.workspace
    )
    update agentctl.revisions o set
        key = new,
        revision = o.revision + coalesce((
            select e.newest from earlier e where (e.environment, e.workspace) = (o.environment, o.workspace)
        ), 0),
        spec = agentctl.renamed_spec(o.spec, old, new)
    where (o.tenant, o.project, o.key) = (owner, args->>'project', old);
    get diagnostics moved = row_count;
    return moved;
end
$$;

-- In every environment and workspace of the project, since they all have the same files. Doing it again is nothing.
-- `taken`: the new key is another agent's, and nothing was done.
create function public.agentctl_rename(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    old text := args->>'old';
    new text := args->>'new';
    bindings integer;
    revisions integer;
begin
    if exists (
        select from agentctl.bindings o
        join agentctl.bindings n
            on (n.tenant, n.project, n.environment, n.workspace, n.kind)
                = (o.tenant, o.project, o.environment, o.workspace, o.kind)
            and n.key = agentctl.renamed_binding(o.kind, o.key, args)
        where (o.tenant, o.project) = (owner, args->>'project')
            and n.remote_id <> o.remote_id and n.remote_id <> n.key
    ) then
        return jsonb_build_object('taken', true, 'bindings', 0, 'revisions', 0);
    end if;
    bindings := agentctl.rename_bindings(owner, args);
    revisions := agentctl.rename_revisions(owner, args);
    delete from agentctl.assistants n
    where (n.tenant, n.project, n.key) = (owner, args->>'project', new) and exists (
        select from agentctl.assistants o
        where (o.tenant, o.project, o.environment, o.workspace, o.key)
            = (owner, n.project, n.environment, n.workspace, old)
    );
    update agentctl.assistants a set key = new
    where (a.tenant, a.project, a.key) = (owner, args->>'project', old);
    update agentctl.calls c set assistant = new
    where (c.tenant, c.project, c.assistant) = (owner, args->>'project', old);
    return jsonb_build_object('taken', false, 'bindings', bindings, 'revisions', revisions);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121001000', 'agentctl_rename');
