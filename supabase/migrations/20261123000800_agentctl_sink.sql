-- Each stored call also stands in a table of the product's own, one row per conversation. What is to be written there is
-- noted where a call is stored or changed, in the same transaction, and written by workers: that table's troubles are
-- nobody's else. What a row gets is what the call is at that moment, so that it does not matter how often, or in which
-- order, it was noted.

create table agentctl.sinks (
    tenant text not null default 'default',
    project text not null,
    environment text not null,
    schema_name text not null,
    table_name text not null,
    key_column text not null,
    columns jsonb not null,
    primary key (tenant, project, environment)
);
alter table agentctl.sinks enable row level security;
comment on table agentctl.sinks is 'Into which table of the product calls are written too, as the last sync of the project declared it.';
comment on column agentctl.sinks.tenant is 'Who declares it: the operator, whichever tenants'' calls it is for.';
comment on column agentctl.sinks.project is 'Whose calls; those of no project go nowhere.';
comment on column agentctl.sinks.environment is 'Of the project.';
comment on column agentctl.sinks.schema_name is 'Where the table is.';
comment on column agentctl.sinks.table_name is 'Its name.';
comment on column agentctl.sinks.key_column is 'Its column with the conversation''s id, which is unique.';
comment on column agentctl.sinks.columns is 'The value''s name -> the column it goes to.';

create table agentctl.sink_rows (
    tenant text not null default 'default',
    conversation_id text not null,
    id uuid not null default gen_random_uuid(),
    project text not null,
    environment text not null,
    version bigint not null default 0,
    state text not null default 'pending' check (state in ('pending', 'running', 'dead')),
    attempt integer not null default 0,
    failures integer not null default 0,
    blameless integer not null default 0,
    since timestamptz not null default now(),
    due_at timestamptz not null default now(),
    worker text,
    error text,
    finished_at timestamptz,
    told_at timestamptz,
    primary key (tenant, conversation_id),
    constraint sink_rows_by_id unique (id)
);
alter table agentctl.sink_rows enable row level security;
-- As those of events: for whoever asks for what is due, and for nobody else.
create index sink_rows_due on agentctl.sink_rows (due_at)
where state in ('pending', 'running') and due_at > '-infinity';
create index sink_rows_running on agentctl.sink_rows (due_at) where state = 'running';
create index sink_rows_dead on agentctl.sink_rows (finished_at) where state = 'dead';
comment on table agentctl.sink_rows is
    'Calls that the product''s own table does not have yet as they are; gone once it does. One that is in agentctl.calls no more is to be emptied there.';
comment on column agentctl.sink_rows.tenant is 'Whose call it is.';
comment on column agentctl.sink_rows.conversation_id is 'The call.';
comment on column agentctl.sink_rows.id is 'Of the row, for its lease.';
comment on column agentctl.sink_rows.project is 'Whose sink it goes to, also once the call is erased.';
comment on column agentctl.sink_rows.environment is 'Of the project.';
comment on column agentctl.sink_rows.version is 'Counts changes: one that comes while the row is written is written after it.';
comment on column agentctl.sink_rows.state is 'pending and running wait or are worked on; dead: given up.';
comment on column agentctl.sink_rows.attempt is 'Counts claims; the fence, as in agentctl.events.';
comment on column agentctl.sink_rows.failures is 'Failed or abandoned attempts since the last change.';
comment on column agentctl.sink_rows.blameless is 'Attempts since the last change that an outage ended; they never make it dead.';
comment on column agentctl.sink_rows.since is 'When the first of the changes was that are not written yet.';
comment on column agentctl.sink_rows.due_at is 'pending: not before this. running: the end of the lease.';
comment on column agentctl.sink_rows.worker is 'Which process has it or had it last.';
comment on column agentctl.sink_rows.error is 'Of the last attempt, without anything that somebody said.';
comment on column agentctl.sink_rows.finished_at is 'When it was given up.';
comment on column agentctl.sink_rows.told_at is 'When people were mailed that it is dead.';

