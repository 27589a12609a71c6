-- What a table takes and does not keep, since a trigger or a rule of it leaves a row out, is no row written; and what such a
-- trigger sets for its session is gone with it.

-- Each column of the product that is mapped: `said`, how its value is taken out of a call, `nothing`, what it has once that
-- is erased; null where it keeps what it has.
create function agentctl.sink_mapped(sink jsonb, columns jsonb)
returns table (name text, "column" text, type text, said text, nothing text)
language sql immutable set search_path = ''
as $$
    select m.key, m.value, c.value->>'type', case
            when c.value->>'sort' like 'json%' then format('$1->%L', m.key)
            else format('($1->>%L)::%s', m.key, case c.value->>'sort'
                when 'N' then 'numeric' when 'B' then 'boolean' when 'D' then 'timestamptz' else 'text' end)
        end, case
            when not (c.value->>'required')::boolean then 'null'
            when c.value->>'sort' like 'json%' then '''[]'''
            else case c.value->>'sort'
                when 'S' then '''''' when 'N' then '0' when 'B' then 'false' when 'D' then '''epoch''' end
        end
    from jsonb_each_text(sink->'columns') m join jsonb_each(columns) c on c.key = m.value
$$;

-- Whether the row t is the tenant's, $3, as agentctl.holds_sink_row tells.
create function agentctl.sink_guard(sink jsonb, columns jsonb, erased boolean) returns text
language sql immutable set search_path = ''
as $$
    select format('agentctl.holds_sink_row($3, $2, %s, %L)', case
        when m."column" is null then 'null'
        when not erased then format('t.%1$I = excluded.%1$I', m."column")
        when columns->m."column"->>'sort' = 'uuid' then format(
            'replace(t.%I::text, ''-'', '''') = lower(translate($3, ''{}-'', ''''))', m."column")
        else format('t.%I::text = $3', m."column")
    end, erased)
    from (select) one left join agentctl.sink_mapped(sink, columns) m on m.name = 'tenant'
$$;

-- As before.
create or replace function agentctl.sink_statement(sink jsonb, columns jsonb, erased boolean) returns text
language sql immutable set search_path = ''
as $$
    select case when erased then 'update ' || format('%I.%I', sink->>'schema_name', sink->>'table_name') || ' t set '
            || string_agg(format('%I = %s', m."column", m.nothing), ', ')
                filter (where m.name <> 'tenant' and m.nothing is not null)
            || format(' where t.%I = $2 and %s', sink->>'key_column', min(g.ours))
        else format(
            'insert into %I.%I as t (%I, %s) values ($2, %s) on conflict (%I) do update set %s where %s',
            sink->>'schema_name', sink->>'table_name', sink->>'key_column',
            string_agg(quote_ident(m."column"), ', '),
            string_agg(format('(%s)::%s', m.said, m.type), ', '), sink->>'key_column',
            string_agg(format('%1$I = excluded.%1$I', m."column"), ', '), min(g.ours)
        ) end
    from agentctl.sink_mapped(sink, columns) m cross join agentctl.sink_guard(sink, columns, erased) g (ours)
$$;

-- Whether no row of the call has to be written any more: it stands there as a call of these values has it, or has nothing
-- that is to be erased. As texts, since not every type can be compared.
create function agentctl.sink_standing(sink jsonb, columns jsonb, erased boolean) returns text
language sql immutable set search_path = ''
as $$
    select format('select %sexists (select from %I.%I t where t.%I = $2 and (%s)%s)',
        case when erased then 'not ' else '' end, sink->>'schema_name', sink->>'table_name', sink->>'key_column',
        case when erased then string_agg(format('t.%I::text is distinct from (%s)::%s::text', m."column", m.nothing, m.type), ' or ')
                filter (where m.name <> 'tenant' and m.nothing is not null)
            else string_agg(format('t.%I::text is not distinct from (%s)::%s::text', m."column", m.said, m.type), ' and ')
        end, case when erased then ' and ' || min(g.ours) else '' end)
    from agentctl.sink_mapped(sink, columns) m cross join agentctl.sink_guard(sink, columns, erased) g (ours)
$$;

-- As before, and how it is told that it stands there.
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
        'place', t.place, 'statement', agentctl.sink_statement(to_jsonb(s), t.columns, v.said is null),
        'standing', agentctl.sink_standing(to_jsonb(s), t.columns, v.said is null)
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


-- As before; a row that was left out is told of, and a setting of the session ends with the row.
create or replace function public.agentctl_write_sink(args jsonb) returns jsonb
language plpgsql set timezone = 'UTC' set lock_timeout = '5s'
as $$
declare
    content jsonb := public.agentctl_sink_content(args);
    code text;
    broken text;
    place text;
    touched bigint;
    stands boolean;
begin
    if content is null or content->'trouble' <> 'null' then
        return jsonb_build_object('held', content is not null, 'trouble', content->'trouble');
    end if;
    begin
        if content->>'statement' is not null then
            execute content->>'statement'
                using content->'values', content->>'conversation_id', agentctl.tenant(args);
            get diagnostics touched = row_count;
            -- Not one row, and some may be hidden: nobody can tell whether it is empty.
            if touched = 0 and row_security_active((content->>'place')::regclass) then
                raise insufficient_privilege;
            end if;
            -- What stands there as it is to be may be left out, as suppress_redundant_updates_trigger() does.
            if touched = 0 then
                execute content->>'standing' into stands
                    using content->'values', content->>'conversation_id', agentctl.tenant(args);
                if not stands then
                    raise exception using errcode = 'AG003';
                end if;
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
    reset all;  -- what a trigger of the product has set, for as long as the connection would last
    return jsonb_build_object('held', true);
end
$$;


-- As before, with the same end of settings.
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
    reset all;
    return jsonb_build_object('written', written);
end
$$;


call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000370', 'agentctl_left_out');
