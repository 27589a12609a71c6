-- Users write a table by any view over it that passes their writes on with its owner's rights, whatever policies the table
-- has: of a table of members, and of a source, such views are looked at, too.

-- A relation, those that it shows if it is a view, and what inherits from either.
create function agentctl.shown_with_parts(place oid) returns oid[]
language sql stable set search_path = ''
as $$
    with recursive told (relation) as (
        select agentctl.shown_by(place)
        union
        select i.inhrelid from told t join pg_catalog.pg_inherits i on i.inhparent = t.relation
    )
    select array_agg(t.relation) from told t
$$;

-- Of a view that can be written by itself, the one relation that it is written to: what it asks besides, as in a condition,
-- is named further behind in its query. Before Postgres 16 that begins with the view's own name.
create function agentctl.base_of(rule pg_catalog.pg_rewrite) returns oid
language sql stable set search_path = ''
as $$
    select named[1]::oid
    from regexp_matches(rule.ev_action::text, ':relid (\d+)', 'g') with ordinality n (named, at)
    where named[1]::oid <> rule.ev_class order by n.at limit 1
$$;

-- Whatever passes writes on to one of these, at any depth: views, and tables of which these are parts.
create function agentctl.written_by(places oid[]) returns setof oid
language sql stable set search_path = ''
as $$
    with recursive led (relation) as (
        select unnest(places)
        union
        select above.relation
        from led l
        cross join lateral (
            select i.inhparent from pg_catalog.pg_inherits i where i.inhrelid = l.relation
            union all
            select r.ev_class
            from pg_catalog.pg_depend d
            join pg_catalog.pg_rewrite r on r.oid = d.objid and r.ev_type = '1'
            join pg_catalog.pg_class c on c.oid = r.ev_class and c.relkind = 'v'
            where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = l.relation
                and d.classid = 'pg_catalog.pg_rewrite'::regclass
                and pg_catalog.pg_relation_is_updatable(c.oid, false) & 28 <> 0 and agentctl.base_of(r) = l.relation
        ) above (relation)
    )
    select l.relation from led l where l.relation <> all (places)
$$;

-- As before, and of what passes writes on to these.
create or replace function agentctl.entrance(members oid) returns table (place text, takes_policies boolean, roles text)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
    -- By their ids: joined with them, every relation that there is would be looked at, for each statement of a user.
    shown oid[] := agentctl.shown_with_parts(members);
    written oid[] := shown || array(select agentctl.written_by(shown));
begin
    return query
    select format('%I.%I', n.nspname, c.relname), c.relkind in ('r', 'p'), may.roles
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
        select string_agg(quote_ident(r.rolname), ', ' order by r.rolname) as roles
        from pg_catalog.pg_roles r
        where not (r.rolsuper or r.rolbypassrls) and r.rolname not in ('authenticator', 'service_role')
            and (r.rolname in ('anon', 'authenticated') or exists (
                select from pg_catalog.pg_roles a
                where a.rolname = 'authenticator' and pg_catalog.pg_has_role(a.oid, r.oid, 'member')
            ))
            and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
            and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'insert, update')
    ) may
    where c.oid = any (written) and may.roles is not null and not (c.relkind in ('r', 'p') and c.relrowsecurity)
        and not exists (
            select from pg_catalog.pg_options_to_table(c.reloptions) o
            where o.option_name = 'security_invoker' and o.option_value::boolean
        )
        and (c.relkind in ('r', 'p', 'f') or pg_catalog.pg_relation_is_updatable(c.oid, true) & 12 <> 0)
    order by c.oid <> members, c.oid <> all (shown), 1
    limit 1;
end
$$;

-- As before, with that.
create or replace function agentctl.must_keep_out(members regclass, what_then text) returns void
language plpgsql stable set search_path = ''
as $$
declare
    found record;
    beside text;
begin
    select * into found from agentctl.entrance(members);
    if found.place is not null then
        beside := case
            when found.place::regclass = members then ''
            when found.place::regclass = any (agentctl.shown_with_parts(members)) then format(', which %s shows,', members)
            else format(', which writes to %s,', members)
        end;
        raise exception 'users may write %', found.place || beside || what_then using hint = case
            when found.takes_policies
            then format('alter table %s enable row level security; with policies for who may write it: %s may now.',
                found.place, found.roles)
            else format('revoke insert, update on %s from public, %s;', found.place, found.roles)
        end;
    end if;
end
$$;

-- As before, and by what passes their writes on to it.
create or replace function agentctl.open_to_users(place oid) returns jsonb
language sql stable set search_path = ''
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'relation', one.name, 'view', one.is_view, 'writers', one.writers, 'readers', one.readers
    ) order by one.name), '[]')
    from (
        select format('%I.%I', n.nspname, c.relname) as name, c.relkind not in ('r', 'p') as is_view,
            array_agg(r.rolname order by r.rolname) filter (
                where (c.relkind in ('r', 'p', 'f') or pg_catalog.pg_relation_is_updatable(c.oid, true) & 28 <> 0) and (
                    pg_catalog.has_any_column_privilege(r.oid, c.oid, 'insert, update')
                    or pg_catalog.has_table_privilege(r.oid, c.oid, 'delete')
                )
            ) as writers,
            array_agg(r.rolname) filter (
                where r.rolname = 'anon' and s.is_shown and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select')
            ) as readers
        from (
            select shown, true from agentctl.shown_by(place) shown
            union all
            select agentctl.written_by(array(select agentctl.shown_by(place))), false
        ) s (relation, is_shown)
        join pg_catalog.pg_class c on c.oid = s.relation
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        join pg_catalog.pg_roles r on r.rolname in ('anon', 'authenticated')
            and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
        where not (c.relkind in ('r', 'p') and c.relrowsecurity) and not exists (
            select from pg_catalog.pg_options_to_table(c.reloptions) o
            where o.option_name = 'security_invoker' and o.option_value::boolean
        )
        group by n.nspname, c.relname, c.relkind
    ) one
    where one.writers is not null or one.readers is not null
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000620', 'agentctl_written_through');
