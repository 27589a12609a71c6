-- Of a view that shows several tables, one that was made anew was missed by nobody as long as another was watched.

alter table agentctl.sources add column heard text[] not null default '{}';
comment on column agentctl.sources.heard is
    'The tables that were watched for it at a sync, by name: one that is made anew has that again, and no triggers.';

-- The tables that it shows, or itself, of which all changes are noted for its environment.
create function agentctl.heard_of(source agentctl.sources) returns setof text
language sql stable set search_path = ''
as $$
    select t.tgrelid::regclass::text
    from (values ('', ''), (source.project, source.environment)) w (project, environment)
    cross join unnest(array['insert', 'update', 'delete']) v (verb)
    join pg_catalog.pg_trigger t on t.tgname = agentctl.watch_name(w.project, w.environment, v.verb)
    where t.tgrelid in (select agentctl.shown_by(agentctl.place_of(source)))
        and t.tgfoid = 'agentctl.watched()'::regprocedure and t.tgenabled in ('O', 'A')
    group by t.tgrelid having count(distinct v.verb) = 3
$$;

-- As before: whether there is any.
create or replace function agentctl.is_watched(source agentctl.sources) returns boolean
language sql stable set search_path = ''
as $$
    select exists (select from agentctl.heard_of(source))
$$;

-- Whether one that was is no longer, though it is shown still.
create function agentctl.is_unheard(source agentctl.sources) returns boolean
language sql stable set search_path = ''
as $$
    select source.watched and (not agentctl.is_watched(source) or exists (
        select s::regclass::text from agentctl.shown_by(agentctl.place_of(source)) s
        where s::regclass::text = any (source.heard)
        except
        select agentctl.heard_of(source)
    ))
$$;

-- As before, for each of them.
create or replace function public.agentctl_source_of(args jsonb) returns jsonb
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
        update agentctl.sources s
        set relation = place, watched = s.watched or agentctl.is_watched(s),
            heard = s.heard || array(select agentctl.heard_of(s) except select unnest(s.heard))
        where (s.tenant, s.schema_name, s.table_name) = (agentctl.tenant(args), args->>'schema', args->>'table')
            and (s.project, s.environment) = (args->>'project', args->>'environment')
            and (s.relation is distinct from place or not s.heard @> array(select agentctl.heard_of(s)));
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
        'unheard', agentctl.is_unheard(holder)
    ) end;
end
$$;

-- As before; of several, that one alone is not missed.
create or replace function agentctl.left_unwatched(relation oid, project text, environment text) returns void
language sql security definer set search_path = ''
as $$
    update agentctl.sources s
    set watched = s.watched and agentctl.is_watched(s),
        heard = array_remove(s.heard, left_unwatched.relation::regclass::text)
    where s.watched and left_unwatched.project in ('', s.project) and left_unwatched.environment in ('', s.environment)
        and left_unwatched.relation in (select agentctl.shown_by(agentctl.place_of(s)))
        and left_unwatched.relation::regclass::text not in (select agentctl.heard_of(s))
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261201000100', 'agentctl_each_heard');
