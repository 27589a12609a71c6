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

-- Whether changes of a table, or of one that a view shows, are watched.
create function agentctl.is_watched(schema_name text, table_name text) returns boolean
language sql stable set search_path = ''
as $$
    select exists (
        select from pg_catalog.pg_trigger t
        where t.tgrelid in (select agentctl.shown_by(to_regclass(format('%I.%I', schema_name, table_name))))
            and t.tgfoid = 'agentctl.watched()'::regprocedure and t.tgenabled <> 'D'
    )
$$;

-- Whose source `schema`.`table` is; null where it is nobody's. With `take`, it is that of `project` and `environment` if
-- it was nobody's, and it is known whether it is watched. `unheard`: it was, and somebody has taken the triggers away.
create function public.agentctl_source_of(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    if (args->>'take')::boolean then
        insert into agentctl.sources (tenant, schema_name, table_name, project, environment)
        values (agentctl.tenant(args), args->>'schema', args->>'table', args->>'project', args->>'environment')
        on conflict do nothing;
        update agentctl.sources s set watched = true
        where (s.tenant, s.schema_name, s.table_name) = (agentctl.tenant(args), args->>'schema', args->>'table')
            and not s.watched and agentctl.is_watched(s.schema_name, s.table_name);
    end if;
    return (
        select jsonb_build_object(
            'project', s.project, 'environment', s.environment, 'since', s.since,
            'unheard', s.watched and not agentctl.is_watched(s.schema_name, s.table_name)
        )
        from agentctl.sources s
        where (s.tenant, s.schema_name, s.table_name) = (agentctl.tenant(args), args->>'schema', args->>'table')
    );
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
    perform agentctl.left_unwatched(watched);
    return found_one;
end
$$;

create function agentctl.left_unwatched(relation oid) returns void
language sql security definer set search_path = ''
as $$
    update agentctl.sources s set watched = false
    where s.watched and not agentctl.is_watched(s.schema_name, s.table_name) and relation in (
        select agentctl.shown_by(to_regclass(format('%I.%I', s.schema_name, s.table_name)))
    )
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261130000100', 'agentctl_sources');
