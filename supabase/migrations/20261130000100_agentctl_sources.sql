-- Whose source a table is, is kept from its first sync on: most rows told it wrongly where few rows, or old agents of
-- another environment, counted.

create table agentctl.sources (
    tenant text not null default 'default',
    schema_name text not null,
    table_name text not null,
    project text not null,
    environment text not null,
    since timestamptz not null default now(),
    watched boolean not null default false,
    relation oid,
    primary key (tenant, schema_name, table_name)
);
alter table agentctl.sources enable row level security;
comment on table agentctl.sources is
    'Of which project and environment a table or view is the source: those that were synced from it first.';
comment on column agentctl.sources.tenant is 'Who declares it: the operator, whichever tenants'' assistants its rows are.';
comment on column agentctl.sources.schema_name is 'Where the table or view is.';
comment on column agentctl.sources.table_name is 'Its name.';
comment on column agentctl.sources.project is 'That is synced from it.';
comment on column agentctl.sources.environment is 'Of the project.';
comment on column agentctl.sources.since is 'When it was synced from there first, or the first that is known of it.';
comment on column agentctl.sources.watched is
    'Whether changes of it were watched at the last sync, and agentctl.unwatch has not ended that since.';
comment on column agentctl.sources.relation is
    'The table itself, at the last sync: by it one is known that was renamed. Another one after a restore.';

-- Of several, each is that of the one for which it is watched, then that has agents of most of its rows, then that was
-- synced last: it may have passed to that one.
with watched as (
    select n.nspname, c.relname, convert_from(decode(a.args[1], 'escape'), 'UTF8') as project,
        convert_from(decode(a.args[2], 'escape'), 'UTF8') as environment
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join string_to_array(encode(t.tgargs, 'escape'), '\000') a (args)
    where t.tgfoid = 'agentctl.watched()'::regprocedure and t.tgenabled <> 'D' and right(t.tgname, 7) = '_insert'
)
insert into agentctl.sources (tenant, schema_name, table_name, project, environment, since)
select distinct on (one.tenant, place.parts) one.tenant, place.parts[1], place.parts[2], one.project, one.environment,
    one.since
from (
    select r.tenant, substring(r.spec->>'where' from '^table (.+), row ') as source, r.project, r.environment,
        min(b.bound_at) as since, count(distinct r.key) as agents, max(r.applied_at) as last_at
    from agentctl.bindings b
    join agentctl.revisions r on (r.tenant, r.project, r.environment, r.workspace, r.key)
        = (b.tenant, b.project, b.environment, b.workspace, b.key)
    where b.kind = 'agent' and not exists (
        select from agentctl.revisions n
        where (n.tenant, n.project, n.environment, n.workspace, n.key)
            = (r.tenant, r.project, r.environment, r.workspace, r.key) and n.revision > r.revision
    )
    group by 1, 2, 3, 4
) one
cross join lateral (
    select case when position('.' in one.source) > 0 then string_to_array(one.source, '.') else array['public', one.source] end
) place (parts)
where one.source is not null
order by one.tenant, place.parts, exists (
    select from watched w
    where (w.nspname, w.relname, w.project, w.environment) = (place.parts[1], place.parts[2], one.project, one.environment)
) desc, one.agents desc, one.last_at desc, one.project, one.environment;

-- The table or view of that name, if there is one.
create function agentctl.place_of(source agentctl.sources) returns oid
language sql stable set search_path = ''
as $$
    select to_regclass(format('%I.%I', source.schema_name, source.table_name))::oid
$$;

-- Whether all changes of it, or of a table that it shows as a view, are noted for its environment.
create function agentctl.is_watched(source agentctl.sources) returns boolean
language sql stable set search_path = ''
as $$
    select exists (
        select from (values ('', ''), (source.project, source.environment)) w (project, environment)
        cross join unnest(array['insert', 'update', 'delete']) v (verb)
        join pg_catalog.pg_trigger t on t.tgname = agentctl.watch_name(w.project, w.environment, v.verb)
        where t.tgrelid in (select agentctl.shown_by(agentctl.place_of(source)))
            and t.tgfoid = 'agentctl.watched()'::regprocedure and t.tgenabled in ('O', 'A')
        group by t.tgrelid having count(distinct v.verb) = 3
    )
$$;

