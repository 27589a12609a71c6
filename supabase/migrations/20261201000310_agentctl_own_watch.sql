-- What another project or environment watches is not watched for whoever asks.

-- As before; `watched`: for all, or for the `project` and `environment` of whoever asks.
create or replace function public.agentctl_source_columns(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    place regclass := to_regclass(format('%I.%I', args->>'schema', args->>'table'));
    looked jsonb := '{}';
    reader name := current_user;
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
            with samples as (select to_jsonb(t.*) as row from %s t limit $1),
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
    -- What a view shows it reads as its owner, unless it says otherwise.
    select pg_catalog.pg_get_userbyid(c.relowner) into reader from pg_catalog.pg_class c
    where c.oid = place and c.relkind not in ('r', 'p', 'f') and not exists (
        select from pg_catalog.pg_options_to_table(c.reloptions) o
        where o.option_name = 'security_invoker' and o.option_value::boolean
    );
    reader := coalesce(reader, current_user);
    select jsonb_build_object(
        'view', c.relkind not in ('r', 'p'),
        'columns', (
            select jsonb_agg(jsonb_build_object(
                'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                'writable', has_column_privilege(c.oid, a.attnum, 'update')
                    and (c.relkind in ('r', 'p') or pg_column_is_updatable(c.oid, a.attnum, false)),
                'shapes', coalesce(looked->a.attname, '[]'),
                'sort', case when b.typname in ('json', 'jsonb') then b.typname else b.typcategory::text end,
                'required', a.attnotnull or t.typnotnull,
                'made', a.attgenerated <> '' or a.attidentity = 'a',
                'length', agentctl.length_of(c.oid, a.attname)
            ) order by a.attnum)
            from pg_catalog.pg_attribute a
            join pg_catalog.pg_type t on t.oid = a.atttypid
            join pg_catalog.pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
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
                and n.nspname = 'agentctl' and p.proname = 'watched' and g.tgname in (
                    select agentctl.watch_name(w.project, w.environment, v.verb)
                    from (values
                        ('', ''), (coalesce(args->>'project', ''), coalesce(args->>'environment', ''))
                    ) w (project, environment)
                    cross join unnest(array['insert', 'update', 'delete']) v (verb)
                ) and (c.relkind not in ('r', 'p') or not exists (
                    select from jsonb_array_elements_text(coalesce(nullif(args->'watching', 'null'), '[]')) w
                    where position('\x00'::bytea || convert_to(w.value, 'UTF8') || '\x00'::bytea in '\x00'::bytea || g.tgargs) = 0
                ))
        ),
        'unique', (
            select coalesce(jsonb_agg(distinct a.attname), '[]')
            from pg_catalog.pg_index i join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
            where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indnkeyatts = 1 and i.indpred is null
        ),
        'reader', quote_ident(reader),
        'hiding', exists (select from agentctl.shown_by(c.oid) s where agentctl.hides(s, reader)),
        'open', agentctl.open_to_users(c.oid)
    ) into found from pg_catalog.pg_class c where c.oid = place;
    return found;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261201000310', 'agentctl_own_watch');
