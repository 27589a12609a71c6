-- A tenant is the same one with blanks around its name, as rows are read; and a place of a key is one tenant's, however many
-- save theirs at once.

-- A tenant as a row names it: without the blanks around it, null where nothing is left. Without a setting of its own, so
-- that it costs a statement of many rows nothing.
create function agentctl.named_tenant(said text) returns text
language sql immutable
as $$ select nullif(pg_catalog.btrim(said collate "C", e' \t\n\r\f\v'), '') $$;

-- As before, with that.
create or replace function agentctl.watched() returns trigger
language plpgsql security definer set search_path = '' set jit = 'off' set lock_timeout = '500ms'
as $$
declare
    -- As texts, since not every type can be compared, and what is another text is another content.
    said text := format(
        'select t.%I::text collate "C" as key, %s as tenant, %s as said, %%s as late from %%I t', TG_ARGV[2],
        case TG_ARGV[3] when '' then 'null::text' else format('agentctl.named_tenant(t.%I::text)', TG_ARGV[3]) end,
        case TG_OP when 'UPDATE' then (
            select format('array[%s]', string_agg(format('pg_catalog.hashtextextended(t.%I::text collate "C", 0)', c), ', '))
            from unnest(TG_ARGV[4:]) c
        ) else 'null::bigint[]' end
    );
    noted integer;
begin
    begin
        -- What is the same before and after is no change; where a row was there both times, the later one tells whose
        -- it is.
        execute format(
            'insert into agentctl.sync_changes (tenant, project, environment, key)
             select distinct on (c.key) coalesce(c.tenant, ''default''), $1, $2, c.key
             from (
                 select u.key, u.tenant, max(u.late) as late from (%s) u
                 where u.key <> '''' and length(u.key) <= 200
                 group by u.key, u.tenant, u.said having min(u.late) = max(u.late)
             ) c order by c.key, c.late desc',
            concat_ws(' union all ', case when TG_OP <> 'INSERT' then format(said, 0, 'before') end,
                case when TG_OP <> 'DELETE' then format(said, 1, 'after') end)
        ) using TG_ARGV[0], TG_ARGV[1];
        get diagnostics noted = row_count;
    exception when others then
        -- The names of what is missing may be told; any other message could quote what is in the row.
        insert into agentctl.sync_changes (project, environment, key, trouble)
        values (TG_ARGV[0], TG_ARGV[1], '', format(
            'the watch of %s cannot tell what changed (%s)', TG_RELID::regclass,
            concat_ws(': ', sqlstate, case when sqlstate like '42%' then sqlerrm end)
        ));
        noted := 1;
    end;
    if noted > 0 then
        perform pg_catalog.pg_notify('agentctl_sync', '');
    end if;
    return null;
exception when others then
    raise warning 'agentctl: a change of % was not noted (%)', TG_RELID::regclass, sqlstate;
    return null;
end
$$;


-- As before, with that.
create or replace function agentctl.rows_watched(key text) returns table (tenant text, project text, environment text)
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
                'select distinct coalesce(%1$s, ''default''), $2, $3 from %2$s t where t.%3$I = $1::%4$s and t.%3$I::text = $1',
                case given[4] when '' then 'null::text' else format('agentctl.named_tenant(t.%I::text)', given[4]) end,
                watch.relation, given[3], agentctl.type_of(watch.relation, given[3])
            ) using rows_watched.key, given[1], given[2];
        exception when others then
            continue;
        end;
    end loop;
end
$$;


-- As before, with that, so that what was noted already is right, too.
create or replace function agentctl.tenant_of(told text, of_project text, of_environment text, of_key text) returns text
language sql stable set search_path = ''
as $$
    select coalesce(nullif(agentctl.named_tenant(told), 'default'), (
        select a.tenant from agentctl.assistants a
        where a.key = of_key and of_project in ('', a.project) and of_environment in ('', a.environment)
        order by a.updated_at desc limit 1
    ), 'default')
$$;

update agentctl.sync_jobs j set tenant = coalesce(agentctl.named_tenant(j.tenant), 'default')
where j.tenant is distinct from coalesce(agentctl.named_tenant(j.tenant), 'default');

-- As before; of two who save one key at once, the later one is refused.
create or replace function public.agentctl_save_tenant(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    given jsonb := (args->'set') - array['tenant', 'updated_at'];
    found agentctl.tenants;
    owner agentctl.tenants;
begin
    if coalesce(args->>'tenant', 'default') = 'default' then
        raise exception 'default is the operator itself, whose credentials are the project''s settings';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('agentctl tenants', 0));
    select * into found from agentctl.tenants t where t.tenant = args->>'tenant';
    found := jsonb_populate_record(found, given);
    found.tenant := args->>'tenant';
    found.updated_at := now();
    select * into owner from agentctl.tenants t where t.tenant = found.workspace_of;
    if found.workspace_of is not null and owner.elevenlabs_key is null then
        raise exception 'tenant %: % has no workspace of its own to live in', found.tenant, found.workspace_of;
    end if;
    if found.elevenlabs_key is null and exists (
        select from agentctl.tenants t where t.workspace_of = found.tenant
    ) then
        raise exception 'tenant %: others live in its workspace, so that it has to keep its key', found.tenant;
    end if;
    -- Of what is so already nobody is kept from what else is saved.
    if given ? 'elevenlabs_key' and exists (
        select from agentctl.tenants t where t.elevenlabs_key = found.elevenlabs_key and t.tenant <> found.tenant
    ) then
        raise exception 'tenant %: its key is that of another tenant already', found.tenant;
    end if;
    insert into agentctl.tenants select found.*
    on conflict (tenant) do update set (
        elevenlabs_key, elevenlabs_webhook_secret, twilio_account_sid, twilio_auth_token, workspace_of
    ) = (
        excluded.elevenlabs_key, excluded.elevenlabs_webhook_secret, excluded.twilio_account_sid,
        excluded.twilio_auth_token, excluded.workspace_of
    );
    -- What was given is known to be references by now; of names that the table has not, nothing is kept.
    perform agentctl.tenant_changed(found.tenant, args->>'actor', 'tenants set', (
        select coalesce(jsonb_object_agg(g.key, g.value), '{}') from jsonb_each(given) g where to_jsonb(found) ? g.key
    ));
    return jsonb_build_object('tenant', found.tenant);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000380', 'agentctl_same_tenant');
