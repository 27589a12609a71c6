-- Supabase's roles and auth functions for a plain Postgres, so that the same migrations and the same row-level
-- security run there. Apply it before the migrations, and only where Supabase is not: on a database with Supabase's
-- own administrators it does nothing. It can be run again, and by several at once. Needs a superuser (bypassrls).
--
-- One statement: a client that sends it in one piece either gets all of it or nothing.
do $shim$
declare
  wanted record;
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
      exception when duplicate_object or unique_violation then
        null;
      end;
    end if;
  end loop;

  for wanted in select pg_catalog.unnest(array['anon', 'authenticated', 'service_role']) as name loop
    if not pg_catalog.pg_has_role('authenticator', wanted.name, 'member') then
      begin
        execute pg_catalog.format('grant %I to authenticator', wanted.name);
      exception when unique_violation then
        null;
      end;
    end if;
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

  grant usage on schema auth to anon, authenticated, service_role;
  grant execute on function auth.uid(), auth.role(), auth.jwt() to anon, authenticated, service_role;

  -- Supabase's defaults, generous on purpose: a migration that forgets to revoke must fail its tests here as well.
  grant usage on schema public to anon, authenticated, service_role;
  alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
  alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
end
$shim$;
