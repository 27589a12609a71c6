-- Supabase's Realtime tells of changes of the tables in the publication supabase_realtime, by the rights and policies of
-- whoever listens. A database without it, which no Realtime reads, stays as it is.

-- Calls, action items and assistants are in it with all but their documents: what a transcript or a mail is made of has
-- megabytes, and nobody waits for it on a page. Again after a column was added, or after somebody made the publication anew.
create procedure agentctl.publish()
language plpgsql set search_path = ''
as $$
declare
    published record;
begin
    if not exists (
        select from pg_catalog.pg_publication p where p.pubname = 'supabase_realtime' and not p.puballtables
            and not exists (select from pg_catalog.pg_publication_namespace n where n.pnpubid = p.oid)
    ) then
        return;
    end if;
    for published in
        select c.oid::regclass as relation, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns,
            exists (
                select from pg_catalog.pg_publication_tables t
                where (t.pubname, t.schemaname, t.tablename) = ('supabase_realtime', 'agentctl', c.relname)
            ) as known
        from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and a.atttypid <> 'jsonb'::regtype
        where c.relnamespace = 'agentctl'::regnamespace and c.relname in ('calls', 'action_items', 'assistants')
        group by c.oid, c.relname
    loop
        if published.known then
            execute format('alter publication supabase_realtime drop table %s', published.relation);
        end if;
        execute format('alter publication supabase_realtime add table %s (%s)', published.relation, published.columns);
    end loop;
exception when insufficient_privilege then
    raise warning 'agentctl: supabase_realtime is somebody else''s; as its owner, run: call agentctl.publish()';
end
$$;
comment on procedure agentctl.publish() is
    'Puts calls, action items and assistants into the publication supabase_realtime, if there is one.';

call agentctl.publish();

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000510', 'agentctl_realtime');
