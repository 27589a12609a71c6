-- In `public` a product has things of its own, and some of them may begin with `agentctl_` as ours do: its dashboard's
-- view, a button's function. Their rights are the product's to give, and nothing that it leaves open is ours to tell of.

-- What is ours there has one of two forms: what the server calls takes `args jsonb` and answers jsonb; all else that is
-- called is declared for users. It goes by the catalogue, so that no migration and no dump can forget one.
create function agentctl.own_routines() returns setof oid
language sql stable set search_path = ''
as $$
    select p.oid from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and starts_with(p.proname, 'agentctl_') and (
        p.prorettype = 'jsonb'::regtype and p.proargtypes[0] = 'jsonb'::regtype and p.proargnames[1] = 'args'
        or p.oid in (select to_regprocedure(e.object) from agentctl.exposed e where e.object like '%(%')
    )
$$;

-- A view of ours has the name of a table of ours, or is declared for users. Tables of ours are none there.
create function agentctl.own_views() returns setof oid
language sql stable set search_path = ''
as $$
    select c.oid from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace and starts_with(c.relname, 'agentctl_') and c.relkind = 'v' and (
        exists (
            select from pg_catalog.pg_class t
            where t.relnamespace = 'agentctl'::regnamespace and 'agentctl_' || t.relname = c.relname
        ) or c.oid in (select to_regclass(e.object) from agentctl.exposed e where e.object not like '%(%')
    )
$$;

-- As before, and nothing of the product's.
create or replace function agentctl.ours(what text) returns text
language sql stable set search_path = ''
as $$
    select string_agg(object, ', ' order by object)
    from (
        select routine::regprocedure::text from agentctl.own_routines() routine where what = 'routine'
        union all
        select shown::regclass::text from agentctl.own_views() shown where what = 'table'
    ) found (object)
$$;

-- As before, of what is ours.
create or replace function agentctl.opened() returns table (object text, whose text, may text)
language sql stable set search_path = '' set jit = 'off'
as $$
    with meant as (
        select case when e.object like '%(%' then to_regprocedure(e.object)::oid else to_regclass(e.object)::oid end as id,
            e.object like '%(%' as is_routine, e.columns
        from agentctl.exposed e
    ), places as (
        select n.oid, n.nspname = 'public' as is_shared, n.nspowner, n.nspacl from pg_catalog.pg_namespace n
        where n.nspname in ('agentctl', 'public')
    ), relations as (
        -- A view that reads with its owner's rights shows every row, whoever it was meant for.
        select c.oid, c.relkind, c.relacl, c.relrowsecurity,
            c.relkind = 'v' and coalesce('security_invoker=true' = any (c.reloptions), false) as is_invoked
        from pg_catalog.pg_class c
        join places p on p.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and (not p.is_shared or c.oid in (select agentctl.own_views()))
    ), held (object, kind, id, part, rights) as (
        select 'schema agentctl', 'schema', p.oid, null::name, coalesce(p.nspacl, acldefault('n', p.nspowner))
        from places p where not p.is_shared
        union all
        select f.oid::regprocedure::text, 'routine', f.oid, null, coalesce(f.proacl, acldefault('f', f.proowner))
        from pg_catalog.pg_proc f join places p on p.oid = f.pronamespace
        where not p.is_shared or f.oid in (select agentctl.own_routines())
        union all
        select r.oid::regclass::text, case when r.is_invoked then 'view' else 'relation' end, r.oid, null, r.relacl
        from relations r
        union all
        select format('%s (%I)', r.oid::regclass, a.attname), 'column', r.oid, a.attname, a.attacl
        from relations r join pg_catalog.pg_attribute a on a.attrelid = r.oid
    )
    select h.object, coalesce(u.rolname, 'everybody'), lower(g.privilege_type)
    from held h
    cross join lateral pg_catalog.aclexplode(h.rights) g
    left join pg_catalog.pg_roles u on u.oid = g.grantee
    where (g.grantee = 0 or u.rolname in ('anon', 'authenticated')) and not (
        u.rolname is not distinct from 'authenticated' and not g.is_grantable and (
            (h.kind = 'schema' and g.privilege_type = 'USAGE')
            or exists (
                select from meant m
                where m.id = h.id and m.is_routine = (h.kind = 'routine') and (
                    h.kind = 'routine' or g.privilege_type = 'SELECT' and (h.kind = 'view' or h.part = any (m.columns))
                )
            )
        )
    )
    union all
    select r.oid::regclass::text, 'everybody who may read it', 'see every row of' from relations r
    where r.relkind in ('r', 'p') and not r.relrowsecurity
$$;

-- As before, and how a product's own functions are planned stays as it is.
create or replace procedure agentctl.seal()
language plpgsql set search_path = ''
as $$
declare
    one agentctl.exposed;
    told regprocedure;
begin
    call agentctl.take_rights();
    call agentctl.grant_service();
    if agentctl.roles_here('{authenticated}') is not null then
        grant usage on schema agentctl to authenticated;
        for one in select * from agentctl.exposed e order by e.object loop
            call agentctl.expose(one.object, one.columns);
        end loop;
    end if;
    for told in
        select p.oid from pg_catalog.pg_proc p
        where (p.pronamespace = 'agentctl'::regnamespace or p.oid in (select agentctl.own_routines()))
        and exists (select from unnest(p.proconfig) setting where starts_with(setting, 'enable_'))
        and not 'jit=off' = any (p.proconfig)
    loop
        execute format('alter function %s set jit = off', told);
    end loop;
    perform pg_catalog.pg_notify('pgrst', 'reload schema');
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000320', 'agentctl_own_alone');
