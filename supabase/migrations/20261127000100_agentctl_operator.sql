-- Who sits at the machine of an embedded store is its operator; calls are also found by direction and by our own number.

-- The one person at a store of their own signs in nowhere. Their claims are these words and nothing else, and are believed
-- only over a connection that could read the tables anyway: whoever may use the rights of their owner. PostgREST's
-- authenticator may not, whatever a token says, and no token of Supabase Auth is without a role and an end.
create function agentctl.is_operator() returns boolean
language plpgsql stable parallel restricted set search_path = ''
as $$
begin
    return agentctl.claims() = '{"agentctl": "operator"}' and (
        select pg_catalog.pg_has_role(session_user, c.relowner, 'usage') from pg_catalog.pg_class c
        where c.oid = 'agentctl.memberships'::regclass
    );
end
$$;

-- As before; the operator is admin of every tenant that has anything, and of their own.
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

-- Who asks, as the audit log has it.
create function agentctl.my_name() returns text
language sql stable set search_path = ''
as $$ select case when agentctl.is_operator() then 'operator' else concat('user:', agentctl.claims()->>'sub') end $$;

-- As before, by whomever it is.
create or replace function public.agentctl_mark_done(item text, done boolean default true) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    mine text[] := agentctl.my_tenants();
    mine_to_change text[] := agentctl.my_tenants('editor');
    called text := regexp_replace(item, ':[^:]*$', '');
    owner text;
    marked jsonb;
begin
    if item is null or done is null then
        raise exception 'item is the id of an action item, and done is true or false';
    end if;
    select i.tenant into owner from agentctl.action_items i
    where i.tenant = any (mine) and i.conversation_id = called and agentctl.item_id(i) = item
    order by i.tenant = any (mine_to_change) desc limit 1;
    if not found then
        raise sqlstate 'PT404' using message = 'there is no such action item';
    end if;
    if owner <> all (mine_to_change) then
        raise insufficient_privilege using message = 'a viewer reads action items and cannot tick them off';
    end if;
    marked := public.agentctl_mark_action_item(
        jsonb_build_object('tenant', owner, 'conversation_id', called, 'id', item, 'done', done));
    if (marked->>'changed')::boolean then
        insert into agentctl.audit (tenant, actor, action, subject)
        values (owner, agentctl.my_name(), case when done then 'done' else 'reopen' end,
            jsonb_build_object('item', item));
    end if;
    return jsonb_build_object('id', item, 'done', done, 'changed', (marked->>'changed')::boolean);
end
$$;

-- As before, likewise.
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
        values (found_one.tenant, agentctl.my_name(), 'sync', jsonb_build_object('key', key));
        requested := true;
    end loop;
    if not requested then
        raise sqlstate 'PT404' using message = 'there is no such assistant';
    end if;
    return jsonb_build_object('requested', true);
end
$$;

-- As before, and by `direction`, and `agent_number` as the call has it.
create or replace function agentctl.is_wanted(c agentctl.calls, args jsonb)
returns boolean
language sql stable
begin atomic
    select (args->>'project' is null or c.project = args->>'project')
        and (args->>'environment' is null or c.environment = args->>'environment')
        and (args->>'assistant' is null or c.assistant = args->>'assistant')
        and (args->>'since' is null or c.started_at >= (args->>'since')::timestamptz)
        and (args->>'until' is null or c.started_at < (args->>'until')::timestamptz)
        and (args->>'number' is null
            or agentctl.backwards(c.external_number) = agentctl.backwards(args->>'number')
            or c.user_id is not null and agentctl.is_user(c.user_id, args->>'number', true))
        and (args->>'number_ending' is null
            or agentctl.backwards(c.external_number) like agentctl.backwards(args->>'number_ending') || '%'
            or c.user_id is not null and agentctl.is_user(c.user_id, args->>'number_ending', false))
        and (args->>'agent_number' is null or c.agent_number = args->>'agent_number')
        and (args->>'direction' is null or c.direction = args->>'direction')
        and (args->>'outcome' is null or c.outcome = args->>'outcome')
        and (args->>'status' is null or c.status = args->>'status')
        and (args->>'items' is null or c.open_items is not null)
        and (args->>'items' is distinct from 'open' or c.open_items > 0);
end;

-- Where most calls go the other way, or to other numbers, those asked for are not looked for one by one.
create index calls_by_agent_number on agentctl.calls (tenant, agent_number, started_at desc, conversation_id desc);
create index calls_by_direction on agentctl.calls (tenant, direction, started_at desc, conversation_id desc)
    where direction <> 'inbound';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000100', 'agentctl_operator');
