-- What is written back comes whatever a table's columns are called, is as long as they take it, and where one refuses it
-- that is told with the column's name. A whole row is `t.*` where it is handed to a function: `t` alone would be a column
-- of that name.

-- Of how many characters a column's values may be at most; null where that is said of none.
create function agentctl.length_of(place regclass, of_column text) returns integer
language sql stable set search_path = ''
as $$
    select nullif(m.modifier, -1) - 4
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
    cross join lateral (select case t.typtype when 'd' then t.typtypmod else a.atttypmod end as modifier) m
    where a.attrelid = place and a.attname = of_column and a.attnum > 0 and not a.attisdropped
        and coalesce(nullif(t.typbasetype, 0), t.oid) in ('pg_catalog.varchar'::regtype, 'pg_catalog.bpchar'::regtype)
$$;

-- Of the columns in `fields` the first of which the type refuses its value there: Postgres itself names none.
create function agentctl.refused_by(place regclass, fields jsonb) returns text
language plpgsql stable set search_path = ''
as $$
declare
    field record;
begin
    for field in select f.key, f.value from jsonb_each(fields) f loop
        begin
            execute format('select from jsonb_to_record($1) r (%I %s)', field.key, agentctl.type_of(place, field.key))
            using jsonb_build_object(field.key, field.value);
        exception when data_exception or integrity_constraint_violation then
            return field.key;
        end;
    end loop;
    return null;
end
$$;

