-- Where no worker is, what a change of credentials would have it do is nobody's trouble: it waits until there is one.

-- Whether changes of a project and environment are for a worker: its table is watched, or one has been at work lately.
create function agentctl.is_served(of_project text, of_environment text) returns boolean
language sql stable set search_path = ''
as $$
    select exists (
        select from pg_catalog.pg_trigger t
        where t.tgname = agentctl.watch_name(of_project, of_environment, 'update') and t.tgenabled <> 'D'
    ) or exists (
        select from agentctl.sync_jobs j
        where (j.project, j.environment) = (of_project, of_environment) and j.taken_at > now() - interval '7 days'
    )
$$;

-- As before, without what waits where none is, unless somebody has asked for it; and what was given up and waits again
-- is neither counted as given up nor listed.
create or replace function public.agentctl_sync_queue(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with served as (
        select o.project, o.environment
        from (select distinct c.project, c.environment from agentctl.sync_changes c) o
        where o.project = '' or agentctl.is_served(o.project, o.environment)
    ), waiting as (
        select j.key, j.first_at from agentctl.sync_jobs j where j.state = 'pending'
        union all
        select c.key, min(c.changed_at) from agentctl.sync_changes c
        where (c.requested or exists (
            select from served s where (s.project, s.environment) = (c.project, c.environment)
        )) and not exists (
            select from agentctl.sync_jobs j where j.key = c.key and j.state = 'pending'
                and c.project in ('', j.project) and c.environment in ('', j.environment)
        ) group by c.project, c.environment, c.key
    ), given_up as (
        select j.id from agentctl.sync_jobs j where j.state = 'dead' and not exists (
            select from agentctl.sync_changes c where c.key = j.key
                and c.project in ('', j.project) and c.environment in ('', j.environment)
        )
    )
    select jsonb_build_object(
        'syncs', jsonb_build_object(
            'pending', (select count(*) from waiting),
            'running', (select count(*) from agentctl.sync_jobs j where j.state = 'running'),
            'held', (select count(*) from agentctl.sync_jobs j where j.state = 'held'),
            'dead', (select count(*) from given_up)
        ),
        'oldest_sync_seconds', (
            select extract(epoch from now() - min(o.at)) from (
                select w.first_at as at from waiting w
                union all select j.first_at from agentctl.sync_jobs j where j.state = 'running'
            ) o
        ),
        'troubled_syncs', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'key', t.key, 'state', t.state, 'error', t.error
            ) order by t.changed_at desc), '[]') from (
                select j.key, j.state, j.error, j.changed_at from agentctl.sync_jobs j
                where j.state = 'held' or (j.state = 'pending' and j.error is not null)
                    or j.id in (select g.id from given_up g)
                order by j.changed_at desc limit 20
            ) t
        )
    )
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000110', 'agentctl_unserved');
