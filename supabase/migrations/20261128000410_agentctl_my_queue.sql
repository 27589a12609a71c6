-- How the queues of a tenant stand, what was given up of it, and what was applied to its assistants: told to its own people
-- and taken up again by them, so that only the store decides whose it is.

-- As before, of one tenant, with what its people may read of failures, or of all.
create or replace function public.agentctl_sync_queue(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with jobs as (
        select j.* from agentctl.sync_jobs j where j.tenant = coalesce(nullif(args->>'tenant', ''), j.tenant)
    ), changes as (
        select c.* from agentctl.sync_changes c
        where coalesce(args->>'tenant', '') = ''
            or agentctl.tenant_of(c.tenant, c.project, c.environment, c.key) = args->>'tenant'
    ), served as (
        select o.project, o.environment
        from (select distinct c.project, c.environment from changes c) o
        where o.project = '' or agentctl.is_served(o.project, o.environment)
    ), waiting as (
        select j.key, j.first_at from jobs j where j.state = 'pending'
        union all
        select c.key, min(c.changed_at) from changes c
        where (c.requested or exists (
            select from served s where (s.project, s.environment) = (c.project, c.environment)
        )) and not exists (
            select from jobs j where j.key = c.key and j.state = 'pending'
                and c.project in ('', j.project) and c.environment in ('', j.environment)
        ) group by c.project, c.environment, c.key
    ), given_up as (
        select j.id from jobs j where j.state = 'dead' and not exists (
            select from changes c where c.key = j.key
                and c.project in ('', j.project) and c.environment in ('', j.environment)
        )
    )
    select jsonb_build_object(
        'syncs', jsonb_build_object(
            'pending', (select count(*) from waiting),
            'running', (select count(*) from jobs j where j.state = 'running'),
            'held', (select count(*) from jobs j where j.state = 'held'),
            'dead', (select count(*) from given_up)
        ),
        'oldest_sync_seconds', (
            select extract(epoch from now() - min(o.at)) from (
                select w.first_at as at from waiting w
                union all select j.first_at from jobs j where j.state = 'running'
            ) o
        ),
        'troubled_syncs', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'key', t.key, 'state', t.state, 'error', t.error
            ) order by t.changed_at desc), '[]') from (
                select j.key, j.state, j.changed_at,
                    case when coalesce(args->>'tenant', '') = '' then j.error else agentctl.told(j) end as error
                from jobs j
                where j.state = 'held' or (j.state = 'pending' and j.error is not null)
                    or j.id in (select g.id from given_up g)
                order by j.changed_at desc limit 20
            ) t
        )
    )
$$;

