-- What signed-in users may reach, declared in one place, and a seal that grants that and takes everything else.

create table agentctl.exposed (
    object text primary key,
    columns text[]
);
alter table agentctl.exposed enable row level security;
comment on table agentctl.exposed is
    'What signed-in users may reach. A migration adds its rows; `call agentctl.seal()` makes the rights of them.';
comment on column agentctl.exposed.object is
    'A table, a view, or a function with the types of its arguments; with the schema.';
comment on column agentctl.exposed.columns is
    'Of a table: the columns that are read, in rows of the reader''s own tenants.';

-- The roles of Supabase that are here; PUBLIC is everybody.
create function agentctl.roles_here(names text[]) returns text
language sql stable set search_path = ''
as $$
    select string_agg(quote_ident(r.rolname), ', ') from pg_catalog.pg_roles r where r.rolname = any (names)
$$;

-- Everything of ours in `public`, of which a product has its own things, too. `what`: routine or table.
create function agentctl.ours(what text) returns text
language sql stable set search_path = ''
as $$
    select string_agg(object, ', ' order by object)
    from (
        select p.oid::regprocedure::text from pg_catalog.pg_proc p
        where what = 'routine' and p.pronamespace = 'public'::regnamespace and starts_with(p.proname, 'agentctl_')
        union all
        select c.oid::regclass::text from pg_catalog.pg_class c
        where what = 'table' and c.relnamespace = 'public'::regnamespace and starts_with(c.relname, 'agentctl_')
            and c.relkind in ('r', 'p', 'v', 'm', 'f')
    ) found (object)
$$;

-- The default privileges of Supabase grant everything that is new in public to anon and authenticated by name.
create procedure agentctl.take_rights()
language plpgsql set search_path = ''
as $$
declare
    outsiders text := concat_ws(', ', 'public', agentctl.roles_here('{anon, authenticated}'));
    secured regclass;
begin
    execute format('revoke all on schema agentctl from %s', outsiders);
    execute format('revoke all on all tables in schema agentctl from %s', outsiders);
    execute format('revoke all on all sequences in schema agentctl from %s', outsiders);
    execute format('revoke all on all routines in schema agentctl from %s', outsiders);
    execute format('revoke all on routine %s from %s', agentctl.ours('routine'), outsiders);
    if agentctl.ours('table') is not null then
        execute format('revoke all on table %s from %s', agentctl.ours('table'),
            concat_ws(', ', outsiders, agentctl.roles_here('{service_role}')));
    end if;
    for secured in
        select c.oid from pg_catalog.pg_class c
        where c.relnamespace = 'agentctl'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
    loop
        execute format('alter table %s enable row level security', secured);
    end loop;
end
$$;

-- The server's own side: everything, but for the views, which are read, and for what grants and takes rights.
create procedure agentctl.grant_service()
language plpgsql set search_path = ''
as $$
begin
    if agentctl.roles_here('{service_role}') is null then
        return;
    end if;
    grant usage on schema agentctl to service_role;
    grant select, insert, update, delete on all tables in schema agentctl to service_role;
    grant usage, select on all sequences in schema agentctl to service_role;
    grant execute on all functions in schema agentctl to service_role;
    execute format('grant execute on routine %s to service_role', agentctl.ours('routine'));
    if agentctl.ours('table') is not null then
        execute format('grant select on table %s to service_role', agentctl.ours('table'));
    end if;
end
$$;

-- One policy is all that a table needs: rows of the reader's own tenants.
create procedure agentctl.expose_table(relation regclass, columns text[])
language plpgsql set search_path = ''
as $$
begin
    if coalesce(cardinality(columns), 0) = 0 then
        raise exception 'agentctl.exposed names no columns of %', relation;
    end if;
    execute format('grant select (%s) on table %s to authenticated',
        (select string_agg(quote_ident(one), ', ') from unnest(columns) one), relation);
    if not exists (select from pg_catalog.pg_policy p where p.polrelid = relation and p.polname = 'own tenants') then
        execute format(
            'create policy "own tenants" on %s for select to authenticated '
            'using (tenant = any ((select agentctl.my_tenants())::text[]))', relation);
    end if;
end
$$;

-- A view that reads with its owner's rights would read every tenant's rows; a function that does, and lets its caller
-- say where names are looked up, would run the caller's code with them.
create procedure agentctl.expose(object text, columns text[])
language plpgsql set search_path = ''
as $$
declare
    relation regclass := case when object not like '%(%' then to_regclass(object) end;
    routine regprocedure := case when object like '%(%' then to_regprocedure(object) end;
begin
    if relation is null and routine is null then
        raise exception 'agentctl.exposed names %, which is not there', object;
    end if;
    if relation is not null then
        if exists (select from pg_catalog.pg_class c where c.oid = relation and c.relkind in ('r', 'p')) then
            call agentctl.expose_table(relation, columns);
        elsif not exists (
            select from pg_catalog.pg_class c
            where c.oid = relation and c.relkind = 'v' and 'security_invoker=true' = any (c.reloptions)
        ) then
            raise exception 'the view % has to be made with (security_invoker = true)', relation;
        else
            execute format('grant select on table %s to authenticated', relation);
        end if;
        return;
    end if;
    if exists (
        select from pg_catalog.pg_proc p
        where p.oid = routine and p.prosecdef and not coalesce('search_path=""' = any (p.proconfig), false)
    ) then
        raise exception 'the function % has to have an empty search_path', routine;
    end if;
    execute format('grant execute on routine %s to authenticated', routine);
end
$$;

-- Every migration ends with this: nothing is open by accident, and what is meant to be stays so. It goes by the
-- catalogue, so that nothing new can be forgotten, and minds roles only where they exist, so that any Postgres will do.
create or replace procedure agentctl.seal()
language plpgsql set search_path = ''
as $$
declare
    one agentctl.exposed;
begin
    call agentctl.take_rights();
    call agentctl.grant_service();
    if agentctl.roles_here('{authenticated}') is not null then
        grant usage on schema agentctl to authenticated;
        for one in select * from agentctl.exposed e order by e.object loop
            call agentctl.expose(one.object, one.columns);
        end loop;
    end if;
    perform pg_catalog.pg_notify('pgrst', 'reload schema');
end
$$;
comment on procedure agentctl.seal() is
    'Takes every right on what is agentctl''s, and grants service_role everything and authenticated what agentctl.exposed names.';

insert into agentctl.exposed (object) values
    ('agentctl.my_tenants(text)'), ('public.agentctl_my_memberships()');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000210', 'agentctl_exposed');
