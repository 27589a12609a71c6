-- What row-level security may hide is not taken for empty.

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

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261124000440', 'agentctl_hidden_rows');
