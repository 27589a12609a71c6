-- A key of a type that has no order, such as json, kept a whole table from being read; it is ordered by its text.

-- A key column, `t` being its table, as what its values are compared and ordered by; and of what type that is.
create function agentctl.ordered(place regclass, of_column text, out own text, out of_type text)
language plpgsql stable set search_path = ''
as $$
begin
    own := format('t.%I', of_column);
    of_type := agentctl.type_of(place, of_column);
    execute format('select from (select null::%s as key) k order by k.key', of_type);
exception when undefined_function then
    own := format('t.%I::text collate "C"', of_column);
    of_type := 'text';
end
$$;

-- Both as before, with such keys.
create or replace function public.agentctl_source_rows(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    place regclass := to_regclass(format('%I.%I', args->>'schema', args->>'table'));
    of_type text;
    own text;
    last_key text := nullif(args->>'after', '');
    only_keys text[];
    also jsonb := nullif(args->'also', 'null');
    wanted text := 'true';
    further text := 'true';
    found jsonb;
    nameless bigint := 0;
begin
    select o.own, o.of_type into own, of_type from agentctl.ordered(place, args->>'key') o;
    if jsonb_typeof(args->'only') = 'array' then
        only_keys := agentctl.castable(array(select jsonb_array_elements_text(args->'only')), of_type);
    end if;
    if only_keys is not null then
        wanted := format('(%3$s = any ($1::%2$s[]) and t.%1$I::text = any ($1))', args->>'key', of_type, own)
            || case when also is null then '' else format(' or t.%I::text = $5', also->>'column') end;
    end if;
    if last_key is not null then
        further := format(
            '%3$s >= $2::%2$s and (%3$s > $2::%2$s or t.%1$I::text collate "C" > $2)', args->>'key', of_type, own
        );
    end if;
    execute format($q$
        with named as (
            select %7$s as own, t.%2$I::text collate "C" as key, count(*) as rows from %1$I.%3$I t
            where t.%2$I is not null and t.%2$I::text <> '' and %6$s and (%4$s)
            group by 1, 2 order by 1, 2 limit $3
        ), one as (
            select distinct on (n.own, n.key) n.own, n.key, n.rows, jsonb_build_object(%5$s) as row
            from named n join %1$I.%3$I t on %7$s = n.own and t.%2$I::text = n.key and (%4$s) order by n.own, n.key
        )
        select coalesce(jsonb_agg(jsonb_build_object('key', o.key, 'rows', o.rows, 'values', (
            select coalesce(jsonb_object_agg(f.key, agentctl.readable(o.row #> array(select jsonb_array_elements_text(f.value)))), '{}')
            from jsonb_each($4) f
        ), 'astray', (
            select coalesce(jsonb_object_agg(f.key, w.way) filter (where w.way is not null), '{}')
            from jsonb_each($4) f, agentctl.astray(o.row, array(select jsonb_array_elements_text(f.value))) w (way)
            where jsonb_array_length(f.value) > 1
        )) order by o.own, o.key), '[]') from one o
    $q$, args->>'schema', args->>'key', args->>'table', wanted, agentctl.mapped(place, args->'fields'), further, own)
    into found using only_keys, last_key, (args->>'limit')::integer, args->'fields', also->>'value';
    if only_keys is null and last_key is null then
        execute format('select count(*) from %1$I.%3$I t where t.%2$I is null', args->>'schema', args->>'key', args->>'table')
        into nameless;
    end if;
    return jsonb_build_object('rows', found, 'nameless', nameless);
end
$$;

create or replace function public.agentctl_report_synced(args jsonb) returns jsonb
language plpgsql set timezone = 'UTC'
as $$
declare
    places text[] := array(select quote_ident(value) from jsonb_each_text(args->'columns') order by key);
    of_type text;
    own text;
    keys text[];
    written bigint;
begin
    if cardinality(places) = 0 then
        return jsonb_build_object('written', 0);
    end if;
    select o.own, o.of_type into own, of_type
    from agentctl.ordered(to_regclass(format('%I.%I', args->>'schema', args->>'table')), args->>'key') o;
    keys := agentctl.castable(array(select one->>'key' from jsonb_array_elements(args->'rows') one), of_type);
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
        where %8$s = any ($3::%6$s[]) and t.%3$I::text = told.key
            and exists (select from jsonb_populate_record(t, told.fields) r where (%7$s) is distinct from (%5$s))
    $q$, args->>'schema', args->>'table', args->>'key', array_to_string(places, ', '),
        (select string_agg('r.' || place, ', ') from unnest(places) place), of_type,
        (select string_agg('t.' || place, ', ') from unnest(places) place), own)
    using args->'rows', args->'columns', keys;
    get diagnostics written = row_count;
    if args->>'project' is not null then
        perform agentctl.synced_otherwise(args->>'project', args->>'environment', array(
            select one->>'key' from jsonb_array_elements(args->'rows') one where one ? 'synced_at'
        ));
    end if;
    reset all;
    return jsonb_build_object('written', written);
end
$$;

comment on column agentctl.marked_each.tenant is
    'Added by a restore of marks alone; all can go once ElevenLabs has nothing that old.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000510', 'agentctl_keys_without_order');
