-- A row of a sink is written and emptied by the tenant alone whose call it is: ids are unique within a tenant, and whoever
-- has a workspace of its own may sign a delivery with any id.

-- Whether the row with this conversation's id is this tenant's, `same`: by the tenant that stands in it; null where the
-- table has none, or the row not yet. It belongs then to whoever alone has a call of this id, and where several have one,
-- nobody can say. A row that is another's is left as it is: `leaving`, by one who erases and has nothing in it; else AG002.
create function agentctl.holds_sink_row(owner text, conversation text, same boolean, leaving boolean) returns boolean
language plpgsql volatile security definer set search_path = ''
as $$
begin
    if same or (not same and leaving) then
        return same;
    elsif not same or exists (
        select from agentctl.tenants('calls') other (tenant)
        join agentctl.calls c on c.tenant = other.tenant and c.conversation_id = conversation
        where other.tenant <> owner
    ) then
        raise exception 'the row of this conversation may be another tenant''s' using errcode = 'AG002';
    end if;
    return true;
end
$$;

-- As before, with $3 the tenant, for its own rows alone. A uuid is compared however the tenant writes it.
create or replace function agentctl.sink_statement(sink jsonb, columns jsonb, erased boolean) returns text
language sql immutable set search_path = ''
as $$
    with mapped as (
        select m.value as column, c.value->>'type' as type, case
            when c.value->>'sort' like 'json%' then format('$1->%L', m.key)
            else format('($1->>%L)::%s', m.key, case c.value->>'sort'
                when 'N' then 'numeric' when 'B' then 'boolean' when 'D' then 'timestamptz' else 'text' end)
        end as said, case
            when not (c.value->>'required')::boolean then 'null'
            when c.value->>'sort' like 'json%' then '''[]'''
            else case c.value->>'sort'
                when 'S' then '''''' when 'N' then '0' when 'B' then 'false' when 'D' then '''epoch''' end
        end as nothing, m.key as name
        from jsonb_each_text(sink->'columns') m join jsonb_each(columns) c on c.key = m.value
    ), guard as (
        select format('agentctl.holds_sink_row($3, $2, %s, %L)', case
            when m.column is null then 'null'
            when not erased then format('t.%1$I = excluded.%1$I', m.column)
            when columns->m.column->>'sort' = 'uuid' then format(
                'replace(t.%I::text, ''-'', '''') = lower(translate($3, ''{}-'', ''''))', m.column)
            else format('t.%I::text = $3', m.column)
        end, erased) as ours
        from (select) one left join mapped m on m.name = 'tenant'
    )
    select case when erased then 'update ' || format('%I.%I', sink->>'schema_name', sink->>'table_name') || ' t set '
            || string_agg(format('%I = %s', m.column, m.nothing), ', ')
                filter (where m.name <> 'tenant' and m.nothing is not null)
            || format(' where t.%I = $2 and %s', sink->>'key_column', min(g.ours))
        else format(
            'insert into %I.%I as t (%I, %s) values ($2, %s) on conflict (%I) do update set %s where %s',
            sink->>'schema_name', sink->>'table_name', sink->>'key_column',
            string_agg(quote_ident(m.column), ', '),
            string_agg(format('(%s)::%s', m.said, m.type), ', '), sink->>'key_column',
            string_agg(format('%1$I = excluded.%1$I', m.column), ', '), min(g.ours)
        ) end
    from mapped m cross join guard g
$$;

-- As before, for the tenant of the call.
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
            execute content->>'statement'
                using content->'values', content->>'conversation_id', agentctl.tenant(args);
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

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000400', 'agentctl_own_sink_rows');
