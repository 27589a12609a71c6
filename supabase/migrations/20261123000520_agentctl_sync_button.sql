-- What a settings page needs: a sync that a signed-in user asks for, and to hear of it by Realtime.

-- Of an assistant of one's own tenants: one that was synced, or that a sync of was tried.
create function public.agentctl_request_sync(key text) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    mine text[] := agentctl.my_tenants();
    mine_to_change text[] := agentctl.my_tenants('editor');
    found_one agentctl.sync_changes;
    requested boolean := false;
begin
    for found_one.tenant, found_one.project, found_one.environment in
        select a.tenant, a.project, a.environment from agentctl.assistants a
        where a.key = agentctl_request_sync.key and a.tenant = any (mine)
        union
        select j.tenant, j.project, j.environment from agentctl.sync_jobs j
        where j.key = agentctl_request_sync.key and j.tenant = any (mine)
    loop
        if found_one.tenant <> all (mine_to_change) then
            raise insufficient_privilege using message = 'a viewer reads assistants and cannot sync them';
        end if;
        perform agentctl.request_sync(key, found_one.project, found_one.environment);
        insert into agentctl.audit (tenant, actor, action, subject)
        values (found_one.tenant, concat('user:', agentctl.claims()->>'sub'), 'sync', jsonb_build_object('key', key));
        requested := true;
    end loop;
    if not requested then
        raise sqlstate 'PT404' using message = 'there is no such assistant';
    end if;
    return jsonb_build_object('requested', true);
end
$$;
comment on function public.agentctl_request_sync(text) is
    'For signed-in editors: has the assistant with this key synced at once.';

insert into agentctl.exposed (object) values ('public.agentctl_request_sync(text)');

-- Realtime tells of a row only to those who may read the whole of its primary key.
update agentctl.exposed e set columns = e.columns || '{workspace}'
where e.object = 'agentctl.assistants' and 'workspace' <> all (e.columns);

-- And what is written back to an assistant that is declared in our own table.
insert into agentctl.exposed (object, columns) values (
    'agentctl.declared_assistants',
    '{key, tenant, elevenlabs_agent_id, elevenlabs_phone_number_id, elevenlabs_synced_at, elevenlabs_sync_error}'
);

-- As before, with that.
create or replace procedure agentctl.publish()
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
            and (c.relname <> 'declared_assistants' or a.attname in ('key', 'tenant') or starts_with(a.attname, 'elevenlabs_'))
        where c.relnamespace = 'agentctl'::regnamespace and c.relname in ('calls', 'action_items', 'assistants', 'declared_assistants')
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
call agentctl.publish();

-- A view's columns mean what those of its table do.
do $$
declare
    shown record;
begin
    for shown in
        select c.relname, v.attname, pg_catalog.col_description(t.attrelid, t.attnum) as meaning
        from pg_catalog.pg_class c
        join pg_catalog.pg_attribute v on v.attrelid = c.oid and v.attnum > 0
        join pg_catalog.pg_attribute t on t.attname = v.attname
            and t.attrelid = to_regclass('agentctl.' || substr(c.relname, length('agentctl_') + 1))
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'v' and starts_with(c.relname, 'agentctl_')
            and pg_catalog.col_description(v.attrelid, v.attnum) is null
    loop
        execute format('comment on column public.%I.%I is %L', shown.relname, shown.attname, shown.meaning);
    end loop;
end
$$;
comment on column public.agentctl_action_items.id is 'What agentctl_mark_done takes.';
comment on column public.agentctl_calls.has_recording is 'Whether there is sound of it.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000520', 'agentctl_sync_button');
