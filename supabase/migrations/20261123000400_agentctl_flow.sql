-- Changes of a product's own table become syncs of the assistants that they are about.
--
-- A trigger notes what changed and does nothing else: it appends, so that it waits for nobody and nobody for it. A worker
-- makes jobs of what was noted, one for each assistant, however many changes there were.

create table agentctl.sync_changes (
    tenant text not null default 'default',
    id bigint generated always as identity,
    project text not null default '',
    environment text not null default '',
    key text not null,
    requested boolean not null default false,
    trouble text,
    changed_at timestamptz not null default clock_timestamp(),
    primary key (tenant, id)
);
alter table agentctl.sync_changes enable row level security;
create index sync_changes_by_key on agentctl.sync_changes (project, environment, key);
comment on table agentctl.sync_changes is 'Changes of assistants that no job was made of yet; gone once one was.';
comment on column agentctl.sync_changes.tenant is 'Whose the changed row is, where its table tells.';
comment on column agentctl.sync_changes.id is 'In the order of the changes, more or less.';
comment on column agentctl.sync_changes.project is 'Which project the table belongs to; empty: whichever looks first.';
comment on column agentctl.sync_changes.environment is 'Which environment of it; empty: whichever looks first.';
comment on column agentctl.sync_changes.key is 'The assistant; empty: which one is not known, see trouble.';
comment on column agentctl.sync_changes.requested is 'Somebody waits for it, so that it is due at once.';
comment on column agentctl.sync_changes.trouble is 'Why a trigger could not tell what changed: SQLSTATE, and what is missing.';
comment on column agentctl.sync_changes.changed_at is 'When, by the clock: the transaction may have ended much later.';

create table agentctl.sync_jobs (
    tenant text not null default 'default',
    id uuid not null default gen_random_uuid(),
    project text not null,
    environment text not null,
    key text not null,
    state text not null default 'pending' check (state in ('pending', 'running', 'done', 'held', 'dead')),
    attempt integer not null default 0,
    failures integer not null default 0,
    blameless integer not null default 0,
    first_at timestamptz not null,
    changed_at timestamptz not null,
    due_at timestamptz not null,
    worker text,
    error text,
    finished_at timestamptz,
    primary key (tenant, id),
    constraint sync_jobs_once unique (project, environment, key)
);
alter table agentctl.sync_jobs enable row level security;
create index sync_jobs_due on agentctl.sync_jobs (project, environment, due_at) where state in ('pending', 'running');
comment on table agentctl.sync_jobs is 'Syncs of single assistants: one row for each that ever had one, so that at most one waits.';
comment on column agentctl.sync_jobs.tenant is 'Whose assistant it is.';
comment on column agentctl.sync_jobs.id is 'Of the row, not of a run.';
comment on column agentctl.sync_jobs.project is 'Whose worker takes it.';
comment on column agentctl.sync_jobs.environment is 'Of the project.';
comment on column agentctl.sync_jobs.key is 'The assistant; empty: a watched table of which nobody can tell what changed.';
comment on column agentctl.sync_jobs.state is 'pending and running wait or are worked on. held: done but for what was changed at the platform, which a person decides. dead: given up; a new change or a retry takes it up again.';
comment on column agentctl.sync_jobs.attempt is 'Counts claims; the fence, as in agentctl.events.';
comment on column agentctl.sync_jobs.failures is 'Failed or abandoned attempts since the last change.';
comment on column agentctl.sync_jobs.blameless is 'Attempts since the last change that an outage ended.';
comment on column agentctl.sync_jobs.first_at is 'The first of the changes that the next or current run is for.';
comment on column agentctl.sync_jobs.changed_at is 'The last of them.';
comment on column agentctl.sync_jobs.due_at is 'pending: not before this. running: the end of the lease.';
comment on column agentctl.sync_jobs.worker is 'Which process has it or had it last.';
comment on column agentctl.sync_jobs.error is 'Of the last attempt; of one that is held, what was left alone.';
comment on column agentctl.sync_jobs.finished_at is 'When the last run ended, well or for good.';

-- Whose an assistant is: as its change told, else as it was last synced.
create function agentctl.tenant_of(told text, of_project text, of_environment text, of_key text) returns text
language sql stable set search_path = ''
as $$
    select coalesce(nullif(told, 'default'), (
        select a.tenant from agentctl.assistants a
        where a.key = of_key and of_project in ('', a.project) and of_environment in ('', a.environment)
        order by a.updated_at desc limit 1
    ), 'default')
$$;

