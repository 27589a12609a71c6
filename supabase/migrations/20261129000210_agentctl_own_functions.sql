-- A product's function in `public` may look just as ours do: `agentctl_x(args jsonb) returns jsonb`. Ours are known by
-- name, and no rights of any other are taken.

create table agentctl.own_functions (
    name text primary key
);
alter table agentctl.own_functions enable row level security;
comment on table agentctl.own_functions is
    'What is called of agentctl in public, beside agentctl.exposed. A migration that makes one adds its row.';
comment on column agentctl.own_functions.name is 'Without the schema; it takes `args jsonb` and answers jsonb.';

insert into agentctl.own_functions (name)
select 'agentctl_' || name from unnest(array[
    'abandoned_recordings', 'accept', 'accept_many', 'accept_part', 'adopt_source', 'advance_watermarks',
    'agent_keys', 'agents_with_calls', 'asked_for_sounds', 'assistants', 'audit', 'begin_recording', 'begun',
    'begun_upload', 'bind', 'bind_all', 'bindings', 'bound_elsewhere', 'bound_first', 'bound_ids',
    'calls_of_number', 'claim_duties', 'claim_events', 'claim_mails', 'claim_sink_rows', 'claim_sync_jobs',
    'clean_sync', 'count_calls', 'digestible', 'doubled_sounds', 'drop_abandoned', 'drop_doubled',
    'drop_recordings', 'due_recordings', 'duty_done', 'end_session', 'end_sessions', 'erase', 'erase_tests',
    'events_with_digits', 'export_calls', 'fail_duty', 'fail_event', 'fail_sink_row', 'fail_sync_job', 'fill_sink',
    'find_event', 'find_part', 'forget_intent', 'forget_route', 'forget_undertaking', 'hand_over_route', 'held_of',
    'hold', 'holds', 'homes_elsewhere', 'homes_of', 'intend', 'intend_all', 'intents', 'is_forgotten', 'is_gone',
    'keep_days', 'keep_event', 'last_declared', 'leave_remains', 'list_audit', 'list_calls', 'list_events',
    'list_mails', 'made_tests', 'mail_failed', 'mail_sent', 'mark_action_item', 'mark_forgotten', 'memberships',
    'missing_contents', 'missing_sounds', 'my_action_items', 'my_assistants', 'my_call', 'my_calls', 'my_changes',
    'my_counts', 'my_declared', 'my_events', 'my_mails', 'my_mark', 'my_queue', 'my_raw_event', 'my_retry',
    'my_revisions', 'my_roles', 'my_save_assistant', 'nameless_calls', 'note_gone', 'note_upload', 'notify',
    'number_holders', 'numbers_of', 'open_session', 'opened', 'other_owners', 'queue', 'refusal', 'release',
    'release_lease', 'remains', 'remember_secrets', 'remove_assistant', 'remove_membership', 'remove_tenant',
    'rename', 'renew', 'renew_lease', 'report_synced', 'request_sync', 'requeue_events', 'requeue_mails',
    'requeue_sink_rows', 'reserve_spending', 'retain_calls', 'retain_events', 'retention', 'retry',
    'retry_sync_jobs', 'revision', 'revisions', 'route', 'save_access', 'save_assistant', 'save_clean_sync',
    'save_membership', 'save_retention', 'save_revision', 'save_route', 'save_sink', 'save_tenant',
    'save_undertaking', 'seal', 'secret_fingerprints', 'session', 'session_key', 'settle_spending', 'show_call',
    'sink_columns', 'sink_content', 'sink_queue', 'sink_written', 'sinks', 'source_columns', 'source_references',
    'source_rights', 'source_rows', 'status', 'store_call', 'store_digest', 'store_recording', 'strangers',
    'sync_job_done', 'sync_queue', 'take_lease', 'take_pace', 'tell_dead', 'tell_sink_rows', 'tenant_agents',
    'tenant_credentials', 'tenant_secrets', 'tenants', 'told_until', 'trim_audit', 'unbind', 'undertaking',
    'undertakings', 'unhold', 'unknown_conversations', 'unproven_sounds', 'untold_dead', 'untold_sink_rows',
    'unwritten', 'watermarks', 'whose_agents', 'whose_conversation', 'whose_numbers', 'whose_workspace',
    'write_sink'
]) name;

-- As before, by that name, too.
create or replace function agentctl.own_routines() returns setof oid
language sql stable set search_path = ''
as $$
    select p.oid from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and starts_with(p.proname, 'agentctl_') and (
        p.prorettype = 'jsonb'::regtype and p.proargtypes[0] = 'jsonb'::regtype and p.proargnames[1] = 'args'
            and p.proname in (select f.name from agentctl.own_functions f)
        or p.oid in (select to_regprocedure(e.object) from agentctl.exposed e where e.object like '%(%')
    )
$$;

-- Makes the rights of what is ours anew: what is meant to be open is, and nothing else. `refused`: what of
-- agentctl.exposed is granted to nobody, since that would be unsafe, and what mends it.
create procedure agentctl.make_rights(inout refused text[] default '{}')
language plpgsql set search_path = ''
as $$
declare
    one agentctl.exposed;
    told regprocedure;
begin
    call agentctl.take_rights();
    call agentctl.grant_service();
    if agentctl.roles_here('{authenticated}') is not null then
        grant usage on schema agentctl to authenticated;
        for one in select * from agentctl.exposed e order by e.object loop
            begin
                call agentctl.expose(one.object, one.columns);
            exception when raise_exception then
                refused := refused || sqlerrm;
            end;
        end loop;
    end if;
    for told in
        select p.oid from pg_catalog.pg_proc p
        where (p.pronamespace = 'agentctl'::regnamespace or p.oid in (select agentctl.own_routines()))
        and exists (select from unnest(p.proconfig) setting where starts_with(setting, 'enable_'))
        and not 'jit=off' = any (p.proconfig)
    loop
        execute format('alter function %s set jit = off', told);
    end loop;
    perform pg_catalog.pg_notify('pgrst', 'reload schema');
end
$$;

-- As before: a migration that would leave anything unsafe, or closed that is meant to be open, changes nothing.
create or replace procedure agentctl.seal()
language plpgsql set search_path = ''
as $$
declare
    refused text[] := '{}';
begin
    call agentctl.make_rights(refused);
    if refused <> '{}' then
        raise exception '%', array_to_string(refused, '; ');
    end if;
end
$$;

-- As before.
create or replace function public.agentctl_seal(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    refused text[] := '{}';
begin
    perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('agentctl.seal', 0));
    if not pg_catalog.pg_try_advisory_xact_lock(7204913118) then  -- agentctl/clients/store/migrations.py
        return public.agentctl_opened('{}') || '{"busy": true}';
    end if;
    if exists (select from agentctl.opened()) then
        call agentctl.make_rights(refused);
    end if;
    return public.agentctl_opened('{}') || jsonb_build_object('refused', refused);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261129000210', 'agentctl_own_functions');
