-- Supabase's roles and auth functions for a plain Postgres, so that the same migrations and the same row-level
-- security run there. Apply it before the migrations, and only where Supabase is not: on a database with Supabase's
-- own administrators it does nothing. It can be run again, and by several at once.
--
-- A role that whoever runs this may not make is left out, and what follows minds those alone that are there: `bypassrls`
-- is for a superuser to give (from 16 on for who has it), and a service_role without it would take hidden rows for none.
-- Once somebody has made it: this again, then `call agentctl.seal()`.
--
-- One statement: a client that sends it in one piece either gets all of it or nothing.
do $shim$
declare
  wanted record;
  here text;
begin
  if exists (select from pg_catalog.pg_roles where rolname in ('supabase_admin', 'supabase_auth_admin')) then
    return;
  end if;
  -- Two who run this in one database wait for each other. Roles belong to the whole cluster, where no advisory lock
  -- reaches across databases: there the second one's duplicate is caught.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('agentctl.roles', 0));

  for wanted in
    select * from (values
      ('anon', 'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role', 'nologin noinherit bypassrls'),
      ('authenticator', 'login noinherit')
    ) as role (name, options)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      begin
        execute pg_catalog.format('create role %I %s', wanted.name, wanted.options);
      exception
        when duplicate_object or unique_violation then
          null;
        when insufficient_privilege then
          raise warning '% may not make the role %, which is left out', current_user, wanted.name;
      end;
    end if;
  end loop;

  for wanted in
    select r.rolname as name from pg_catalog.pg_roles r join pg_catalog.pg_roles a on a.rolname = 'authenticator'
    where r.rolname in ('anon', 'authenticated', 'service_role')
      and not pg_catalog.pg_has_role(a.oid, r.oid, 'member')
  loop
    begin
      execute pg_catalog.format('grant %I to authenticator', wanted.name);
    exception
      when unique_violation then
        null;
      when insufficient_privilege then
        raise warning '% may not grant % to authenticator', current_user, wanted.name;
    end;
  end loop;

  create schema if not exists auth;
  create table if not exists auth.users (id uuid primary key, email text);

  -- As Supabase defines them: PostgREST sets `request.jwt.claims` for each request (older versions one setting for
  -- each claim), and an unset setting is null or, once it was set in this session, an empty string.
  if pg_catalog.to_regprocedure('auth.uid()') is null then
    create function auth.uid() returns uuid language sql stable as $body$
      select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
      )::uuid
    $body$;
  end if;
  if pg_catalog.to_regprocedure('auth.role()') is null then
    create function auth.role() returns text language sql stable as $body$
      select coalesce(
        nullif(current_setting('request.jwt.claim.role', true), ''),
        (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
      )::text
    $body$;
  end if;
  if pg_catalog.to_regprocedure('auth.jwt()') is null then
    create function auth.jwt() returns jsonb language sql stable as $body$
      select coalesce(
        nullif(current_setting('request.jwt.claim', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')
      )::jsonb
    $body$;
  end if;

  select pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ') into here from pg_catalog.pg_roles r
  where r.rolname in ('anon', 'authenticated', 'service_role');
  if here is null then
    return;
  end if;
  execute 'grant usage on schema auth to ' || here;
  execute 'grant execute on function auth.uid(), auth.role(), auth.jwt() to ' || here;

  -- Supabase's defaults, generous on purpose: a migration that forgets to revoke must fail its tests here as well.
  execute 'grant usage on schema public to ' || here;
  for wanted in select pg_catalog.unnest(array['tables', 'sequences', 'functions']) as things loop
    execute pg_catalog.format('alter default privileges in schema public grant all on %s to %s', wanted.things, here);
  end loop;
end
$shim$;
