-- Who of a product's users belongs to which tenant, and how that is told: by `agentctl.memberships`, by a claim of the
-- token they sign in with, or by a table that the product keeps anyway. `agentctl.my_tenants()` is the one answer that
-- policies and functions rest on; it takes nobody's word for a tenant.

create table agentctl.memberships (
    tenant text not null check (tenant <> ''),
    user_id uuid not null,
    role text not null default 'editor' check (role in ('viewer', 'editor', 'admin')),
    since timestamptz not null default now(),
    primary key (user_id, tenant)
);
alter table agentctl.memberships enable row level security;
create index memberships_by_tenant on agentctl.memberships (tenant, user_id);
comment on table agentctl.memberships is
    'Which user sees which tenant, where no claim and no table of the product tells it.';
comment on column agentctl.memberships.tenant is
    'The customer whose calls and assistants the user sees; default is the operator itself.';
comment on column agentctl.memberships.user_id is 'The user''s id in Supabase Auth: the claim sub.';
comment on column agentctl.memberships.role is
    'viewer reads, editor also ticks off and syncs, admin also decides who belongs to it.';
comment on column agentctl.memberships.since is 'When the user was first entered for the tenant.';

-- The operator's word for where memberships are told. A user writes `user_metadata`, so nothing there is believed.
create table agentctl.access (
    only_one boolean primary key default true check (only_one),
    way text not null check (way in ('claim', 'table')),
    claim text[],
    role_claim text[],
    membership_table regclass,
    tenant_column name,
    user_column name,
    role_column name,
    roles jsonb not null default '{}' check (jsonb_typeof(roles) = 'object'),
    otherwise text not null default 'editor' check (otherwise in ('viewer', 'editor', 'admin')),
    check (way <> 'claim' or cardinality(claim) > 0),
    check (way <> 'table' or num_nulls(membership_table, tenant_column, user_column) = 0),
    check (not coalesce('user_metadata' = any (claim || role_claim), false))
);
alter table agentctl.access enable row level security;
comment on table agentctl.access is 'How it is told who belongs to which tenant. No row: by agentctl.memberships.';
comment on column agentctl.access.only_one is 'There is one row at most.';
comment on column agentctl.access.way is 'claim: the token tells it; table: a table or view of the product does.';
comment on column agentctl.access.claim is
    'The path of the claim: a tenant, a list of tenants, or an object of tenant and role.';
comment on column agentctl.access.role_claim is 'The path of the claim that tells the role, if there is one.';
comment on column agentctl.access.membership_table is 'The product''s own table or view.';
comment on column agentctl.access.tenant_column is 'Its column with the tenant.';
comment on column agentctl.access.user_column is 'Its column with the user''s id, a uuid or a text.';
comment on column agentctl.access.role_column is 'Its column with the role, if there is one.';
comment on column agentctl.access.roles is
    'The product''s words for roles, each with ours; a word that is in neither is a viewer.';
comment on column agentctl.access.otherwise is 'The role of those of whom no role is told.';

-- What is known of who asks, as PostgREST hands it over. Nothing where nobody signed in.
create function agentctl.claims() returns jsonb
language sql stable parallel safe set search_path = ''
as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;

-- Each tenant that a claim names with the word for the role that stands beside it.
create function agentctl.claimed(found jsonb) returns table (tenant text, word text)
language sql immutable parallel safe set search_path = ''
as $$
    select one.key, one.value
    from jsonb_each_text(case jsonb_typeof(found) when 'object' then found else '{}' end) one
    union all
    select one.value, null
    from jsonb_array_elements_text(
        case jsonb_typeof(found)
            when 'array' then found when 'object' then '[]' when 'null' then '[]' else jsonb_build_array(found)
        end
    ) one
    where found is not null
$$;

-- The same of a user in the product's table. An id that the column cannot hold is nobody's.
create function agentctl.entered(rule agentctl.access, sub text) returns table (tenant text, word text)
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

create function agentctl.my_memberships() returns table (tenant text, role text)
language plpgsql stable parallel restricted security definer rows 3 set search_path = ''
as $$
declare
    claims jsonb := agentctl.claims();
    rule agentctl.access;
