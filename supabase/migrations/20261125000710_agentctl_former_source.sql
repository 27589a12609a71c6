-- A table that was the source before is watched no longer, whatever is the source now.

-- As before; what a view shows is no other table.
create or replace function agentctl.watched_formerly(watched regclass, project text, environment text) returns setof regclass
language sql stable set search_path = ''
as $$
    select distinct t.tgrelid::regclass
    from pg_catalog.pg_trigger t
    join unnest(array['insert', 'update', 'delete']) verb on t.tgname = agentctl.watch_name(project, environment, verb)
    where t.tgrelid not in (select agentctl.shown_by(watched)) and exists (
        select from pg_catalog.pg_attribute a where a.attrelid = t.tgrelid and a.attname = 'elevenlabs_sync_error'
    )
$$;

-- As before; a former source is watched no longer where a view takes its place, too.
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
    statements := statements || array(
        select format('select agentctl.unwatch(%L, project => %L, environment => %L);', f.relation, of_project, of_environment)
        from agentctl.watched_formerly(to_regclass(place), of_project, of_environment) f (relation)
    );
    if jsonb_typeof(args->'watched') = 'array' then
        columns := array(
            select w.name from jsonb_array_elements_text(args->'watched') with ordinality w (name, place) order by w.place
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

insert into agentctl.migrations (version, name) values ('20261125000710', 'agentctl_former_source');
