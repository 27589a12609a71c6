-- agentctl: a schema of its own, so that a product's own tables are never touched.
--
-- Everything goes through functions public.agentctl_<verb>(args jsonb) returns jsonb (a hosted PostgREST exposes only
-- the schema public). They alone decide who gets a row; each is one transaction. Only service_role may call them.
-- Times are ISO-8601 in UTC on the wire. `args.tenant` is optional everywhere.
--
-- A file of this folder runs once, as one transaction. Its last statement enters it in the ledger, whoever applied it.

create schema agentctl;
comment on schema agentctl is 'agentctl: what assistants are bound to, and what happened on the phone.';

create table agentctl.migrations (
    version text primary key,
    name text not null,
    applied_at timestamptz not null default now()
);
alter table agentctl.migrations enable row level security;
comment on table agentctl.migrations is
    'The ledger: which files have run here, by `agentctl db migrate`, `supabase db push` or by hand.';

-- Whose rows a call is about. One tenant until there are more.
create function agentctl.tenant(args jsonb) returns text
language sql immutable parallel safe set search_path = ''
as $$ select coalesce(nullif(args->>'tenant', ''), 'default') $$;

-- Ids travel as text: one that is not a UUID names no row, which is an answer and not an error.
create function agentctl.id(args jsonb) returns uuid
language sql immutable parallel safe set search_path = ''
as $$
    select case
        when args->>'id' ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
        then (args->>'id')::uuid
    end
$$;

-- A JSON null is stored as SQL's null.
create function agentctl.given(args jsonb, field text) returns jsonb
language sql immutable parallel safe set search_path = ''
as $$ select nullif(args->field, 'null'::jsonb) $$;

create function agentctl.seconds(args jsonb, field text) returns interval
language sql immutable parallel safe set search_path = ''
as $$ select make_interval(secs => (args->>field)::double precision) $$;

-- Every migration ends with this: no function is callable by accident. It goes by the catalogue, so that a new function
-- cannot be forgotten, and minds roles only where they exist, so that any Postgres will do.
-- The default privileges of Supabase grant each new function in public to anon and authenticated by name.
create procedure agentctl.seal()
language plpgsql set search_path = ''
as $$
declare
    routine regprocedure;
    outsider text;
begin
    for routine in
        select p.oid::regprocedure
        from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'agentctl' or (n.nspname = 'public' and starts_with(p.proname, 'agentctl_'))
    loop
        execute format('revoke all on routine %s from public', routine);
        for outsider in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated') loop
            execute format('revoke all on routine %s from %I', routine, outsider);
        end loop;
        if exists (select from pg_catalog.pg_roles where rolname = 'service_role')
            and starts_with(routine::text, 'public.') then
            execute format('grant execute on function %s to service_role', routine);
        end if;
    end loop;
    for outsider in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated') loop
        execute format('revoke all on schema agentctl from %I', outsider);
        execute format('revoke all on all tables in schema agentctl from %I', outsider);
    end loop;
    perform pg_catalog.pg_notify('pgrst', 'reload schema');
end
$$;
comment on procedure agentctl.seal() is 'Takes every right on agentctl''s routines and tables from everybody but service_role.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261121000000', 'agentctl');