begin
    select * into rule from agentctl.access;
    if not found then
        return query
            select m.tenant, m.role from agentctl.memberships m
            where m.user_id = agentctl.id(jsonb_build_object('id', claims->>'sub'));
        return;
    end if;
    return query
        select told.tenant, case
            when told.word is null then rule.otherwise
            when rule.roles ? told.word then rule.roles->>told.word
            when told.word in ('viewer', 'editor', 'admin') then told.word
            else 'viewer'
        end
        from (
            select c.tenant, coalesce(c.word, claims #>> rule.role_claim) as word
            from agentctl.claimed(claims #> rule.claim) c where rule.way = 'claim'
            union all
            select e.tenant, e.word from agentctl.entered(rule, claims->>'sub') e where rule.way = 'table'
        ) told
        where told.tenant <> '';
end
$$;
comment on function agentctl.my_memberships() is 'The tenants of who asks, and the role in each.';

create function agentctl.my_tenants(at_least text default 'viewer') returns text[]
language sql stable parallel restricted security definer set search_path = ''
as $$
    select coalesce(array_agg(distinct m.tenant), '{}')
    from agentctl.my_memberships() m
    where array_position(array['viewer', 'editor', 'admin'], m.role)
        >= array_position(array['viewer', 'editor', 'admin'], at_least)
$$;
comment on function agentctl.my_tenants(text) is
    'The tenants in which who asks has this role or a higher one. Once per statement in a policy that says: '
    'tenant = any ((select agentctl.my_tenants())::text[])';

create function public.agentctl_my_memberships() returns table (tenant text, role text)
language sql stable security definer set search_path = ''
as $$ select m.tenant, m.role from agentctl.my_memberships() m order by m.tenant $$;
comment on function public.agentctl_my_memberships() is 'For signed-in users: their tenants, and their role in each.';

create function public.agentctl_save_membership(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    member uuid := agentctl.id(jsonb_build_object('id', args->>'user_id'));
    is_new boolean;
begin
    if member is null or coalesce(args->>'tenant', '') = '' then
        raise exception 'a membership needs a tenant and a user_id, which is a UUID';
    end if;
    if coalesce(args->>'role', 'editor') not in ('viewer', 'editor', 'admin') then
        raise exception 'the role of a member is viewer, editor or admin';
    end if;
    insert into agentctl.memberships as m (tenant, user_id, role)
    values (args->>'tenant', member, coalesce(args->>'role', 'editor'))
    on conflict (user_id, tenant) do update set role = excluded.role
    returning xmax = 0 into is_new;
    return jsonb_build_object('new', is_new);
end
$$;
comment on function public.agentctl_save_membership(jsonb) is
    'Enters user_id for tenant with role (default editor), or gives the member another role.';

create function public.agentctl_remove_membership(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with gone as (
        delete from agentctl.memberships m
        where m.tenant = args->>'tenant' and m.user_id = agentctl.id(jsonb_build_object('id', args->>'user_id'))
        returning 1
    )
    select jsonb_build_object('removed', exists (select from gone))
$$;
comment on function public.agentctl_remove_membership(jsonb) is 'From then on user_id sees nothing more of tenant.';

create function public.agentctl_memberships(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(m) order by m.since, m.user_id), '[]')
    from agentctl.memberships m where m.tenant = agentctl.tenant(args)
$$;
comment on function public.agentctl_memberships(jsonb) is 'The members of a tenant, the first one first.';

-- The path of a claim, as `app_metadata.tenant_id` or, where a name has a dot in it, as a list of names.
create function agentctl.claim_path(given jsonb) returns text[]
language sql immutable parallel safe set search_path = ''
as $$
    select case jsonb_typeof(given)
        when 'string' then string_to_array(given #>> '{}', '.')
        when 'array' then array(select * from jsonb_array_elements_text(given))
    end
$$;

-- Whoever could write the table of members could let themselves in. Policies may keep them from it, which only the
-- product knows; a table without row-level security, or a view that passes writes on, keeps nobody.
create function agentctl.is_open(relation regclass) returns boolean
language sql stable set search_path = ''
as $$
    select exists (
        select from pg_catalog.pg_class c cross join pg_catalog.pg_roles r
        where c.oid = relation and r.rolname in ('anon', 'authenticated')
            and not (c.relkind in ('r', 'p') and c.relrowsecurity)
            and (c.relkind in ('r', 'p', 'f') or pg_catalog.pg_relation_is_updatable(c.oid, true) & 12 <> 0)
            and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'insert, update')
    )
$$;

create function agentctl.table_rule(args jsonb) returns agentctl.access
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
    if agentctl.is_open(rule.membership_table) then
        raise exception 'users may write % and could enter themselves', rule.membership_table
            using hint = 'Enable row-level security on it; of a view, revoke insert and update from both roles.';
    end if;
    rule.tenant_column := args->>'tenant_column';
    rule.user_column := args->>'user_column';
    rule.role_column := args->>'role_column';
    return rule;
end
$$;

create function public.agentctl_save_access(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    rule agentctl.access;
    word record;
begin
    if args->>'way' is null or args->>'way' not in ('memberships', 'claim', 'table') then
        raise exception 'way is memberships, claim or table';
    end if;
    if args->>'way' = 'table' then
        rule := agentctl.table_rule(args);
    elsif args->>'way' = 'claim' then
        rule.claim := agentctl.claim_path(args->'claim');
        rule.role_claim := agentctl.claim_path(args->'role_claim');
        if coalesce(cardinality(rule.claim), 0) = 0 then
            raise exception 'claim is missing: the path of the claim with the tenant, as app_metadata.tenant_id';
        end if;
        if 'user_metadata' = any (rule.claim || rule.role_claim) then
            raise exception 'user_metadata is written by users themselves: use app_metadata';
        end if;
    end if;
    rule.roles := coalesce(agentctl.given(args, 'roles'), '{}');
    rule.otherwise := coalesce(args->>'otherwise', 'editor');
    for word in select * from jsonb_each_text(rule.roles) union all select 'otherwise', rule.otherwise loop
        if word.value is null or word.value not in ('viewer', 'editor', 'admin') then
            raise exception 'the role of % is viewer, editor or admin', word.key;
        end if;
    end loop;
    delete from agentctl.access;
    if args->>'way' <> 'memberships' then
        insert into agentctl.access
        values (true, args->>'way', rule.claim, rule.role_claim, rule.membership_table, rule.tenant_column,
            rule.user_column, rule.role_column, rule.roles, rule.otherwise);
    end if;
    return jsonb_build_object('way', args->>'way');
end
$$;
comment on function public.agentctl_save_access(jsonb) is
    'For the operator: how it is told who belongs to which tenant. way: memberships, claim or table.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000200', 'agentctl_members');
