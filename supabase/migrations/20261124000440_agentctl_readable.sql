-- One row that is nested beyond what a program reads keeps no other row from being read.

-- The value, or one in its place that is nested as deep as is still read: deeper than any setting, so that whoever reads
-- it finds that wrong with it.
create function agentctl.readable(value jsonb) returns jsonb
language sql immutable set search_path = ''
as $$
    select case when value @? '$.**{100}' then (repeat('[', 100) || repeat(']', 100))::jsonb else value end
$$;

-- As before, with each value as it can be read.
create or replace function public.agentctl_source_rows(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    of_type text := agentctl.type_of(to_regclass(format('%I.%I', args->>'schema', args->>'table')), args->>'key');
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
            select distinct on (n.key) n.key, n.rows, to_jsonb(t) as row
            from named n join %1$I.%3$I t on t.%2$I::text = n.key and (%4$s) order by n.key
        )
        select coalesce(jsonb_agg(jsonb_build_object('key', o.key, 'rows', o.rows, 'values', (
            select coalesce(jsonb_object_agg(f.key, agentctl.readable(o.row #> array(select jsonb_array_elements_text(f.value)))), '{}')
            from jsonb_each($4) f
        )) order by o.key), '[]') from one o
    $q$, args->>'schema', args->>'key', args->>'table', wanted)
    into found using only_keys, coalesce(args->>'after', ''), (args->>'limit')::integer, args->'fields', also->>'value';
    if only_keys is null and coalesce(args->>'after', '') = '' then
        execute format('select count(*) from %1$I.%3$I t where t.%2$I is null', args->>'schema', args->>'key', args->>'table')
        into nameless;
    end if;
    return jsonb_build_object('rows', found, 'nameless', nameless);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000440', 'agentctl_readable');
