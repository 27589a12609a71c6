-- A row whose tenant is empty is the operator's, as one without a tenant is: what is said of its job has to find it.

-- As before, with that.
create or replace function agentctl.watched() returns trigger
language plpgsql security definer set search_path = '' set jit = 'off' set lock_timeout = '500ms'
as $$
declare
    -- As texts, since not every type can be compared, and what is another text is another content.
    said text := format(
        'select t.%I::text collate "C" as key, %s as tenant, %s as said, %%s as late from %%I t', TG_ARGV[2],
        case TG_ARGV[3] when '' then 'null::text' else format('nullif(t.%I::text collate "C", '''')', TG_ARGV[3]) end,
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

-- As before, with that, so that what was noted already is right, too.
create or replace function agentctl.tenant_of(told text, of_project text, of_environment text, of_key text) returns text
language sql stable set search_path = ''
as $$
    select coalesce(nullif(nullif(told, ''), 'default'), (
        select a.tenant from agentctl.assistants a
        where a.key = of_key and of_project in ('', a.project) and of_environment in ('', a.environment)
        order by a.updated_at desc limit 1
    ), 'default')
$$;

update agentctl.sync_jobs j set tenant = 'default' where j.tenant = '';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000600', 'agentctl_empty_tenant');