-- Notes a change, once for each call and transaction. As definer, since deferred triggers run as whoever commits.
create function agentctl.queue_for_sink() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
    owner text := coalesce(new.tenant, old.tenant);
    conversation text := coalesce(new.conversation_id, old.conversation_id);
    whose agentctl.calls;
begin
    if not exists (select from agentctl.sinks) then
        return null;
    end if;
    perform from agentctl.sink_rows r
    where r.tenant = owner and r.conversation_id = conversation and r.xmin = pg_current_xact_id()::xid;
    if found then
        return null;  -- an earlier row of the same transaction has seen to it
    end if;
    select * into whose from agentctl.calls c where c.tenant = owner and c.conversation_id = conversation;
    if not found then
        if tg_table_name <> 'calls' then
            return null;  -- it went with its call, or its call is still to come
        end if;
        whose := jsonb_populate_record(null::agentctl.calls, to_jsonb(coalesce(old, new)));
    end if;
    insert into agentctl.sink_rows as r (tenant, conversation_id, project, environment)
    select owner, conversation, s.project, s.environment
    from agentctl.sinks s where (s.tenant, s.project, s.environment) = ('default', whose.project, whose.environment)
    on conflict (tenant, conversation_id) do update set
        version = r.version + 1, project = excluded.project, environment = excluded.environment,
        (state, failures, blameless, due_at, error, finished_at, told_at) = (
            select case r.state when 'running' then r.state else 'pending' end,
                case r.state when 'running' then r.failures else 0 end,
                case r.state when 'running' then r.blameless else 0 end,
                case r.state when 'running' then r.due_at else now() end,
                r.error, null::timestamptz, null::timestamptz
        );
    return null;
end
$$;
create constraint trigger queue_for_sink after insert or update or delete on agentctl.calls
    deferrable initially deferred for each row execute function agentctl.queue_for_sink();
create constraint trigger queue_for_sink after insert or update or delete on agentctl.digests
    deferrable initially deferred for each row execute function agentctl.queue_for_sink();
create constraint trigger queue_for_sink after insert or update or delete on agentctl.action_items
    deferrable initially deferred for each row execute function agentctl.queue_for_sink();
create constraint trigger queue_for_sink after update or delete on agentctl.call_turns
    deferrable initially deferred for each row execute function agentctl.queue_for_sink();
create constraint trigger queue_for_sink after insert or delete on agentctl.recordings
    deferrable initially deferred for each row execute function agentctl.queue_for_sink();

-- All that a row can be given of a call; agentctl/sources/sink.py has the same names.
create function agentctl.call_values(c agentctl.calls) returns jsonb
language sql stable set search_path = ''
as $$
    select jsonb_build_object(
        'conversation_id', c.conversation_id, 'tenant', c.tenant, 'project', c.project, 'environment', c.environment,
        'assistant', c.assistant, 'assistant_name', c.assistant_name, 'agent_id', c.agent_id, 'channel', c.channel,
        'direction', c.direction, 'external_number', c.external_number, 'agent_number', c.agent_number,
        'call_sid', c.call_sid, 'user_id', c.user_id, 'started_at', c.started_at, 'duration_seconds', c.duration_secs,
        'status', c.status, 'successful', c.successful, 'termination_reason', c.termination_reason,
        'failure_reason', c.failure_reason, 'language', c.language, 'cost', c.cost_fiat,
        'cost_credits', c.cost_credits, 'title', d.title, 'summary', d.summary, 'outcome', d.outcome,
        'sentiment', d.sentiment, 'follow_up', d.follow_up, 'caller_name', d.caller_name,
        'caller_number', d.caller_number, 'digest_cost', d.cost, 'stored_at', c.stored_at, 'updated_at', now(),
        'open_items', (
            select count(*) from agentctl.action_items i
            where i.tenant = c.tenant and i.conversation_id = c.conversation_id and not i.done
        ),
        'action_items', (
            select coalesce(jsonb_agg(
                to_jsonb(i) - '{tenant,conversation_id}'::text[] || jsonb_build_object('id', agentctl.item_id(i))
                order by i.position
            ), '[]')
            from agentctl.action_items i
            where i.tenant = c.tenant and i.conversation_id = c.conversation_id
        ),
        'turns', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'position', t.position, 'role', t.role, 'message', t.message, 'at_secs', t.at_secs
            ) order by t.position), '[]')
            from agentctl.call_turns t
            where t.tenant = c.tenant and t.conversation_id = c.conversation_id
        ),
        'transcript', (
            select string_agg(t.role || ': ' || regexp_replace(t.message, '\s+', ' ', 'g'), E'\n' order by t.position)
            from agentctl.call_turns t
            where t.tenant = c.tenant and t.conversation_id = c.conversation_id and t.message is not null
        ),
        'has_recording', exists (
            select from agentctl.recordings r
            where r.tenant = c.tenant and r.conversation_id = c.conversation_id
        )
    )
    from (select) one
    left join agentctl.digests d on d.tenant = c.tenant and d.conversation_id = c.conversation_id
