-- A button works right after saving: for a row that no worker has looked at yet, and for one that was there before its
-- table was adopted.

-- Whose the rows with this key are in the tables that are watched, and whose workers sync them. A table that cannot be
-- read here, or whose columns have other names by now, tells of none.
create function agentctl.rows_watched(key text) returns table (tenant text, project text, environment text)
language plpgsql stable set search_path = '' set jit = 'off'
as $$
declare
    watch record;
    given text[];
begin
    for watch in
        select t.tgrelid::regclass as relation, string_to_array(encode(t.tgargs, 'escape'), '\000') as args
        from pg_catalog.pg_trigger t
        where t.tgfoid = 'agentctl.watched()'::regprocedure and t.tgenabled <> 'D' and right(t.tgname, 7) = '_insert'
            and length(rows_watched.key) between 1 and 200
    loop
        begin
            given := array(select convert_from(decode(a, 'escape'), 'UTF8') from unnest(watch.args) a);
            return query execute format(
                'select distinct coalesce(%s, ''default''), $2, $3 from %s t where t.%I::text = $1',
                case given[4] when '' then 'null::text' else format('nullif(t.%I::text, '''')', given[4]) end,
                watch.relation, given[3]
            ) using rows_watched.key, given[1], given[2];
        exception when others then
            continue;
        end;
    end loop;
end
$$;

-- As before; of an assistant of one's own tenants that was synced, that a sync of was tried or waits, or that is declared
-- in a table that is watched.
create or replace function public.agentctl_request_sync(key text) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    mine text[] := agentctl.my_tenants();
    mine_to_change text[] := agentctl.my_tenants('editor');
    found_one agentctl.sync_changes;
    requested boolean := false;
begin
    for found_one.tenant, found_one.project, found_one.environment in
        select o.tenant, o.project, o.environment from (
            select a.tenant, a.project, a.environment from agentctl.assistants a
            where a.key = agentctl_request_sync.key
            union
            select j.tenant, j.project, j.environment from agentctl.sync_jobs j
            where j.key = agentctl_request_sync.key
            union
            select c.tenant, c.project, c.environment from agentctl.sync_changes c
            where c.key = agentctl_request_sync.key and not c.requested  -- a request only guesses whose it is
            union
            select r.tenant, r.project, r.environment from agentctl.rows_watched(agentctl_request_sync.key) r
        ) o
        where o.tenant = any (mine)
    loop
        if found_one.tenant <> all (mine_to_change) then
            raise insufficient_privilege using message = 'a viewer reads assistants and cannot sync them';
        end if;
        insert into agentctl.sync_changes (tenant, project, environment, key, requested)
        values (found_one.tenant, found_one.project, found_one.environment, agentctl_request_sync.key, true);
        insert into agentctl.audit (tenant, actor, action, subject)
        values (found_one.tenant, agentctl.my_name(), 'sync', jsonb_build_object('key', key));
        requested := true;
    end loop;
    if not requested then
        raise sqlstate 'PT404' using message = 'there is no such assistant';
    end if;
    perform pg_catalog.pg_notify('agentctl_sync', '');
    return jsonb_build_object('requested', true);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000320', 'agentctl_just_saved');