-- Notes which assistants a statement has changed. The product's own statement succeeds whatever happens here. It runs
-- with the rights of its owner, since whoever writes to the table has none on agentctl's.
-- Arguments: project, environment, the column with the key, the one with the tenant or nothing, and those that count.
create function agentctl.watched() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
    said text := 'select t.%2$I::text as key, ' || case TG_ARGV[3] when '' then 'null::text' else 't.%3$I::text' end
        || ' as tenant, array[%4$s]::text[] as said from %1$I t';
    columns text := (select string_agg(format('t.%I::text', c), ', ') from unnest(TG_ARGV[4:]) c);
    before text := format(said, 'before', TG_ARGV[2], TG_ARGV[3], columns);
    after text := format(said, 'after', TG_ARGV[2], TG_ARGV[3], columns);
    noted integer;
begin
    begin
        -- As texts, since not every type can be compared, and what is another text is another content. Where the same row
        -- was there before and after, the later one tells whose it is.
        execute format(
            'insert into agentctl.sync_changes (tenant, project, environment, key)
             select distinct on (c.key) coalesce(c.tenant, ''default''), $1, $2, c.key
             from (%s) c where c.key <> '''' and length(c.key) <= 200 order by c.key, c.late desc',
            case TG_OP
                when 'INSERT' then format('select a.*, 1 late from (%s) a', after)
                when 'DELETE' then format('select b.*, 0 late from (%s) b', before)
                else format(
                    'select d.*, 0 late from (%1$s except %2$s) d union all select d.*, 1 late from (%2$s except %1$s) d',
                    before, after
                )
            end
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

-- Has changes of `columns` in `watched` noted, for the assistants whose keys stand in the column `key`. A row's tenant
-- stands in the column `tenant`, if in any. `project` and `environment`: whose workers shall sync them; where several
-- environments have one table as their source, it is watched once for each. Doing it again changes what is watched.
create function agentctl.watch(
    watched regclass, key text, columns text[], tenant text default null, project text default '',
    environment text default ''
) returns void
language plpgsql set search_path = ''
as $$
declare
    given text[] := array[project, environment, key, coalesce(tenant, '')] || columns;
    wrong text;
    verb text;
begin
    if (select c.relkind from pg_catalog.pg_class c where c.oid = watched) not in ('r', 'p') then
        raise exception '% is no table: watch the tables that it shows', watched;
    end if;
    if coalesce(cardinality(columns), 0) = 0 then
        raise exception 'no columns of % are given: name those of which a change counts', watched;
    end if;
    select string_agg(coalesce(quote_ident(c), 'null'), ', ') into wrong
    from unnest(array[key, coalesce(tenant, key)] || columns) c
    where not exists (
        select from pg_catalog.pg_attribute a
        where a.attrelid = watched and a.attname = c and a.attnum > 0 and not a.attisdropped
    );
    if wrong is not null then
        raise exception '% has no column %', watched, wrong;
    end if;
    foreach verb in array array['insert', 'update', 'delete'] loop
        execute format(
            'create or replace trigger %I after %s on %s referencing %s for each statement '
            'execute function agentctl.watched(%s)',
            agentctl.watch_name(project, environment, verb), verb, watched,
            concat_ws(' ', case when verb <> 'insert' then 'old table as before' end,
                case when verb <> 'delete' then 'new table as after' end),
            (select string_agg(quote_literal(g), ', ' order by at) from unnest(given) with ordinality u (g, at))
        );
    end loop;
end
$$;

create function agentctl.watch_name(project text, environment text, verb text) returns text
language sql immutable set search_path = ''
as $$
    select concat_ws('_', 'agentctl_watch', nullif(left(md5(project || '/' || environment), 8), left(md5('/'), 8)), verb)
$$;

-- The opposite; whether it was watched.
create function agentctl.unwatch(watched regclass, project text default '', environment text default '') returns boolean
language plpgsql set search_path = ''
as $$
declare
    name text;
    found_one boolean := false;
begin
    for name in
        select t.tgname from pg_catalog.pg_trigger t
        join unnest(array['insert', 'update', 'delete']) verb
            on t.tgname = agentctl.watch_name(project, environment, verb)
        where t.tgrelid = watched
    loop
        execute format('drop trigger %I on %s', name, watched);
        found_one := true;
    end loop;
    return found_one;
end
$$;

-- Asks for a sync of one assistant, at once. It is noted like a change, so that it is done once if asked for twice.
create function agentctl.request_sync(key text, project text default '', environment text default '') returns void
language plpgsql security definer set search_path = ''
as $$
begin
    if coalesce(key, '') = '' or length(key) > 200 then
        raise exception 'key must be an assistant''s';
    end if;
    insert into agentctl.sync_changes (tenant, project, environment, key, requested)
    values (
        agentctl.tenant_of(null, coalesce(project, ''), coalesce(environment, ''), key), coalesce(project, ''),
        coalesce(environment, ''), key, true
    );
    perform pg_catalog.pg_notify('agentctl_sync', '');
end
$$;

create function public.agentctl_request_sync(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    perform agentctl.request_sync(args->>'key', args->>'project', args->>'environment');
    return jsonb_build_object('requested', true);
end
$$;

-- Makes jobs of what was noted. One that is running is left alone, and what was noted meanwhile waits for its end: so a
-- change during a run has a run of its own. A job is due once nothing has changed for a while, and not much later than
-- the first change in any case.
create function agentctl.gather_changes(of_project text, of_environment text, quiet interval, longest interval)
returns void
language sql set search_path = ''
as $$
    with taken as (
        delete from agentctl.sync_changes c
        where c.project in ('', of_project) and c.environment in ('', of_environment)
            and not exists (
                select from agentctl.sync_jobs r
                where (r.project, r.environment, r.key) = (of_project, of_environment, c.key) and r.state = 'running'
            )
        returning c.*
    ), whole as (
        select t.key, (array_agg(t.tenant order by t.id desc))[1] as tenant, max(t.trouble) as trouble,
            min(t.changed_at) as first_at, max(t.changed_at) as changed_at, bool_or(t.requested) as requested
        from taken t group by t.key
    )
    insert into agentctl.sync_jobs as j
        (tenant, project, environment, key, state, first_at, changed_at, due_at, error, finished_at)
    select agentctl.tenant_of(w.tenant, of_project, of_environment, w.key), of_project, of_environment, w.key,
        case when w.key = '' then 'dead' else 'pending' end, w.first_at, w.changed_at,
        case when w.requested then w.first_at else least(w.first_at + longest, w.changed_at + quiet) end,
        w.trouble, case when w.key = '' then now() end
    from whole w
    on conflict (project, environment, key) do update set
        tenant = excluded.tenant,
        state = excluded.state,
        failures = 0,
        blameless = 0,
        first_at = case when j.state = 'pending' and j.failures + j.blameless = 0
            then least(j.first_at, excluded.first_at) else excluded.first_at end,
        changed_at = excluded.changed_at,
        due_at = case when j.state = 'pending' and j.failures + j.blameless = 0
            then least(j.first_at + longest, excluded.due_at) else excluded.due_at end,
        worker = null,
        error = excluded.error,
        finished_at = coalesce(excluded.finished_at, j.finished_at)
$$;

-- The next job of a project, and in how many seconds the one after it is due. While one is running there is none: a
-- second worker would only wait for the same lease.
create function public.agentctl_claim_sync_jobs(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    of_project text := args->>'project';
    of_environment text := args->>'environment';
    patience integer := coalesce((args->>'max_attempts')::integer, 5);
    claimed jsonb;
begin
    perform pg_advisory_xact_lock(hashtextextended(format('agentctl sync %s/%s', of_project, of_environment), 0));
    perform agentctl.gather_changes(
        of_project, of_environment, agentctl.seconds(args, 'quiet_seconds'), agentctl.seconds(args, 'longest_seconds')
    );
    update agentctl.sync_jobs j
    set state = 'dead', failures = j.failures + 1, finished_at = now(),
        error = concat_ws('; ', 'the worker was lost at each attempt', j.error)
    where (j.project, j.environment, j.state) = (of_project, of_environment, 'running') and j.due_at <= now()
        and j.failures + 1 >= patience;

    with due as (
        select j.tenant, j.id from agentctl.sync_jobs j
        where (j.project, j.environment) = (of_project, of_environment) and j.state in ('pending', 'running')
            and j.due_at <= now() and not exists (
                select from agentctl.sync_jobs r
                where (r.project, r.environment, r.state) = (of_project, of_environment, 'running') and r.due_at > now()
            )
        order by j.due_at, j.changed_at
        limit least((args->>'limit')::integer, 1)
        for update skip locked
    ), mine as (
        update agentctl.sync_jobs j
        set state = 'running', attempt = j.attempt + 1, failures = j.failures + (j.state = 'running')::integer,
            due_at = now() + agentctl.seconds(args, 'lease_seconds'), worker = args->>'worker'
        from due where (j.tenant, j.id) = (due.tenant, due.id)
        returning j.*
    )
    select jsonb_agg(jsonb_build_object(
        'tenant', m.tenant, 'id', m.id, 'key', m.key, 'attempt', m.attempt, 'tries', m.failures + m.blameless + 1
    ))
    into claimed from mine m;
    return jsonb_build_object('jobs', coalesce(claimed, '[]'), 'due_seconds', (
        select extract(epoch from min(j.due_at) - now()) from agentctl.sync_jobs j
        where (j.project, j.environment, j.state) = (of_project, of_environment, 'pending')
    ));
end
$$;

-- `held`: what was changed at the platform was left alone; `error` says what.
create function public.agentctl_sync_job_done(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with done as (
        update agentctl.sync_jobs j
        set state = case when (args->>'held')::boolean then 'held' else 'done' end, failures = 0, blameless = 0,
            error = args->>'error', finished_at = now()
        where j.tenant = agentctl.tenant(args) and j.id = agentctl.id(args)
            and j.state = 'running' and j.attempt = (args->>'attempt')::integer
        returning 1
    )
    select jsonb_build_object('held', exists (select from done))
$$;

-- An outage is no fault of the job's, and uses up no attempt.
create function public.agentctl_fail_sync_job(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with failed as (
        update agentctl.sync_jobs j
        set (state, failures, blameless, due_at, finished_at) = (
                select case when e.ended then 'dead' else 'pending' end, j.failures + (not e.outage)::integer,
                    j.blameless + e.outage::integer, now() + agentctl.seconds(args, 'delay_seconds'),
                    case when e.ended then now() else j.finished_at end
                from (
                    select (args->>'outage')::boolean as outage, not (args->>'outage')::boolean
                        and ((args->>'permanent')::boolean or j.failures + 1 >= (args->>'max_attempts')::integer) as ended
                ) e
            ),
            error = args->>'error'
        where j.tenant = agentctl.tenant(args) and j.id = agentctl.id(args)
            and j.state = 'running' and j.attempt = (args->>'attempt')::integer
        returning j.state
    )
    select jsonb_build_object('held', exists (select from failed), 'state', (select f.state from failed f))
$$;

-- As before, of sync jobs too.
create or replace function agentctl.lease_until(args jsonb, until timestamptz, handed_back boolean) returns boolean
language plpgsql set search_path = ''
as $$
declare
    queue text := args->>'queue';
    touched integer;
begin
    if queue is null or queue not in ('events', 'outbox', 'duties', 'sync_jobs') then
        raise exception 'queue must be events, outbox, duties or sync_jobs';
    end if;
    execute format(
        'update agentctl.%I q set due_at = $1, state = case when $2 then ''pending'' else q.state end
         where q.tenant = $3 and q.id = $4 and q.state = ''running'' and q.attempt = $5', queue
    ) using until, handed_back, agentctl.tenant(args), agentctl.id(args), (args->>'attempt')::integer;
    get diagnostics touched = row_count;
    return touched > 0;
end
$$;

-- Takes up again what was given up. Of a watch in trouble there is nothing to take up: that it was seen is enough.
create function public.agentctl_retry_sync_jobs(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    again integer;
begin
    delete from agentctl.sync_jobs j where (j.state, j.key) = ('dead', '');
    update agentctl.sync_jobs j set state = 'pending', failures = 0, blameless = 0, due_at = now() where j.state = 'dead';
    get diagnostics again = row_count;
    if again > 0 then
        perform pg_catalog.pg_notify('agentctl_sync', '');
    end if;
    return jsonb_build_object('jobs', again);
end
$$;

-- How the sync jobs stand, of all projects and tenants; what was noted and has no job yet waits, too.
create function public.agentctl_sync_queue(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with waiting as (
        select j.key, j.first_at from agentctl.sync_jobs j where j.state = 'pending'
        union all
        select c.key, min(c.changed_at) from agentctl.sync_changes c
        where not exists (
            select from agentctl.sync_jobs j where j.key = c.key and j.state = 'pending'
                and c.project in ('', j.project) and c.environment in ('', j.environment)
        ) group by c.project, c.environment, c.key
    )
    select jsonb_build_object(
        'syncs', jsonb_build_object(
            'pending', (select count(*) from waiting),
            'running', (select count(*) from agentctl.sync_jobs j where j.state = 'running'),
            'held', (select count(*) from agentctl.sync_jobs j where j.state = 'held'),
            'dead', (select count(*) from agentctl.sync_jobs j where j.state = 'dead')
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
                where j.state in ('held', 'dead') or (j.state = 'pending' and j.error is not null)
                order by j.changed_at desc limit 20
            ) t
        )
    )
$$;

-- As before; with `keys`, only those whose keys are among them, or of which such a key is the first part; with `kind`,
-- only of that one; with `newest`, as many as were written last.
create or replace function public.agentctl_bindings(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'kind', b.kind, 'key', b.key, 'remote_id', b.remote_id, 'applied', b.applied,
        'bound_at', b.bound_at, 'updated_at', b.updated_at
    ) order by b.kind, b.key), '[]')
    from (
        select o.* from agentctl.bindings o
        where (o.tenant, o.project, o.environment, o.workspace)
            = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace')
            and (args->>'kind' is null or o.kind = args->>'kind')
            and (args->'keys' is null or args->'keys' ? o.key or args->'keys' ? split_part(o.key, '/', 1))
        order by case when args->>'newest' is not null then o.updated_at end desc
        limit (args->>'newest')::integer
    ) b
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000400', 'agentctl_flow');
