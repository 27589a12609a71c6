-- Rows of a table as source, and changes of it that flow by themselves: what the one has to know of the other.

-- As before; with `also`, a `column` and a `value`, besides those of `only` the rows in which it has that value.
create or replace function public.agentctl_source_rows(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    only_keys text[] := case jsonb_typeof(args->'only') when 'array' then array(select jsonb_array_elements_text(args->'only')) end;
    also jsonb := nullif(args->'also', 'null');
    found jsonb;
    nameless bigint := 0;
begin
    execute format($q$
        with named as (
            select t.%2$I::text collate "C" as key, count(*) as rows from %1$I.%3$I t
            where t.%2$I is not null and t.%2$I::text collate "C" > $2
                and ($1 is null or t.%2$I::text = any($1) or t.%4$I::text = $5)
            group by 1 order by 1 limit $3
        ), one as (
            select distinct on (n.key) n.key, n.rows, to_jsonb(t) as row
            from named n join %1$I.%3$I t on t.%2$I::text = n.key order by n.key
        )
        select coalesce(jsonb_agg(jsonb_build_object('key', o.key, 'rows', o.rows, 'values', (
            select coalesce(jsonb_object_agg(f.key, o.row #> array(select jsonb_array_elements_text(f.value))), '{}')
            from jsonb_each($4) f
        )) order by o.key), '[]') from one o
    $q$, args->>'schema', args->>'key', args->>'table', coalesce(also->>'column', args->>'key'))
    into found using only_keys, coalesce(args->>'after', ''), (args->>'limit')::integer, args->'fields', also->>'value';
    if only_keys is null and coalesce(args->>'after', '') = '' then
        execute format('select count(*) from %1$I.%3$I t where t.%2$I is null', args->>'schema', args->>'key', args->>'table')
        into nameless;
    end if;
    return jsonb_build_object('rows', found, 'nameless', nameless);
end
$$;

-- As before; with `keys` and `ids` only of those keys, and who is bound to those ids.
create or replace function public.agentctl_bound_ids(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_object_agg(b.key, b.remote_id), '{}')
    from agentctl.bindings b
    where (b.tenant, b.project, b.environment, b.workspace, b.kind)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'kind')
        and (args->'keys' is null or args->'keys' ? b.key or args->'ids' ? b.remote_id)
$$;

-- Where the assistant was declared when it was applied last, in the words of its source; null where nobody knows.
create function public.agentctl_last_declared(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object('where', (
        select r.spec->>'where' from agentctl.revisions r
        where (r.tenant, r.project, r.environment, r.workspace, r.key)
            = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'key')
        order by r.revision desc limit 1
    ))
$$;

-- Jobs that were given up, or that wait for a person, have nothing left to do once another sync has done it.
create function agentctl.synced_otherwise(of_project text, of_environment text, keys text[]) returns void
language sql security definer set search_path = ''
as $$
    update agentctl.sync_jobs j set state = 'done', failures = 0, blameless = 0, error = null, finished_at = now()
    where (j.project, j.environment) = (of_project, of_environment) and j.key = any (keys) and j.state in ('held', 'dead')
$$;

-- As before; with `project` and `environment`, what was told to be synced ends its jobs there.
-- With its caller's search_path: triggers of the product's table run inside of it.
create or replace function public.agentctl_report_synced(args jsonb) returns jsonb
language plpgsql set timezone = 'UTC'
as $$
declare
    places text[] := array(select quote_ident(value) from jsonb_each_text(args->'columns') order by key);
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
        where t.%3$I::text = told.key and to_jsonb(t) is distinct from to_jsonb(jsonb_populate_record(t, told.fields))
    $q$, args->>'schema', args->>'table', args->>'key', array_to_string(places, ', '),
        (select string_agg('r.' || place, ', ') from unnest(places) place))
    using args->'rows', args->'columns';
    get diagnostics written = row_count;
    if args->>'project' is not null then
        perform agentctl.synced_otherwise(args->>'project', args->>'environment', array(
            select one->>'key' from jsonb_array_elements(args->'rows') one where one ? 'synced_at'
        ));
    end if;
    return jsonb_build_object('written', written);
end
$$;

-- Whether changes of exactly these columns are noted, by each of the three triggers.
create function agentctl.is_watched(
    watched regclass, key text, columns text[], tenant text, project text, environment text
) returns boolean
language sql stable set search_path = ''
as $$
    select count(*) = 3
    from pg_catalog.pg_trigger t
    join unnest(array['insert', 'update', 'delete']) verb on t.tgname = agentctl.watch_name(project, environment, verb)
    where t.tgrelid = watched and t.tgenabled <> 'D' and t.tgargs = (
        select string_agg(convert_to(g.given, 'UTF8') || '\x00'::bytea, '' order by g.place)
        from unnest(array[project, environment, key, coalesce(tenant, '')] || columns) with ordinality g (given, place)
    )
$$;

-- Other tables that are watched for the same, and that were its source: what came of their rows was written into them.
create function agentctl.watched_formerly(watched regclass, project text, environment text) returns setof regclass
language sql stable set search_path = ''
as $$
    select distinct t.tgrelid::regclass
    from pg_catalog.pg_trigger t
    join unnest(array['insert', 'update', 'delete']) verb on t.tgname = agentctl.watch_name(project, environment, verb)
    where t.tgrelid <> watched and exists (
        select from pg_catalog.pg_attribute a where a.attrelid = t.tgrelid and a.attname = 'elevenlabs_sync_error'
    )
$$;

-- As before; what is watched already as it is to be is not watched again, and a former source no longer.
create or replace function public.agentctl_adopt_source(args jsonb) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' set lock_timeout = '5s'
as $$
declare
    place text := format('%I.%I', args->>'schema', args->>'table');
    statements text[] := '{}';
    statement text;
    columns text[];
    of_project text := coalesce(args->>'project', '');
    of_environment text := coalesce(args->>'environment', '');
begin
    select array[format(e'alter table %s\n    %s;', place, string_agg(
        format('add column if not exists %I %s', l.key, case l.value when 'timestamptz' then l.value else 'text' end),
        e',\n    ' order by l.key))]
    into statements from jsonb_each_text(args->'lacking') l having count(*) > 0;
    statements := coalesce(statements, '{}');
    if jsonb_typeof(args->'watched') = 'array' then
        columns := array(
            select w.name from jsonb_array_elements_text(args->'watched') with ordinality w (name, place) order by w.place
        );
        statements := statements || array(
            select format('select agentctl.unwatch(%L, project => %L, environment => %L);', f.relation, of_project, of_environment)
            from agentctl.watched_formerly(to_regclass(place), of_project, of_environment) f (relation)
        );
        if not agentctl.is_watched(to_regclass(place), args->>'key', columns, args->>'tenant', of_project, of_environment) then
            statements := statements || format('select agentctl.watch(%L, %L, array[%s]%s);', place, args->>'key', (
                select string_agg(quote_literal(w.name), ', ' order by w.place) from unnest(columns) with ordinality w (name, place)
            ), (
                select string_agg(format(', %I => %L', g.name, args->>g.name), '' order by g.place)
                from unnest(array['tenant', 'project', 'environment']) with ordinality g (name, place)
                where args->>g.name is not null
            ));
        end if;
    end if;
    if (args->>'apply')::boolean then
        foreach statement in array statements loop
            execute statement;
        end loop;
        perform pg_catalog.pg_notify('pgrst', 'reload schema');
    end if;
    return jsonb_build_object('statements', to_jsonb(statements));
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000950', 'agentctl_row_flow');
