-- Whoever may not read a source table, or not write back into it, is told by which grants it could.

-- What its caller lacks, by the catalogue alone: `read`, the grants without which no row is seen, and `write`, the one
-- for those of `columns` that are there, can be written, and are not its to write. The roles are quoted.
create function public.agentctl_source_rights(args jsonb) returns jsonb
language sql stable set search_path = ''
as $$
    select jsonb_build_object(
        'caller', quote_ident(current_user),
        'read', to_jsonb(array_remove(array[
            case when not has_schema_privilege(n.oid, 'usage') then
                format('grant usage on schema %I to %I;', n.nspname, current_user) end,
            case when not has_table_privilege(c.oid, 'select') then
                format('grant select on %I.%I to %I;', n.nspname, c.relname, current_user) end
        ], null)),
        'columns', to_jsonb(coalesce(w.names, '{}')),
        'write', format('grant update (%s) on %I.%I to %I;', w.quoted, n.nspname, c.relname, current_user)
    )
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
        select array_agg(a.attname::text order by a.attname) as names,
            string_agg(quote_ident(a.attname), ', ' order by a.attname) as quoted
        from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and a.attname in (select jsonb_array_elements_text(coalesce(args->'columns', '[]')))
            and not has_column_privilege(c.oid, a.attnum, 'update')
            and (c.relkind in ('r', 'p') or pg_column_is_updatable(c.oid, a.attnum, false))
    ) w
    where n.nspname = args->>'schema' and c.relname = args->>'table' and c.relkind in ('r', 'p', 'v', 'm', 'f')
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000400', 'agentctl_source_rights');
