-- A path of a mapping that leads through what cannot hold anything is told: a text where an object was would read as if
-- nothing was said, and what the agent knows would be taken from it. And a page of rows is a range of the key's index.

-- Where on that path something lies that nothing can lie in, and of what type it is; null where the way is free, be it
-- that it ends early. A number on a path leads into a list.
create function agentctl.astray(value jsonb, path text[]) returns jsonb
language sql immutable set search_path = ''
as $$
    select jsonb_build_object('at', array_to_string(path[:step], '.'), 'type', jsonb_typeof(value #> path[:step]))
    from generate_series(1, cardinality(path) - 1) step
    where case jsonb_typeof(value #> path[:step])
        when 'object' then false
        when 'array' then path[step + 1] !~ '^-?[0-9]+$'
        else jsonb_typeof(value #> path[:step]) <> 'null'
    end
    order by step limit 1
$$;

-- As before, in the order that the key's own type has, where texts that are equal as such come one after another: `after`
-- is the last key of the page before. `astray`: what of `fields` cannot be read, since something is in its way.
create or replace function public.agentctl_source_rows(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    place regclass := to_regclass(format('%I.%I', args->>'schema', args->>'table'));
    of_type text := agentctl.type_of(place, args->>'key');
    last_key text := nullif(args->>'after', '');
    only_keys text[] := case jsonb_typeof(args->'only') when 'array' then
        agentctl.castable(array(select jsonb_array_elements_text(args->'only')), of_type) end;
    also jsonb := nullif(args->'also', 'null');
    wanted text := 'true';
    further text := 'true';
    found jsonb;
    nameless bigint := 0;
begin
    if only_keys is not null then
        wanted := format('(t.%1$I = any ($1::%2$s[]) and t.%1$I::text = any ($1))', args->>'key', of_type)
            || case when also is null then '' else format(' or t.%I::text = $5', also->>'column') end;
    end if;
    if last_key is not null then
        further := format('t.%1$I >= $2::%2$s and (t.%1$I > $2::%2$s or t.%1$I::text collate "C" > $2)', args->>'key', of_type);
    end if;
    execute format($q$
        with named as (
            select t.%2$I as own, t.%2$I::text collate "C" as key, count(*) as rows from %1$I.%3$I t
            where t.%2$I is not null and t.%2$I::text <> '' and %6$s and (%4$s)
            group by 1, 2 order by 1, 2 limit $3
        ), one as (
            select distinct on (n.own, n.key) n.own, n.key, n.rows, jsonb_build_object(%5$s) as row
            from named n join %1$I.%3$I t on t.%2$I = n.own and t.%2$I::text = n.key and (%4$s) order by n.own, n.key
        )
        select coalesce(jsonb_agg(jsonb_build_object('key', o.key, 'rows', o.rows, 'values', (
            select coalesce(jsonb_object_agg(f.key, agentctl.readable(o.row #> array(select jsonb_array_elements_text(f.value)))), '{}')
            from jsonb_each($4) f
        ), 'astray', (
            select coalesce(jsonb_object_agg(f.key, w.way) filter (where w.way is not null), '{}')
            from jsonb_each($4) f, agentctl.astray(o.row, array(select jsonb_array_elements_text(f.value))) w (way)
            where jsonb_array_length(f.value) > 1
        )) order by o.own, o.key), '[]') from one o
    $q$, args->>'schema', args->>'key', args->>'table', wanted, agentctl.mapped(place, args->'fields'), further)
    into found using only_keys, last_key, (args->>'limit')::integer, args->'fields', also->>'value';
    if only_keys is null and last_key is null then
        execute format('select count(*) from %1$I.%3$I t where t.%2$I is null', args->>'schema', args->>'key', args->>'table')
        into nameless;
    end if;
    return jsonb_build_object('rows', found, 'nameless', nameless);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000350', 'agentctl_ways_and_pages');