-- As before. `sort` of a column: json, jsonb, or what pg_type.typcategory says; `made`: by the database itself;
-- `length`: of how many characters it may be at most.
create or replace function public.agentctl_source_columns(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    place regclass := to_regclass(format('%I.%I', args->>'schema', args->>'table'));
    looked jsonb := '{}';
    reader name := current_user;
    found jsonb;
begin
    if place is null then
        return jsonb_build_object('tables', (
            select coalesce(jsonb_agg(case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname
                order by c.relname), '[]')
            from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^(pg_|(information_schema|agentctl)$)'
                and not starts_with(c.relname, 'agentctl_')
        ));
    end if;
    if coalesce((args->>'sample')::integer, 0) > 0 then
        execute format($q$
            with samples as (select to_jsonb(t.*) as row from %s t limit $1),
            parts as (
                select f.key as at, f.value from samples s, jsonb_each(s.row) f
                union all
                select f.key || '.' || g.key, g.value from samples s, jsonb_each(s.row) f,
                    jsonb_each(case jsonb_typeof(f.value) when 'object' then f.value else '{}' end) g
            )
            select coalesce(jsonb_object_agg(p.at, p.shapes), '{}') from (
                select at, jsonb_agg(distinct case
                    when jsonb_typeof(value) <> 'string' then jsonb_typeof(value)
                    when value #>> '{}' ~ '^\s*$' then 'blank'
                    when value #>> '{}' ~ '^\+[1-9][0-9 ()/.-]{6,20}$' then 'telephone'
                    when value #>> '{}' ~ '^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$' then 'address'
                    when value #>> '{}' ~ '^[a-z]{2}(-[A-Za-z]{2})?$' then 'language'
                    when value #>> '{}' ~ '^[a-z0-9][a-z0-9_-]{0,62}$' then 'key'
                    when length(value #>> '{}') > 200 then 'long'
                    else 'string' end) as shapes
                from parts where jsonb_typeof(value) <> 'null' group by at
            ) p
        $q$, place) into looked using (args->>'sample')::integer;
    end if;
    -- What a view shows it reads as its owner, unless it says otherwise.
    select pg_catalog.pg_get_userbyid(c.relowner) into reader from pg_catalog.pg_class c
    where c.oid = place and c.relkind not in ('r', 'p', 'f') and not exists (
        select from pg_catalog.pg_options_to_table(c.reloptions) o
        where o.option_name = 'security_invoker' and o.option_value::boolean
    );
    reader := coalesce(reader, current_user);
    select jsonb_build_object(
        'view', c.relkind not in ('r', 'p'),
        'columns', (
            select jsonb_agg(jsonb_build_object(
                'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                'writable', has_column_privilege(c.oid, a.attnum, 'update')
                    and (c.relkind in ('r', 'p') or pg_column_is_updatable(c.oid, a.attnum, false)),
                'shapes', coalesce(looked->a.attname, '[]'),
                'sort', case when b.typname in ('json', 'jsonb') then b.typname else b.typcategory::text end,
                'required', a.attnotnull or t.typnotnull,
                'made', a.attgenerated <> '' or a.attidentity = 'a',
                'length', agentctl.length_of(c.oid, a.attname)
            ) order by a.attnum)
            from pg_catalog.pg_attribute a
            join pg_catalog.pg_type t on t.oid = a.atttypid
            join pg_catalog.pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        ),
        'within', (
            select coalesce(jsonb_object_agg(l.key, l.value), '{}') from jsonb_each(looked) l
            where not exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = l.key)
        ),
        'key', (
            select coalesce(jsonb_agg(a.attname order by a.attnum), '[]')
            from pg_catalog.pg_index i join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
            where i.indrelid = c.oid and i.indisprimary
        ),
        'watched', exists (
            select from pg_catalog.pg_trigger g
            join pg_catalog.pg_proc p on p.oid = g.tgfoid join pg_catalog.pg_namespace n on n.oid = p.pronamespace
            where g.tgrelid in (select agentctl.shown_by(c.oid)) and not g.tgisinternal and g.tgenabled <> 'D'
                and n.nspname = 'agentctl' and p.proname = 'watched' and (c.relkind not in ('r', 'p') or not exists (
                    select from jsonb_array_elements_text(coalesce(nullif(args->'watching', 'null'), '[]')) w
                    where position('\x00'::bytea || convert_to(w.value, 'UTF8') || '\x00'::bytea in '\x00'::bytea || g.tgargs) = 0
                ))
        ),
        'unique', (
            select coalesce(jsonb_agg(distinct a.attname), '[]')
            from pg_catalog.pg_index i join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
            where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indnkeyatts = 1 and i.indpred is null
        ),
        'reader', quote_ident(reader),
        'hiding', exists (select from agentctl.shown_by(c.oid) s where agentctl.hides(s, reader)),
        'open', agentctl.open_to_users(c.oid)
    ) into found from pg_catalog.pg_class c where c.oid = place;
    return found;
end
$$;

-- As before. An error is cut to the length of its column. `trouble`: why nothing was written, by SQLSTATE and names, which
-- quote nobody; the log has what else Postgres said.
create or replace function public.agentctl_report_synced(args jsonb) returns jsonb
language plpgsql set timezone = 'UTC'
as $$
declare
    place regclass := to_regclass(format('%I.%I', args->>'schema', args->>'table'));
    places text[] := array(select quote_ident(value) from jsonb_each_text(args->'columns') order by key);
    longest integer := agentctl.length_of(place, args->'columns'->>'error');
    of_type text;
    own text;
    keys text[];
    given jsonb;
    code text;
    words text;
    broken text;
    elsewhere text;
    at_column text;
    written bigint;
begin
    if cardinality(places) = 0 then
        return jsonb_build_object('written', 0);
    end if;
    select o.own, o.of_type into own, of_type from agentctl.ordered(place, args->>'key') o;
    keys := agentctl.castable(array(select one->>'key' from jsonb_array_elements(args->'rows') one), of_type);
    select jsonb_agg(jsonb_build_object('key', one.value->'key', 'fields', (
        select coalesce(jsonb_object_agg(c.value, case c.key
            when 'synced_at' then to_jsonb(now())
            when 'error' then to_jsonb(left(one.value->>'error', coalesce(longest, length(one.value->>'error'))))
            else one.value->c.key
        end), '{}')
        from jsonb_each_text(args->'columns') c where one.value ? c.key
    ))) into given from jsonb_array_elements(args->'rows') one;
    begin
        execute format($q$
            update %1$I.%2$I t set (%4$s) = (select %5$s from jsonb_populate_record(t.*, told.value->'fields') r)
            from jsonb_array_elements($1) told (value)
            where %8$s = any ($2::%6$s[]) and t.%3$I::text = told.value->>'key' and exists (
                select from jsonb_populate_record(t.*, told.value->'fields') r where (%7$s) is distinct from (%5$s)
            )
        $q$, args->>'schema', args->>'table', args->>'key', array_to_string(places, ', '),
            (select string_agg('r.' || one, ', ') from unnest(places) one), of_type,
            (select string_agg('t.' || one, ', ') from unnest(places) one), own)
        using given, keys;
        get diagnostics written = row_count;
    exception
        when insufficient_privilege then
            raise;
        when data_exception or integrity_constraint_violation or syntax_error_or_access_rule_violation then
            get stacked diagnostics code = returned_sqlstate, words = message_text, broken = constraint_name,
                elsewhere = table_name, at_column = column_name;
            raise log 'agentctl: % refused what is written back (%): %', place, code, words;
            return jsonb_build_object('written', 0, 'trouble', jsonb_build_object(
                'code', code, 'constraint', nullif(broken, ''),
                'table', nullif(nullif(elsewhere, ''), args->>'table'),
                'column', coalesce(nullif(at_column, ''), agentctl.refused_by(place, given->0->'fields'))
            ));
    end;
    if args->>'project' is not null then
        perform agentctl.synced_otherwise(args->>'project', args->>'environment', array(
            select one->>'key' from jsonb_array_elements(args->'rows') one where one ? 'synced_at'
        ));
    end if;
    reset all;
    return jsonb_build_object('written', written);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261130000400', 'agentctl_written_back');