-- As before, of one tenant or of all.
create or replace function public.agentctl_retry_sync_jobs(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := nullif(args->>'tenant', '');
    again integer;
begin
    delete from agentctl.sync_jobs j where (j.state, j.key) = ('dead', '') and j.tenant = coalesce(owner, j.tenant);
    update agentctl.sync_jobs j set state = 'pending', failures = 0, blameless = 0, due_at = now()
    where j.state = 'dead' and j.tenant = coalesce(owner, j.tenant);
    get diagnostics again = row_count;
    if again > 0 then
        perform pg_catalog.pg_notify('agentctl_sync', '');
    end if;
    return jsonb_build_object('jobs', again);
end
$$;

-- Queues again whatever became of them the events of a conversation, or one event (`which`), with its mails and rows that
-- were given up, or one such mail; without `which` all that was given up.
create function agentctl.retried(of_whom jsonb, which text) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC'
as $$
declare
    of_which jsonb := of_whom || case
        when which is null then '{"states": ["dead"]}' else jsonb_build_object('conversation_id', which)
    end;
    by_id jsonb := of_whom || jsonb_build_object('id', which);
    events jsonb := public.agentctl_requeue_events(of_which)->'events';
    mails jsonb := public.agentctl_requeue_mails(of_which)->'mails';
begin
    if which is not null and events = '0' then
        events := public.agentctl_requeue_events(by_id)->'events';
    end if;
    if which is not null and mails = '0' then
        mails := public.agentctl_requeue_mails(by_id)->'mails';
    end if;
    return jsonb_build_object(
        'events', events,
        'mails', mails,
        'rows', public.agentctl_requeue_sink_rows(of_which)->'rows',
        'syncs', case when which is null then public.agentctl_retry_sync_jobs(of_whom)->'jobs' else '0' end
    );
end
$$;

create function public.agentctl_retry(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    return agentctl.retried(jsonb_build_object('tenant', args->>'tenant'), args->>'which');
end
$$;

-- Of whom an admin of a tenant may ask how its queues stand: who is the operator's, of all.
create function agentctl.my_queues(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
    my_role text := agentctl.my_role(args->>'tenant');
begin
    if my_role is null then
        raise sqlstate 'PT404' using message = 'there is no such tenant';
    end if;
    if my_role <> 'admin' then
        raise insufficient_privilege using message = 'how the queues stand is shown to admins';
    end if;
    return jsonb_build_object('tenant', nullif(args->>'tenant', agentctl.operator()));
end
$$;

create function public.agentctl_my_queue(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    of_whom jsonb := agentctl.my_queues(args);
    found_them jsonb := public.agentctl_queue(of_whom) || public.agentctl_sink_queue(of_whom)
        || public.agentctl_sync_queue(of_whom) || jsonb_build_object('strangers', public.agentctl_strangers(of_whom));
begin
    -- Workers and their duties are the operator's.
    return case when of_whom->>'tenant' is null then found_them else found_them - 'duties' end;
end
$$;
comment on function public.agentctl_my_queue(jsonb) is
    'For signed-in admins: how the queues of a tenant stand; those of all, with duties of workers, where it is the operator''s. 404: none of theirs.';

create function public.agentctl_my_events(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    return public.agentctl_list_events(agentctl.my_queues(args) || jsonb_build_object(
        'states', args->'states', 'limit', least(greatest(coalesce((args->>'limit')::integer, 50), 1), 1000)
    ));
end
$$;
comment on function public.agentctl_my_events(jsonb) is
    'For signed-in admins: what was delivered for a tenant, the newest first, without what is in it; of all tenants where it is the operator''s. tenant, states, limit (to 1000). 404: none of theirs.';

create function public.agentctl_my_mails(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    return public.agentctl_list_mails(agentctl.my_queues(args) || jsonb_build_object(
        'states', args->'states', 'limit', least(greatest(coalesce((args->>'limit')::integer, 50), 1), 1000)
    ));
end
$$;
comment on function public.agentctl_my_mails(jsonb) is
    'For signed-in admins: mails of a tenant in these states, the newest first, without what they say; of all tenants where it is the operator''s. tenant, states, limit (to 1000). 404: none of theirs.';

create function public.agentctl_my_retry(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    again jsonb := agentctl.retried(agentctl.my_queues(args), args->>'event');
begin
    if again <> '{"events": 0, "mails": 0, "rows": 0, "syncs": 0}' then
        insert into agentctl.audit (tenant, actor, action, subject)
        values (args->>'tenant', agentctl.my_name(), 'retry',
            jsonb_build_object('event', coalesce(args->>'event', 'all')) || again);
    end if;
    return again;
end
$$;
comment on function public.agentctl_my_retry(jsonb) is
    'For signed-in admins: queues again what was given up of a tenant, or the event, mail or conversation of the id event; of all tenants where it is the operator''s. 404: none of theirs.';

-- What was applied to an assistant of a tenant of one's own, and where it is held; nothing of one that is not theirs.
create function public.agentctl_my_revisions(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := args->>'tenant';
    applied jsonb;
begin
    select args || jsonb_build_object('tenant', agentctl.operator()) into applied from agentctl.assistants a
    where agentctl.my_role(owner) is not null and (a.tenant, a.project, a.environment, a.workspace, a.key)
        = (owner, args->>'project', args->>'environment', args->>'workspace', args->>'key');
    return jsonb_build_object(
        -- A key may have been another tenant's before, with revisions that stay that one's.
        'revisions', (
            select coalesce(jsonb_agg(v.told order by v.place), '[]')
            from jsonb_array_elements(public.agentctl_revisions(coalesce(applied, '{}'))) with ordinality v (told, place)
            join agentctl.revisions r on (r.tenant, r.project, r.environment, r.workspace, r.key, r.revision) = (
                agentctl.operator(), args->>'project', args->>'environment', args->>'workspace', args->>'key',
                (v.told->>'revision')::integer
            )
            where coalesce(r.spec->>'tenant', agentctl.operator()) = owner
        ),
        'hold', (
            select h from jsonb_array_elements(public.agentctl_holds(coalesce(applied, '{}'))) h
            where h->>'key' = args->>'key'
        )
    );
end
$$;
comment on function public.agentctl_my_revisions(jsonb) is
    'For signed-in users: revisions of an assistant, the newest first, and its hold. tenant, project, environment, workspace, key.';

insert into agentctl.exposed (object) values
    ('public.agentctl_my_queue(jsonb)'), ('public.agentctl_my_events(jsonb)'), ('public.agentctl_my_mails(jsonb)'),
    ('public.agentctl_my_retry(jsonb)'), ('public.agentctl_my_revisions(jsonb)');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000410', 'agentctl_my_queue');