-- Whose source `schema`.`table` is; null where it is nobody's. With `take`, it is that of `project` and `environment` if
-- it was nobody's, and it is known whether it is watched. `unheard`: it was, and somebody has taken the triggers away.
-- One that was renamed is that of whoever had it.
create function public.agentctl_source_of(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    place oid := to_regclass(format('%I.%I', args->>'schema', args->>'table'));
    holder agentctl.sources;
begin
    if (args->>'take')::boolean then
        update agentctl.sources s set schema_name = args->>'schema', table_name = args->>'table'
        where s.tenant = agentctl.tenant(args) and s.relation = place and agentctl.place_of(s) is null and not exists (
            select from agentctl.sources o
            where (o.tenant, o.schema_name, o.table_name) = (s.tenant, args->>'schema', args->>'table')
        );
        insert into agentctl.sources (tenant, schema_name, table_name, project, environment)
        values (agentctl.tenant(args), args->>'schema', args->>'table', args->>'project', args->>'environment')
        on conflict do nothing;
        update agentctl.sources s set relation = place, watched = s.watched or agentctl.is_watched(s)
        where (s.tenant, s.schema_name, s.table_name) = (agentctl.tenant(args), args->>'schema', args->>'table')
            and (s.project, s.environment) = (args->>'project', args->>'environment')
            and (s.relation is distinct from place or not s.watched and agentctl.is_watched(s));
    end if;
    select s.* into holder
    from agentctl.sources s
    where s.tenant = agentctl.tenant(args) and (
        (s.schema_name, s.table_name) = (args->>'schema', args->>'table')
        or s.relation = place and agentctl.place_of(s) is null
    )
    order by (s.schema_name, s.table_name) = (args->>'schema', args->>'table') desc
    limit 1;
    holder.schema_name := args->>'schema';
    holder.table_name := args->>'table';
    return case when holder.project is not null then jsonb_build_object(
        'project', holder.project, 'environment', holder.environment, 'since', holder.since,
        'unheard', holder.watched and not agentctl.is_watched(holder)
    ) end;
end
$$;
comment on function public.agentctl_source_of(jsonb) is
    'Of which project and environment schema.table is the source, and since when; null if of none. With take, of this '
    'project and environment from now on, if of none. unheard: its changes were watched, and are no longer.';
insert into agentctl.own_functions (name) values ('agentctl_source_of');

-- Has a table or view, named as agentctl.toml names it, be nobody's source: the next that is synced from it has it.
-- Whether it was any's.
create function agentctl.release_source(source text) returns boolean
language plpgsql set search_path = ''
as $$
begin
    delete from agentctl.sources s
    where (s.schema_name, s.table_name) = (
        case when position('.' in source) > 0 then split_part(source, '.', 1) else 'public' end,
        case when position('.' in source) > 0 then split_part(source, '.', 2) else source end
    );
    return found;
end
$$;

-- As before; what nobody watches any more is not missed.
create or replace function agentctl.unwatch(watched regclass, project text default '', environment text default '')
returns boolean
language plpgsql set search_path = ''
as $$
declare
    name text;
    found_one boolean := false;
begin
    for name in
        select t.tgname from pg_catalog.pg_trigger t
        join unnest(array['insert', 'update', 'delete']) verb
            on t.tgname = agentctl.watch_name(project, environment, verb)
        where t.tgrelid = watched
    loop
        execute format('drop trigger %I on %s', name, watched);
        found_one := true;
    end loop;
    perform agentctl.left_unwatched(watched, project, environment);
    return found_one;
end
$$;

create function agentctl.left_unwatched(relation oid, project text, environment text) returns void
language sql security definer set search_path = ''
as $$
    update agentctl.sources s set watched = false
    where s.watched and not agentctl.is_watched(s) and left_unwatched.project in ('', s.project)
        and left_unwatched.environment in ('', s.environment)
        and left_unwatched.relation in (select agentctl.shown_by(agentctl.place_of(s)))
$$;

-- Whose workers are to hear of a change: those that a watch names; where it names nobody, of each that has the table, or a
-- view of it, as its source, and whoever comes first where none is known to.
create function agentctl.hearing(relation oid, of_project text, of_environment text)
returns table (project text, environment text)
language sql stable set search_path = ''
as $$
    with known as (
        select s.project, s.environment from agentctl.sources s
        where $2 = '' and $3 = '' and $1 in (select agentctl.shown_by(agentctl.place_of(s)))
    )
    select distinct k.project, k.environment from known k
    union all
    select $2, $3 where not exists (select from known)
$$;

-- As before, for them.
create or replace function agentctl.watched() returns trigger
language plpgsql security definer set search_path = '' set jit = 'off' set lock_timeout = '500ms'
as $$
declare
    -- As texts, since not every type can be compared, and what is another text is another content.
    said text := format(
        'select t.%I::text collate "C" as key, %s as tenant, %s as said, %%s as late from %%I t', TG_ARGV[2],
        case TG_ARGV[3] when '' then 'null::text' else format('agentctl.named_tenant(t.%I::text)', TG_ARGV[3]) end,
        case TG_OP when 'UPDATE' then (
            select format('array[%s]', string_agg(format('pg_catalog.hashtextextended(t.%I::text collate "C", 0)', c), ', '))
            from unnest(TG_ARGV[4:]) c
        ) else 'null::bigint[]' end
    );
    noted integer;
begin
    begin
        -- What is the same before and after is no change; where a row was there both times, the later one tells whose
        -- it is.
        execute format(
            'insert into agentctl.sync_changes (tenant, project, environment, key)
             select coalesce(one.tenant, ''default''), h.project, h.environment, one.key
             from (
                 select distinct on (c.key) c.key, c.tenant
                 from (
                     select u.key, u.tenant, max(u.late) as late from (%s) u
                     where u.key <> '''' and length(u.key) <= 200
                     group by u.key, u.tenant, u.said having min(u.late) = max(u.late)
                 ) c order by c.key, c.late desc
             ) one cross join agentctl.hearing($3, $1, $2) h',
            concat_ws(' union all ', case when TG_OP <> 'INSERT' then format(said, 0, 'before') end,
                case when TG_OP <> 'DELETE' then format(said, 1, 'after') end)
        ) using TG_ARGV[0], TG_ARGV[1], TG_RELID;
        get diagnostics noted = row_count;
    exception when others then
        -- The names of what is missing may be told; any other message could quote what is in the row.
        insert into agentctl.sync_changes (project, environment, key, trouble)
        values (TG_ARGV[0], TG_ARGV[1], '', format(
            'the watch of %s cannot tell what changed (%s)', TG_RELID::regclass,
            concat_ws(': ', sqlstate, case when sqlstate like '42%' then sqlerrm end)
        ));
        noted := 1;
    end;
    if noted > 0 then
        perform pg_catalog.pg_notify('agentctl_sync', '');
    end if;
    return null;
exception when others then
    raise warning 'agentctl: a change of % was not noted (%)', TG_RELID::regclass, sqlstate;
    return null;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261130000100', 'agentctl_sources');
