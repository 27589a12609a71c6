-- A column that refers to another table may say whose a row is, whatever it is called.

-- By column of a table, or of the tables that a view shows: to which table it refers by itself.
create function public.agentctl_source_references(args jsonb) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_object_agg(a.attname, k.confrelid::regclass), '{}')
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    where k.contype = 'f' and cardinality(k.conkey) = 1
        and k.conrelid in (select agentctl.shown_by(to_regclass(format('%I.%I', args->>'schema', args->>'table'))))
$$;
comment on function public.agentctl_source_references(jsonb) is
    'By column of a source, the table that it refers to.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000650', 'agentctl_referring');
