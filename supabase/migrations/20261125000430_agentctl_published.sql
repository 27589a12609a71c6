-- Publications that others made neither stop a migration nor stop what is written here, and what is to be done where
-- somebody else's rights are needed is said as it works.

-- Postgres 18 refuses changes of a published table whose key has a generated column, unless such columns are published.
-- It is still computed here alone, so that no caller can put a wrong content under a digest that others rely on.
alter table agentctl.contents alter column sha256 drop expression if exists;
create or replace function agentctl.name_content() returns trigger
language plpgsql set search_path = ''
as $$
begin
    new.sha256 := encode(sha256(new.content), 'hex');
    return new;
end
$$;
create or replace trigger name_content before insert or update on agentctl.contents
for each row execute function agentctl.name_content();

-- How somebody who is no superuser may do what needs the rights of this role and those of whoever owns what is ours.
create function agentctl.in_both_roles(other oid) returns text
language sql stable set search_path = ''
as $$
    select format('Or grant %s to %s, and run it as that.', other::regrole, n.nspowner::regrole)
    from pg_catalog.pg_namespace n where n.nspname = 'agentctl'
$$;

-- As before; and into a publication of whole schemas our tables go whole, too, since Postgres lets no column be left out of
-- one. Who may: a superuser, or whoever has both roles, the publication's owner and that of our tables.
create or replace procedure agentctl.publish()
language plpgsql set search_path = ''
as $$
declare
    target pg_catalog.pg_publication;
    whole boolean;
    published record;
begin
    select * into target from pg_catalog.pg_publication p where p.pubname = 'supabase_realtime';
    whole := exists (select from pg_catalog.pg_publication_namespace n where n.pnpubid = target.oid);
    if target.oid is null or target.puballtables or exists (
        select from pg_catalog.pg_publication_namespace n
        where n.pnpubid = target.oid and n.pnnspid = 'agentctl'::regnamespace
    ) then
        return;
    end if;
    for published in
        select c.oid::regclass as relation, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns,
            exists (
                select from pg_catalog.pg_publication_rel r where r.prpubid = target.oid and r.prrelid = c.oid
            ) as known
        from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and a.atttypid <> 'jsonb'::regtype
            and (c.relname <> 'declared_assistants' or a.attname in ('key', 'tenant') or starts_with(a.attname, 'elevenlabs_'))
        where c.relnamespace = 'agentctl'::regnamespace and c.relname in ('calls', 'action_items', 'assistants', 'declared_assistants')
        group by c.oid, c.relname
    loop
        if published.known then
            execute format('alter publication supabase_realtime drop table %s', published.relation);
        end if;
        execute format('alter publication supabase_realtime add table %s', published.relation)
            || case when whole then '' else format(' (%s)', published.columns) end;
    end loop;
exception when insufficient_privilege then
    raise warning 'agentctl: supabase_realtime is somebody else''s; as a superuser, run: call agentctl.publish()'
        using hint = agentctl.in_both_roles(target.pubowner);
end
$$;
call agentctl.publish();

-- As before, saying who may: a superuser, or whoever has both roles, Storage's and that of our schema.
create or replace procedure agentctl.open_recordings()
language plpgsql set search_path = ''
as $$
begin
    if to_regclass('storage.objects') is null or exists (
        select from pg_catalog.pg_policies p
        where p.schemaname = 'storage' and p.tablename = 'objects' and p.policyname = 'agentctl recordings'
    ) then
        return;
    end if;
    create policy "agentctl recordings" on storage.objects for select to authenticated
        using (agentctl.hears(bucket_id, name));
exception
    when insufficient_privilege then
        raise warning 'signed-in users fetch no recordings: % may make no policies on storage.objects', current_user
            using hint = 'As a superuser, run: call agentctl.open_recordings(). ' || agentctl.in_both_roles((
                select c.relowner from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where n.nspname = 'storage' and c.relname = 'objects'
            ));
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261125000430', 'agentctl_published');
