-- What is odd about one row is that row's, and what is hidden is not taken for empty.

-- As before; a number beyond all that programs count with is one that is just beyond what they do.
create or replace function agentctl.readable(value jsonb) returns jsonb
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

-- As before, of what is mapped alone.
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

-- As before, by what is told alone: the rest of a row is nobody's to read here.
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

-- As before; a name that ends like another is another, and a view may say in any way whose rights it has.
create or replace function public.agentctl_source_columns(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    place regclass := to_regclass(format('%I.%I', args->>'schema', args->>'table'));
    looked jsonb := '{}';
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
            with samples as (select to_jsonb(t) as row from %s t limit $1),
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
    select jsonb_build_object(
        'view', c.relkind not in ('r', 'p'),
        'columns', (
            select jsonb_agg(jsonb_build_object(
                'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                'writable', has_column_privilege(c.oid, a.attnum, 'update')
                    and (c.relkind in ('r', 'p') or pg_column_is_updatable(c.oid, a.attnum, false)),
                'shapes', coalesce(looked->a.attname, '[]')
            ) order by a.attnum)
            from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
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
        'reader', current_user,
        'hiding', case
            when c.relkind in ('r', 'p') then row_security_active(c.oid)
            when exists (
                select from pg_options_to_table(c.reloptions) o
                where o.option_name = 'security_invoker' and o.option_value::boolean
            ) then exists (select from agentctl.shown_by(c.oid) s where row_security_active(s))
            else false
        end
    ) into found from pg_catalog.pg_class c where c.oid = place;
    return found;
end
$$;

-- As before, and where the statement writes.
create or replace function public.agentctl_sink_content(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object(
        'version', r.version, 'conversation_id', r.conversation_id, 'values', v.said,
        'trouble', case
            when s.project is null then null
            when t.place is null then jsonb_build_object('code', '42P01')
            when t.lacking is not null then jsonb_build_object('code', '42703', 'column', t.lacking)
        end,
        'place', t.place, 'statement', agentctl.sink_statement(to_jsonb(s), t.columns, v.said is null)
    )
    from agentctl.sink_rows r
    left join agentctl.sinks s on (s.tenant, s.project, s.environment) = ('default', r.project, r.environment)
    left join lateral (
        select place, agentctl.columns_of(place) as columns, (
            select min(wanted.name) from (
                select s.key_column as name union all select m.value from jsonb_each_text(s.columns) m
            ) wanted
            where not agentctl.columns_of(place) ? wanted.name
        ) as lacking
        from to_regclass(format('%I.%I', s.schema_name, s.table_name)) place
    ) t on s.project is not null
    cross join lateral (
        select (
            select agentctl.call_values(c) from agentctl.calls c
            where c.tenant = r.tenant and c.conversation_id = r.conversation_id
        ) as said
    ) v
    where r.tenant = agentctl.tenant(args) and r.id = agentctl.id(args)
        and r.state = 'running' and r.attempt = (args->>'attempt')::integer
$$;

-- As before; a row that row-level security may hide is not taken for one that is not there.
create or replace function public.agentctl_write_sink(args jsonb) returns jsonb
language plpgsql set timezone = 'UTC' set lock_timeout = '5s'
as $$
declare
    content jsonb := public.agentctl_sink_content(args);
    code text;
    broken text;
    place text;
    touched bigint;
begin
    if content is null or content->'trouble' <> 'null' then
        return jsonb_build_object('held', content is not null, 'trouble', content->'trouble');
    end if;
    begin
        if content->>'statement' is not null then
            execute content->>'statement' using content->'values', content->>'conversation_id';
            get diagnostics touched = row_count;
            -- Not one row, and some may be hidden: nobody can tell whether it is empty.
            if touched = 0 and row_security_active((content->>'place')::regclass) then
                raise insufficient_privilege;
            end if;
        end if;
        set constraints all immediate;  -- what the product checks at the end is this row's trouble, too
        if not (
            public.agentctl_sink_written(args || jsonb_build_object('version', content->'version'))->>'held'
        )::boolean then
            raise exception using errcode = 'AG001';
        end if;
    exception
        when sqlstate 'AG001' then
            return jsonb_build_object('held', false);
        when others then
            get stacked diagnostics code = returned_sqlstate, broken = constraint_name, place = column_name;
            return jsonb_build_object('held', true, 'trouble', jsonb_build_object(
                'code', code, 'constraint', nullif(broken, ''), 'column', nullif(place, '')
            ));
    end;
    return jsonb_build_object('held', true);
end
$$;

-- As before; one that rings at nobody is still whose it was applied for last, as of an assistant that is disabled. With
-- `numbers` of these alone.
create or replace function public.agentctl_number_holders(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_object_agg(h.number, h.key), '{}')
    from (
        select n.key as number, coalesce(a.key, d.key) as key
        from agentctl.bindings n
        left join agentctl.bindings a
            on (a.tenant, a.project, a.environment, a.workspace, a.kind)
                = (n.tenant, n.project, n.environment, n.workspace, 'agent')
            and a.remote_id = n.applied->>'agent_id'
        left join lateral (
            select l.key
            from (
                select distinct on (r.key) r.key, r.spec, r.applied_at from agentctl.revisions r
                where (r.tenant, r.project, r.environment, r.workspace)
                    = (n.tenant, n.project, n.environment, n.workspace)
                order by r.key, r.revision desc
            ) l
            where a.key is null
                and l.spec @> jsonb_build_object('phone', jsonb_build_object('numbers', jsonb_build_array(n.key)))
            order by l.applied_at desc limit 1
        ) d on true
        where (n.tenant, n.project, n.environment, n.workspace, n.kind)
            = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', 'phone_number')
            and (args->'numbers' is null or args->'numbers' ? n.key)
    ) h where h.key is not null
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000460', 'agentctl_each_row');