$$;

-- Without a table the project has no sink any more, and what waits for it waits no longer. `changed`: it is another
-- than before; `dropped`: how many rows wait no longer.
create function public.agentctl_save_sink(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    changed boolean;
    dropped integer := 0;
begin
    if args->>'table_name' is null then
        delete from agentctl.sinks s
        where (s.tenant, s.project, s.environment) = ('default', args->>'project', args->>'environment');
        changed := found;
        delete from agentctl.sink_rows r
        where (r.project, r.environment) = (args->>'project', args->>'environment');
        get diagnostics dropped = row_count;
    else
        insert into agentctl.sinks as s (tenant, project, environment, schema_name, table_name, key_column, columns)
        values (
            'default', args->>'project', args->>'environment', args->>'schema_name', args->>'table_name',
            args->>'key_column', args->'columns'
        )
        on conflict (tenant, project, environment) do update set
            schema_name = excluded.schema_name, table_name = excluded.table_name, key_column = excluded.key_column,
            columns = excluded.columns
        where s is distinct from excluded;
        changed := found;
    end if;
    return jsonb_build_object('changed', changed, 'dropped', dropped);
end
$$;

create function public.agentctl_sinks(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(to_jsonb(s) - 'tenant' order by s.project, s.environment), '[]')
    from agentctl.sinks s
    where s.tenant = 'default' and (args->>'project' is null or s.project = args->>'project')
        and (args->>'environment' is null or s.environment = args->>'environment')
$$;

-- Calls that were stored before there was a sink, or that its table has lost: those that began since `since`. Doing it
-- again changes nothing of what waits.
create function public.agentctl_fill_sink(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with queued as (
        insert into agentctl.sink_rows as r (tenant, conversation_id, project, environment)
        select c.tenant, c.conversation_id, c.project, c.environment
        from agentctl.calls c
        join agentctl.sinks s on (s.tenant, s.project, s.environment) = ('default', c.project, c.environment)
        where c.tenant = coalesce(nullif(args->>'tenant', ''), c.tenant)
            and (c.project, c.environment) = (args->>'project', args->>'environment')
            and c.started_at >= (args->>'since')::timestamptz
        order by c.started_at desc
        on conflict (tenant, conversation_id) do update set
            state = 'pending', failures = 0, blameless = 0, due_at = now(), finished_at = null, told_at = null
        where r.state <> 'running'
        returning 1
    )
    select jsonb_build_object('queued', count(*)) from queued
$$;

-- Rows that are due, of all tenants; with `conversation_ids` only of these, also those that were given up or wait for
-- their time.
create function public.agentctl_claim_sink_rows(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC' set enable_sort = 'off'
as $$
declare
    patience integer := coalesce((args->>'max_attempts')::integer, 12);
    named text[] := array(select jsonb_array_elements_text(agentctl.given(args, 'conversation_ids')));
    mine uuid[];
    claimed jsonb;
begin
    -- As for events: a lost lease is a failure, or what kills workers would go round for ever.
    with lost as (
        select r.tenant, r.id from agentctl.sink_rows r
        where r.state = 'running' and r.due_at <= now() and r.failures + 1 >= patience
        for update skip locked
    )
    update agentctl.sink_rows r
    set state = 'dead', failures = r.failures + 1, finished_at = now(),
        error = concat_ws('; ', 'the worker was lost at each attempt', r.error)
    from lost where r.tenant = lost.tenant and r.id = lost.id;

    if agentctl.given(args, 'conversation_ids') is not null then
        mine := array(
            select r.id from agentctl.sink_rows r
            where r.tenant = agentctl.tenant(args) and r.conversation_id = any (named)
                and (r.state <> 'running' or r.due_at <= now())
            limit greatest((args->>'limit')::integer, 0) for update skip locked
        );
    else
        mine := array(
            select r.id from agentctl.sink_rows r
            where r.state in ('pending', 'running') and r.due_at > '-infinity' and r.due_at <= now()
                and r.tenant = coalesce(nullif(args->>'tenant', ''), r.tenant)
            order by r.due_at
            limit greatest((args->>'limit')::integer, 0) for update skip locked
        );
    end if;
    if cardinality(mine) = 0 then
        return '[]';
    end if;
    with taken as (
        update agentctl.sink_rows r
        set state = 'running', attempt = r.attempt + 1, failures = r.failures + (r.state = 'running')::integer,
            due_at = now() + agentctl.seconds(args, 'lease_seconds'), worker = args->>'worker', finished_at = null
        where r.id = any (mine)
        returning r.*
    )
    select jsonb_agg(jsonb_build_object(
        'id', t.id, 'tenant', t.tenant, 'conversation_id', t.conversation_id, 'attempt', t.attempt
    )) into claimed from taken t;
    return coalesce(claimed, '[]');
end
$$;

-- The columns of a table as they matter to a sink: `sort` is the category of its type (pg_type.typcategory), or its name
-- where that is json, jsonb or uuid; null for a type that takes none of our values. Null without such a table.
create function agentctl.columns_of(place regclass) returns jsonb
language sql stable set search_path = ''
as $$
    select jsonb_object_agg(a.attname, jsonb_build_object(
        'type', format_type(a.atttypid, -1), 'shown', format_type(a.atttypid, a.atttypmod),
        'sort', case
            when b.typname in ('json', 'jsonb', 'uuid') then b.typname
            when b.typname in ('timestamp', 'timestamptz') or b.typcategory in ('S', 'N', 'B', 'E')
                then b.typcategory::text
        end,
        'required', a.attnotnull or t.typnotnull,
        'made', a.attgenerated <> '' or a.attidentity = 'a', 'default', a.atthasdef or a.attidentity <> '',
        'unique', exists (
            select from pg_catalog.pg_index i
            where i.indrelid = a.attrelid and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null
                and i.indnkeyatts = 1 and i.indkey[0] = a.attnum
        )
    ))
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
    join pg_catalog.pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
    where a.attrelid = place and a.attnum > 0 and not a.attisdropped
$$;

-- What a sink's declaration is checked by: its table's columns, whether whoever asks may write it, and without such a
-- table those that there are.
create function public.agentctl_sink_columns(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    place regclass := to_regclass(format('%I.%I', args->>'schema_name', args->>'table_name'));
    -- This runs as its owner; rows are written by whoever called it.
    caller name := coalesce(nullif(current_setting('role'), 'none'), session_user);
begin
    return jsonb_build_object(
        'columns', agentctl.columns_of(place),
        'is_table', (select c.relkind in ('r', 'p') from pg_catalog.pg_class c where c.oid = place),
        'writable', has_table_privilege(caller, place, 'select') and has_table_privilege(caller, place, 'insert')
            and has_table_privilege(caller, place, 'update'),
        'caller', caller,
        'tables', (
            select coalesce(jsonb_agg(c.relname order by c.relname), '[]')
            from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where place is null and n.nspname = args->>'schema_name' and c.relkind in ('r', 'p')
                and not starts_with(c.relname, 'agentctl_')
        )
    );
end
$$;

-- One statement for a row: the columns that are mapped, and nothing else of it. Of a call that is erased they are emptied:
-- one that must not be null becomes its type's nothing; the tenant, by which the product knows whose the row is, stays,
-- and so do values of an enumeration that must not be null.
create function agentctl.sink_statement(sink jsonb, columns jsonb, erased boolean) returns text
language sql immutable set search_path = ''
as $$
    with mapped as (
        select m.value as column, c.value->>'type' as type, case
            when c.value->>'sort' like 'json%' then format('$1->%L', m.key)
            else format('($1->>%L)::%s', m.key, case c.value->>'sort'
                when 'N' then 'numeric' when 'B' then 'boolean' when 'D' then 'timestamptz' else 'text' end)
        end as said, case
            when not (c.value->>'required')::boolean then 'null'
            when c.value->>'sort' like 'json%' then '''[]'''
            else case c.value->>'sort'
                when 'S' then '''''' when 'N' then '0' when 'B' then 'false' when 'D' then '''epoch''' end
        end as nothing, m.key as name
        from jsonb_each_text(sink->'columns') m join jsonb_each(columns) c on c.key = m.value
    )
    select case when erased then 'update ' || format('%I.%I', sink->>'schema_name', sink->>'table_name') || ' t set '
            || string_agg(format('%I = %s', m.column, m.nothing), ', ')
                filter (where m.name <> 'tenant' and m.nothing is not null)
            || format(' where t.%I = $2', sink->>'key_column')
        else format(
            'insert into %I.%I (%I, %s) values ($2, %s) on conflict (%I) do update set %s',
            sink->>'schema_name', sink->>'table_name', sink->>'key_column',
            string_agg(quote_ident(m.column), ', '),
            string_agg(format('(%s)::%s', m.said, m.type), ', '), sink->>'key_column',
            string_agg(format('%1$I = excluded.%1$I', m.column), ', ')
        ) end
    from mapped m
$$;

-- What is to be written of a claimed row: `values`, null where the call is erased, and the `statement` that does so; none
-- where there is no sink any more. `trouble`: what the statement would need and is not there. The version is read
-- together with the values, so that a change of them is known by it.
create function public.agentctl_sink_content(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object(
        'version', r.version, 'conversation_id', r.conversation_id, 'values', v.said,
        'trouble', case
            when s.project is null then null
            when t.place is null then jsonb_build_object('code', '42P01')
            when t.lacking is not null then jsonb_build_object('code', '42703', 'column', t.lacking)
        end,
        'statement', agentctl.sink_statement(to_jsonb(s), t.columns, v.said is null)
    )
    from agentctl.sink_rows r
    left join agentctl.sinks s on (s.tenant, s.project, s.environment) = ('default', r.project, r.environment)
    left join lateral (
        select place, agentctl.columns_of(place) as columns, (
            select min(wanted.name) from (
                select s.key_column as name union all select m.value from jsonb_each_text(s.columns) m
            ) wanted
            where not agentctl.columns_of(place) ? wanted.name
        ) as lacking
        from to_regclass(format('%I.%I', s.schema_name, s.table_name)) place
    ) t on s.project is not null
    cross join lateral (
        select (
            select agentctl.call_values(c) from agentctl.calls c
            where c.tenant = r.tenant and c.conversation_id = r.conversation_id
        ) as said
    ) v
    where r.tenant = agentctl.tenant(args) and r.id = agentctl.id(args)
        and r.state = 'running' and r.attempt = (args->>'attempt')::integer
$$;

-- The fence, after the write and in its transaction: true if the row was this worker's. What has changed meanwhile waits
-- for the next.
create function public.agentctl_sink_written(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    delete from agentctl.sink_rows r
    where r.tenant = agentctl.tenant(args) and r.id = agentctl.id(args) and r.state = 'running'
        and r.attempt = (args->>'attempt')::integer and r.version = (args->>'version')::bigint;
    if not found then
        update agentctl.sink_rows r
        set state = 'pending', failures = 0, blameless = 0, due_at = now(), since = now(), error = null
        where r.tenant = agentctl.tenant(args) and r.id = agentctl.id(args) and r.state = 'running'
            and r.attempt = (args->>'attempt')::integer;
    end if;
    return jsonb_build_object('held', found);
end
$$;

-- Writes one claimed row and is done with it, or says in `trouble` why not: by codes and names alone, since a message
-- quotes what it is about. Nothing is left of an attempt that failed, nor of one that somebody else has taken over
-- (`held`). With its caller's rights, since the table is somebody else's, and without a search_path of its own: the
-- product's triggers run within this and know their tables by theirs.
create function public.agentctl_write_sink(args jsonb) returns jsonb
language plpgsql set timezone = 'UTC' set lock_timeout = '5s'
as $$
declare
    content jsonb := public.agentctl_sink_content(args);
    code text;
    broken text;
    place text;
begin
    if content is null or content->'trouble' <> 'null' then
        return jsonb_build_object('held', content is not null, 'trouble', content->'trouble');
    end if;
    begin
        if content->>'statement' is not null then
            execute content->>'statement' using content->'values', content->>'conversation_id';
        end if;
        set constraints all immediate;  -- what the product checks at the end is this row's trouble, too
        if not (
            public.agentctl_sink_written(args || jsonb_build_object('version', content->'version'))->>'held'
        )::boolean then
            raise exception using errcode = 'AG001';
        end if;
    exception
        when sqlstate 'AG001' then
            return jsonb_build_object('held', false);
        when others then
            get stacked diagnostics code = returned_sqlstate, broken = constraint_name, place = column_name;
            return jsonb_build_object('held', true, 'trouble', jsonb_build_object(
                'code', code, 'constraint', nullif(broken, ''), 'column', nullif(place, '')
            ));
    end;
    return jsonb_build_object('held', true);
end
$$;

create function public.agentctl_fail_sink_row(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    outage boolean := coalesce((args->>'outage')::boolean, false);
    outcome text;
begin
    update agentctl.sink_rows r
    set state = case when outage or r.failures + 1 < (args->>'max_attempts')::integer then 'pending' else 'dead' end,
        finished_at = case when outage or r.failures + 1 < (args->>'max_attempts')::integer then null else now() end,
        failures = r.failures + (not outage)::integer, blameless = r.blameless + outage::integer,
        error = args->>'error', due_at = now() + agentctl.seconds(args, 'delay_seconds')
    where r.tenant = agentctl.tenant(args) and r.id = agentctl.id(args)
        and r.state = 'running' and r.attempt = (args->>'attempt')::integer
    returning r.state into outcome;
    return jsonb_build_object('held', outcome is not null, 'state', outcome);
end
$$;

-- As before, of rows of a sink too.
create or replace function agentctl.lease_until(args jsonb, until timestamptz, handed_back boolean) returns boolean
language plpgsql set search_path = ''
as $$
declare
    queue text := args->>'queue';
    touched integer;
begin
    if queue is null or queue not in ('events', 'outbox', 'duties', 'sync_jobs', 'sink_rows') then
        raise exception 'queue must be events, outbox, duties, sync_jobs or sink_rows';
    end if;
    execute format(
        'update agentctl.%I q set due_at = $1, state = case when $2 then ''pending'' else q.state end
         where q.tenant = $3 and q.id = $4 and q.state = ''running'' and q.attempt = $5', queue
    ) using until, handed_back, agentctl.tenant(args), agentctl.id(args), (args->>'attempt')::integer;
    get diagnostics touched = row_count;
    return touched > 0;
end
$$;

-- Those that were given up: all, or that of one conversation.
create function public.agentctl_requeue_sink_rows(args jsonb) returns jsonb
language sql security definer set search_path = '' set timezone = 'UTC'
as $$
    with again as (
        update agentctl.sink_rows r
        set state = 'pending', failures = 0, blameless = 0, due_at = now(), finished_at = null, told_at = null
        where r.state = 'dead' and r.tenant = coalesce(nullif(args->>'tenant', ''), r.tenant)
            and (args->>'conversation_id' is null or r.conversation_id = args->>'conversation_id')
        returning 1
    )
    select jsonb_build_object('rows', count(*)) from again
$$;

-- What is not written of these conversations, with the reason if one is known.
create function public.agentctl_unwritten(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'conversation_id', r.conversation_id, 'table', s.schema_name || '.' || s.table_name, 'error', r.error
    ) order by r.conversation_id), '[]')
    from agentctl.sink_rows r
    left join agentctl.sinks s on (s.tenant, s.project, s.environment) = ('default', r.project, r.environment)
    where r.tenant = agentctl.tenant(args)
        and r.conversation_id = any (array(select jsonb_array_elements_text(args->'conversation_ids')))
$$;

-- How many rows wait and were given up, for how long the oldest waits, and what keeps them.
create function public.agentctl_sink_queue(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object(
        'rows', jsonb_build_object(
            'pending', count(*) filter (where r.state = 'pending'),
            'running', count(*) filter (where r.state = 'running'),
            'dead', count(*) filter (where r.state = 'dead')
        ),
        'oldest_row_seconds', extract(epoch from now() - min(r.since) filter (where r.state <> 'dead')),
        'troubled_rows', (
            select coalesce(jsonb_agg(t.error order by t.error), '[]') from (
                select distinct e.error from agentctl.sink_rows e
                where e.error is not null and e.tenant = coalesce(nullif(args->>'tenant', ''), e.tenant)
                limit 5
            ) t
        )
    )
    from agentctl.sink_rows r where r.tenant = coalesce(nullif(args->>'tenant', ''), r.tenant)
$$;

-- As `untold_dead` and `tell_dead` do for events.
create function public.agentctl_untold_sink_rows(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    with untold as (
        select r.conversation_id, r.attempt, r.error, r.finished_at
        from agentctl.sink_rows r where r.state = 'dead' and r.told_at is null
    )
    select jsonb_build_object(
        'count', (select count(*) from untold),
        'until', (select max(u.finished_at) from untold u),
        'rows', coalesce((
            select jsonb_agg(jsonb_build_object(
                'conversation_id', first.conversation_id, 'attempt', first.attempt, 'reason', first.error
            ) order by first.finished_at, first.conversation_id)
            from (select * from untold order by finished_at, conversation_id limit (args->>'limit')::integer) first
        ), '[]')
    )
$$;

create function public.agentctl_tell_sink_rows(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    touched integer;
begin
    update agentctl.sink_rows r set told_at = now()
    where r.state = 'dead' and r.told_at is null and r.finished_at <= (args->>'until')::timestamptz;
    get diagnostics touched = row_count;
    if touched > 0 then
        insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message)
        select 'default', args->>'id', 'alert', m->>'recipient', m->'message'
        from jsonb_array_elements(agentctl.given(args, 'mails')) m
        on conflict do nothing;
    end if;
    return jsonb_build_object('told', touched);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261123000800', 'agentctl_sink');
