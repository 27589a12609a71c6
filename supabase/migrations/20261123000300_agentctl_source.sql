-- Assistants that are declared in a table: a product's own, or ours. What a table holds is data, whatever its shape; its
-- name and those of its columns reach a statement as quoted identifiers alone. These functions have their caller's
-- rights, since the table is somebody else's.

create table agentctl.declared_assistants (
    key text primary key check (key ~ '^[a-z0-9][a-z0-9_-]{0,62}$' and key <> 'shared'),
    tenant text not null default 'default' check (tenant <> ''),
    enabled boolean not null default true,
    name text not null,
    prompt text not null,
    first_message text,
    language text,
    voice jsonb,
    llm jsonb,
    knowledge jsonb,
    numbers text[] not null default '{}',
    post_call jsonb,
    settings jsonb,
    elevenlabs_agent_id text,
    elevenlabs_phone_number_id text,
    elevenlabs_synced_at timestamptz,
    elevenlabs_sync_error text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
alter table agentctl.declared_assistants enable row level security;
create index declared_assistants_by_tenant on agentctl.declared_assistants (tenant);
comment on table agentctl.declared_assistants is
    'Assistants as they should be, for whoever has no table of their own for them; agentctl.assistants is what came of it.';
comment on column agentctl.declared_assistants.key is 'The assistant''s key: unique, whatever the tenant, and never changed.';
comment on column agentctl.declared_assistants.tenant is 'Whose assistant it is; default: the operator''s.';
comment on column agentctl.declared_assistants.enabled is 'false: its agent stays, and its numbers ring at nobody.';
comment on column agentctl.declared_assistants.name is 'The agent''s name at ElevenLabs and in mails.';
comment on column agentctl.declared_assistants.prompt is 'Literal text; {{name}} is ElevenLabs'' own variable.';
comment on column agentctl.declared_assistants.first_message is 'Literal text; what is said first.';
comment on column agentctl.declared_assistants.language is 'Like de or en.';
comment on column agentctl.declared_assistants.voice is 'Like [voice] of an assistant.toml, or the id alone as text.';
comment on column agentctl.declared_assistants.llm is 'Like [llm] of an assistant.toml, or the model''s name alone as text.';
comment on column agentctl.declared_assistants.knowledge is 'Text, a list of texts, or a list of {"title", "text" or "url"}.';
comment on column agentctl.declared_assistants.numbers is 'In E.164; each is brought over once by agentctl import-number.';
comment on column agentctl.declared_assistants.post_call is 'Like [post_call] of an assistant.toml.';
comment on column agentctl.declared_assistants.settings is 'Anything else that an assistant.toml may say, as JSON.';
comment on column agentctl.declared_assistants.elevenlabs_agent_id is 'Written back by a sync; one that is there before is adopted.';
comment on column agentctl.declared_assistants.elevenlabs_phone_number_id is 'Written back: ElevenLabs'' id of the first number.';
comment on column agentctl.declared_assistants.elevenlabs_synced_at is 'Written back: when the row was applied last.';
comment on column agentctl.declared_assistants.elevenlabs_sync_error is 'Written back: why it was not; null once it was.';
comment on column agentctl.declared_assistants.created_at is 'When it was declared.';
comment on column agentctl.declared_assistants.updated_at is 'When it was edited last; writing back is no edit.';

create function agentctl.declared_anew() returns trigger
language plpgsql set search_path = ''
as $$
declare
    written text[] := '{updated_at,elevenlabs_agent_id,elevenlabs_phone_number_id,elevenlabs_synced_at,elevenlabs_sync_error}';
begin
    if to_jsonb(new) - written is distinct from to_jsonb(old) - written then
        new.updated_at := now();
    end if;
    return new;
end
$$;
create trigger declared_anew before update on agentctl.declared_assistants
for each row execute function agentctl.declared_anew();

-- Whoever keeps the service key writes here over PostgREST, which does not serve our schema.
create view public.agentctl_declared_assistants with (security_invoker = true) as
    select * from agentctl.declared_assistants;
comment on view public.agentctl_declared_assistants is 'agentctl.declared_assistants, for whoever has the service key.';

do $$
declare
    outsider text;
begin
    revoke all on public.agentctl_declared_assistants from public;
    for outsider in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated') loop
        execute format('revoke all on public.agentctl_declared_assistants from %I', outsider);
    end loop;
    if exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
        grant usage on schema agentctl to service_role;
        grant select, insert, update, delete on agentctl.declared_assistants to service_role;
        grant select, insert, update, delete on public.agentctl_declared_assistants to service_role;
    end if;
end
$$;

-- What there is to be mapped: `columns` in their order, `key` the columns of the primary key, `watched` whether changes
-- of all of `watching` flow by themselves. With `sample`, of so many rows each column's `shapes`: what its values look like, never a value;
-- of jsonb the names inside, at most two levels deep. Without such a table or view only `tables`: those that there are.
create function public.agentctl_source_columns(args jsonb) returns jsonb
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
            where g.tgrelid = c.oid and not g.tgisinternal and n.nspname = 'agentctl' and p.proname = 'watched'
                and not exists (
                    select from jsonb_array_elements_text(coalesce(nullif(args->'watching', 'null'), '[]')) w
                    where position(convert_to(w.value, 'UTF8') || '\x00'::bytea in g.tgargs) = 0
                )
        )
    ) into found from pg_catalog.pg_class c where c.oid = place;
    return found;
