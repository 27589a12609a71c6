-- A dump into a project whose default privileges grant what is new in public to anon, or a `grant all on all functions`
-- of the product's own, opens what every migration had closed, and none is pending that would close it. So it can be
-- asked for, and closed again, by whoever may call a function here.

-- What users, or everybody, may do beyond what agentctl.exposed names. No rights told are those that Postgres gives:
-- PUBLIC may call every function.
create function agentctl.opened() returns table (object text, whose text, may text)
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
        select c.oid, c.relkind, c.relacl, c.relrowsecurity from pg_catalog.pg_class c
        join places p on p.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and (not p.is_shared or starts_with(c.relname, 'agentctl_'))
    ), held (object, kind, id, part, rights) as (
        select 'schema agentctl', 'schema', p.oid, null::name, coalesce(p.nspacl, acldefault('n', p.nspowner))
        from places p where not p.is_shared
        union all
        select f.oid::regprocedure::text, 'routine', f.oid, null, coalesce(f.proacl, acldefault('f', f.proowner))
        from pg_catalog.pg_proc f join places p on p.oid = f.pronamespace
        where not p.is_shared or starts_with(f.proname, 'agentctl_')
        union all
        select r.oid::regclass::text, case r.relkind when 'v' then 'view' else 'relation' end, r.oid, null, r.relacl
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

create function public.agentctl_opened(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object(
        'count', count(*),
        'objects', count(distinct l.object),
        'named', coalesce(jsonb_agg(format('%s may %s %s', l.whose, l.may, l.object)) filter (where l.place <= 5), '[]')
    )
    from (
        select o.*, row_number() over (order by o.whose, o.object, o.may) as place from agentctl.opened() o
    ) l
$$;
comment on function public.agentctl_opened(jsonb) is
    'How many rights on what is agentctl''s others than the server have beyond agentctl.exposed, and the first of them.';

-- Nothing is meant to be open, so whoever finds that something is may close it. Two at once would change the same rows.
create function public.agentctl_seal(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('agentctl.seal', 0));
    if exists (select from agentctl.opened()) then
        call agentctl.seal();
    end if;
    return public.agentctl_opened('{}');
end
$$;
comment on function public.agentctl_seal(jsonb) is
    'Takes what agentctl_opened tells of, and answers what is left of it: rights that somebody else has granted.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000310', 'agentctl_opened');
