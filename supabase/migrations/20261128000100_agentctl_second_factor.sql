-- A second factor counts wherever somebody signs in. A token that a password alone was enough for is one of nobody where
-- the user has a verified factor: Supabase Auth gives it to whoever asks, and takes it for a first step (aal1); by the
-- second one it becomes aal2 (https://supabase.com/docs/guides/auth/auth-mfa).

-- Whether the user of these claims has a second factor and has not shown it. Supabase's own example is a policy that looks
-- into auth.mfa_factors, which users may not read; this runs as our tables' owner. Where that one may not read it either,
-- nobody is let in rather than everybody. There is no such table but Supabase Auth's.
create function agentctl.lacks_factor(claims jsonb) returns boolean
language plpgsql stable set search_path = ''
as $$
declare
    factors oid := (
        select c.oid from pg_catalog.pg_class c
        where c.relname = 'mfa_factors' and c.relnamespace = (
            select n.oid from pg_catalog.pg_namespace n where n.nspname = 'auth'
        )
    );
begin
    if factors is null or claims->>'aal' in ('aal2', 'aal3') then
        return false;
    end if;
    if not (has_schema_privilege('auth', 'usage') and has_table_privilege(factors, 'select'))
        or row_security_active(factors)
    then
        raise exception '% cannot tell who has a second factor: nobody is let in', current_user using hint = format(
            'grant usage on schema auth to %1$I; grant select on auth.mfa_factors to %1$I; alter role %1$I bypassrls;',
            current_user);
    end if;
    return exists (
        select from auth.mfa_factors f
        where f.user_id = agentctl.id(jsonb_build_object('id', claims->>'sub')) and f.status = 'verified'
    );
end
$$;

-- As before; of nobody who has a second factor and has not shown it.
create or replace function agentctl.my_memberships() returns table (tenant text, role text)
language plpgsql stable parallel restricted security definer rows 3 set search_path = ''
as $$
declare
    claims jsonb := agentctl.claims();
    rule agentctl.access;
begin
    if agentctl.is_operator() then
        return query
            with recursive walk (place, tenant) as (
                select p, '' from unnest(array['assistants', 'calls', 'memberships']) p
                union all
                select w.place, next.tenant from walk w cross join lateral (
                    select case w.place
                        when 'assistants' then (select min(t.tenant) from agentctl.assistants t where t.tenant > w.tenant)
                        when 'calls' then (select min(t.tenant) from agentctl.calls t where t.tenant > w.tenant)
                        else (select min(t.tenant) from agentctl.memberships t where t.tenant > w.tenant)
                    end tenant
                ) next
                where next.tenant is not null
            )
            select w.tenant, 'admin' from walk w where w.tenant <> ''
            union select t.tenant, 'admin' from agentctl.tenants t
            union select agentctl.operator(), 'admin';
        return;
    end if;
    if agentctl.lacks_factor(claims) then
        return;
    end if;
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

-- Found here rather than by the first user who is not let in.
select agentctl.lacks_factor('{}');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000100', 'agentctl_second_factor');