end
$$;

-- Rows in the order of their keys, `limit` of them from `after` on, or those of `only`: each `key` once, with `rows`, how
-- many have it, and of one of them the value at each path of `fields`. `nameless`: how many have no key.
create function public.agentctl_source_rows(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    only_keys text[] := case jsonb_typeof(args->'only') when 'array' then array(select jsonb_array_elements_text(args->'only')) end;
    found jsonb;
    nameless bigint := 0;
begin
    execute format($q$
        with named as (
            select t.%2$I::text collate "C" as key, count(*) as rows from %1$I.%3$I t
            where t.%2$I is not null and ($1 is null or t.%2$I::text = any($1)) and t.%2$I::text collate "C" > $2
            group by 1 order by 1 limit $3
        ), one as (
            select distinct on (n.key) n.key, n.rows, to_jsonb(t) as row
            from named n join %1$I.%3$I t on t.%2$I::text = n.key order by n.key
        )
        select coalesce(jsonb_agg(jsonb_build_object('key', o.key, 'rows', o.rows, 'values', (
            select coalesce(jsonb_object_agg(f.key, o.row #> array(select jsonb_array_elements_text(f.value))), '{}')
            from jsonb_each($4) f
        )) order by o.key), '[]') from one o
    $q$, args->>'schema', args->>'key', args->>'table')
    into found using only_keys, coalesce(args->>'after', ''), (args->>'limit')::integer, args->'fields';
    if only_keys is null and coalesce(args->>'after', '') = '' then
        execute format('select count(*) from %1$I.%3$I t where t.%2$I is null', args->>'schema', args->>'key', args->>'table')
        into nameless;
    end if;
    return jsonb_build_object('rows', found, 'nameless', nameless);
end
$$;

-- Which id each key of one kind is bound to, without all that is remembered of it.
create function public.agentctl_bound_ids(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_object_agg(b.key, b.remote_id), '{}')
    from agentctl.bindings b
    where (b.tenant, b.project, b.environment, b.workspace, b.kind)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'kind')
$$;

-- Write back what came of rows: `columns` says where each field goes, `rows` have a `key` and those fields that are told;
-- a field that is not told stays. `synced_at` is told as true and becomes now. A row in which all of that is so already
-- is not written.
create function public.agentctl_report_synced(args jsonb) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC'
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
    return jsonb_build_object('written', written);
end
$$;

-- What a table lacks to be a source, as statements in their order: the columns of `lacking` (name -> type), which are
-- nullable, and the triggers by which changes of `watched` flow by themselves, where there are such. With `apply` they
-- are carried out, as one.
create function public.agentctl_adopt_source(args jsonb) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' set lock_timeout = '5s'
as $$
declare
    place text := format('%I.%I', args->>'schema', args->>'table');
    statements text[] := '{}';
    statement text;
begin
    select array[format(e'alter table %s\n    %s;', place, string_agg(
        format('add column if not exists %I %s', l.key, case l.value when 'timestamptz' then l.value else 'text' end),
        e',\n    ' order by l.key))]
    into statements from jsonb_each_text(args->'lacking') l having count(*) > 0;
    statements := coalesce(statements, '{}');
    if jsonb_typeof(args->'watched') = 'array' and exists (
        select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'agentctl' and p.proname = 'watch'
    ) then
        statements := statements || format('select agentctl.watch(%L, %L, array[%s]%s);', place, args->>'key', (
            select string_agg(quote_literal(w.name), ', ' order by w.place)
            from jsonb_array_elements_text(args->'watched') with ordinality w (name, place)
        ), (
            select string_agg(format(', %I => %L', g.name, args->>g.name), '' order by g.place)
            from unnest(array['tenant', 'project', 'environment']) with ordinality g (name, place)
            where args->>g.name is not null
        ));
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

insert into agentctl.migrations (version, name) values ('20261123000300', 'agentctl_source');
