-- A sink holds what was said to all tenants: who may read all of it is told.

-- As before. `readers`: of the roles that a public key and a signed-in user have, those that no row-level security keeps
-- from reading it.
create or replace function public.agentctl_sink_columns(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    place regclass := to_regclass(format('%I.%I', args->>'schema_name', args->>'table_name'));
    -- This runs as its owner; rows are written by whoever called it.
    caller name := coalesce(nullif(current_setting('role'), 'none'), session_user);
begin
    return jsonb_build_object(
        'columns', agentctl.columns_of(place),
        'is_table', (select c.relkind in ('r', 'p') from pg_catalog.pg_class c where c.oid = place),
        'writable', has_table_privilege(caller, place, 'select') and has_table_privilege(caller, place, 'insert')
            and has_table_privilege(caller, place, 'update'),
        'caller', caller,
        'hiding', coalesce(agentctl.hides(place, caller), false),
        'readers', (
            select coalesce(jsonb_agg(r.rolname order by r.rolname), '[]')
            from pg_catalog.pg_class c join pg_catalog.pg_roles r on r.rolname in ('anon', 'authenticated')
            where c.oid = place and not c.relrowsecurity
                and pg_catalog.has_schema_privilege(r.oid, c.relnamespace, 'usage')
                and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select')
        ),
        'tables', (
            select coalesce(jsonb_agg(c.relname order by c.relname), '[]')
            from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where place is null and n.nspname = args->>'schema_name' and c.relkind in ('r', 'p')
                and not starts_with(c.relname, 'agentctl_')
        )
    );
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000530', 'agentctl_open_sink');
