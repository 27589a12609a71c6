-- A table or view that tells who belongs to which tenant is looked into down to its last table: what a view shows, users
-- may write where they may write what lies below it.

-- The first relation by which users could enter themselves in `members`: itself, what a view shows, at any depth, and
-- what inherits from either. Policies may keep them from it, which only the product knows; a relation without row-level
-- security keeps nobody who has a grant. A view that asks as whoever reads it is as open as what it shows. `roles`: who
-- may write it, of all that PostgREST takes on for somebody who is not the server.
create function agentctl.entrance(members oid) returns table (place text, takes_policies boolean, roles text)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
    -- By their ids: joined with them, every relation that there is would be looked at, for each statement of a user.
    shown oid[] := array(
        with recursive told (relation) as (
            select agentctl.shown_by(members)
            union
            select i.inhrelid from told t join pg_catalog.pg_inherits i on i.inhparent = t.relation
        )
        select t.relation from told t
    );
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
    where c.oid = any (shown) and may.roles is not null and not (c.relkind in ('r', 'p') and c.relrowsecurity)
        and not exists (
            select from pg_catalog.pg_options_to_table(c.reloptions) o
            where o.option_name = 'security_invoker' and o.option_value::boolean
        )
        and (c.relkind in ('r', 'p', 'f') or pg_catalog.pg_relation_is_updatable(c.oid, true) & 12 <> 0)
    order by c.oid <> members, 1
    limit 1;
end
$$;

-- Raises where users could enter themselves in `members`, and says by what, and what shuts that very place.
create function agentctl.must_keep_out(members regclass, what_then text) returns void
language plpgsql stable set search_path = ''
as $$
declare
    found record;
    beside text;
begin
    select * into found from agentctl.entrance(members);
    if found.place is not null then
        beside := case when found.place::regclass <> members then format(', which %s shows,', members) else '' end;
        raise exception 'users may write %', found.place || beside || what_then using hint = case
            when found.takes_policies
            then format('alter table %s enable row level security; with policies for who may write it: %s may now.',
                found.place, found.roles)
            else format('revoke insert, update on %s from public, %s;', found.place, found.roles)
        end;
    end if;
end
$$;

-- As before, with that.
create or replace function agentctl.entered(rule agentctl.access, sub text) returns table (tenant text, word text)
language plpgsql stable set search_path = ''
as $$
declare
    kind text := (
        select a.atttypid::regtype::text from pg_catalog.pg_attribute a
        where a.attrelid = rule.membership_table and a.attname = rule.user_column
    );
begin
    if kind is null then
        raise exception 'the table that tells the members is not as it was: call agentctl_save_access again';
    end if;
    perform agentctl.must_keep_out(rule.membership_table, ' by now and could enter themselves: nobody is let in');
    if kind <> 'uuid' or agentctl.id(jsonb_build_object('id', sub)) is not null then
        return query execute format(
            'select m.%I::text, %s from %s m where m.%I = $1::%s',
            rule.tenant_column,
            case when rule.role_column is null then 'null' else format('m.%I::text', rule.role_column) end,
            rule.membership_table, rule.user_column, kind
        ) using sub;
    end if;
end
$$;

-- As before, with that.
create or replace function agentctl.table_rule(args jsonb) returns agentctl.access
language plpgsql stable set search_path = ''
as $$
declare
    rule agentctl.access;
    wanted text;
    kind text;
begin
    rule.membership_table := to_regclass(args->>'table');
    if rule.membership_table is null then
        raise exception 'there is no table or view %; name it with its schema, as public.members', args->>'table';
    end if;
    foreach wanted in array array['tenant_column', 'user_column', 'role_column'] loop
        continue when wanted = 'role_column' and args->>wanted is null;
        select a.atttypid::regtype::text into kind from pg_catalog.pg_attribute a
        where a.attrelid = rule.membership_table and a.attnum > 0 and not a.attisdropped and a.attname = args->>wanted;
        if not found then
            raise exception '%: % has no column %', wanted, rule.membership_table,
                coalesce(args->>wanted, '(none given)');
        end if;
        if wanted = 'user_column' and kind not in ('uuid', 'text', 'character varying') then
            raise exception 'user_column: % is neither a uuid nor a text, as the claim sub is', args->>wanted;
        end if;
    end loop;
    perform agentctl.must_keep_out(rule.membership_table, ' and could enter themselves');
    rule.tenant_column := args->>'tenant_column';
    rule.user_column := args->>'user_column';
    rule.role_column := args->>'role_column';
    return rule;
end
$$;

drop function agentctl.is_open(regclass);

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000510', 'agentctl_entrance');
