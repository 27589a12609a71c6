-- One row of a product's table is found by its index, however many there are: keys are compared as what their column is,
-- and as texts only to make sure.

-- Those of `texts` that can be a value of that type at all.
create function agentctl.castable(texts text[], type text) returns text[]
language plpgsql stable set search_path = ''
as $$
declare
    one text;
    found text[] := '{}';
begin
    begin
        execute format('select $1::%s[]', type) using texts;
        return texts;
    exception when data_exception or integrity_constraint_violation then
        null;  -- one by one, then
    end;
    foreach one in array texts loop
        begin
            execute format('select $1::%s', type) using one;
            found := found || one;
        exception when data_exception or integrity_constraint_violation then
            null;
        end;
    end loop;
    return found;
end
$$;

-- With its width: without it a value of character(8) is cut to its first letter.
create function agentctl.type_of(place regclass, of_column text) returns text
language sql stable set search_path = ''
as $$
    select coalesce((
        select format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a
        where a.attrelid = place and a.attname = of_column and a.attnum > 0 and not a.attisdropped
    ), 'text')
$$;

-- The value, or one in its place that shows what is wrong with it: nested as deep as is still read and deeper than any
-- setting, or a number just beyond what programs count with.
create function agentctl.readable(value jsonb) returns jsonb
language sql immutable set search_path = ''
as $$
    select case
        when value @? '$.**{100}' then (repeat('[', 100) || repeat(']', 100))::jsonb
        when value @? '$.** ? (@ > 1e300 || @ < -1e300)' then '73786976294838206464'::jsonb
        else value
    end
$$;

-- The columns that a mapping names, as pairs of name and value. Of one of type json, whose text is anything at all, a
-- character that jsonb does not hold becomes one that it does.
create function agentctl.mapped(place regclass, fields jsonb) returns text
language sql stable set search_path = ''
as $$
    select string_agg(format(
        case when a.atttypid = 'pg_catalog.json'::regtype
            then $q$%L, replace(t.%I::text, '\u0000', '\ufffd')::jsonb$q$ else '%L, to_jsonb(t.%I)' end,
        a.attname, a.attname
    ), ', ')
    from pg_catalog.pg_attribute a
    where a.attrelid = place and a.attnum > 0 and not a.attisdropped
        and a.attname in (select f.value->>0 from jsonb_each(fields) f)
$$;

-- As before, of what is mapped alone, and without a look at any other row where `only` says which.
create or replace function public.agentctl_source_rows(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    place regclass := to_regclass(format('%I.%I', args->>'schema', args->>'table'));
    of_type text := agentctl.type_of(place, args->>'key');
    only_keys text[] := case jsonb_typeof(args->'only') when 'array' then
        agentctl.castable(array(select jsonb_array_elements_text(args->'only')), of_type) end;
    also jsonb := nullif(args->'also', 'null');
    wanted text := 'true';
    found jsonb;
    nameless bigint := 0;
begin
    if only_keys is not null then
        wanted := format('(t.%1$I = any ($1::%2$s[]) and t.%1$I::text = any ($1))', args->>'key', of_type)
            || case when also is null then '' else format(' or t.%I::text = $5', also->>'column') end;
    end if;
    execute format($q$
        with named as (
            select t.%2$I::text collate "C" as key, count(*) as rows from %1$I.%3$I t
            where t.%2$I is not null and t.%2$I::text collate "C" > $2 and (%4$s)
            group by 1 order by 1 limit $3
        ), one as (
            select distinct on (n.key) n.key, n.rows, jsonb_build_object(%5$s) as row
            from named n join %1$I.%3$I t on t.%2$I::text = n.key and (%4$s) order by n.key
        )
        select coalesce(jsonb_agg(jsonb_build_object('key', o.key, 'rows', o.rows, 'values', (
            select coalesce(jsonb_object_agg(f.key, agentctl.readable(o.row #> array(select jsonb_array_elements_text(f.value)))), '{}')
            from jsonb_each($4) f
        )) order by o.key), '[]') from one o
    $q$, args->>'schema', args->>'key', args->>'table', wanted, agentctl.mapped(place, args->'fields'))
    into found using only_keys, coalesce(args->>'after', ''), (args->>'limit')::integer, args->'fields', also->>'value';
    if only_keys is null and coalesce(args->>'after', '') = '' then
        execute format('select count(*) from %1$I.%3$I t where t.%2$I is null', args->>'schema', args->>'key', args->>'table')
        into nameless;
    end if;
    return jsonb_build_object('rows', found, 'nameless', nameless);
end
$$;

-- As before, of those rows and by what is told alone: the rest of a row is nobody's to read here.
create or replace function public.agentctl_report_synced(args jsonb) returns jsonb
language plpgsql set timezone = 'UTC'
as $$
declare
    places text[] := array(select quote_ident(value) from jsonb_each_text(args->'columns') order by key);
    of_type text := agentctl.type_of(to_regclass(format('%I.%I', args->>'schema', args->>'table')), args->>'key');
    keys text[] := agentctl.castable(array(select one->>'key' from jsonb_array_elements(args->'rows') one), of_type);
    written bigint;
begin
    if cardinality(places) = 0 then
        return jsonb_build_object('written', 0);
    end if;
    execute format($q$
        with told as (
            select one.value->>'key' as key, (
                select jsonb_object_agg(c.value, case c.key when 'synced_at' then to_jsonb(now()) else one.value->c.key end)
                from jsonb_each_text($2) c where one.value ? c.key
            ) as fields
            from jsonb_array_elements($1) one
        )
        update %1$I.%2$I t set (%4$s) = (select %5$s from jsonb_populate_record(t, told.fields) r)
        from told
        where t.%3$I = any ($3::%6$s[]) and t.%3$I::text = told.key
            and exists (select from jsonb_populate_record(t, told.fields) r where (%7$s) is distinct from (%5$s))
    $q$, args->>'schema', args->>'table', args->>'key', array_to_string(places, ', '),
        (select string_agg('r.' || place, ', ') from unnest(places) place), of_type,
        (select string_agg('t.' || place, ', ') from unnest(places) place))
    using args->'rows', args->'columns', keys;
    get diagnostics written = row_count;
    if args->>'project' is not null then
        perform agentctl.synced_otherwise(args->>'project', args->>'environment', array(
            select one->>'key' from jsonb_array_elements(args->'rows') one where one ? 'synced_at'
        ));
    end if;
    return jsonb_build_object('written', written);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000300', 'agentctl_row_alone');
