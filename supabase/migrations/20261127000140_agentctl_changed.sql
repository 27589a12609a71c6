-- Whoever listens on the channel agentctl_changed hears what changed, so that an open page shows it.

-- A transaction that notifies commits alone: six connections stored 378 calls a second without, and 260 with it. So nobody is
-- told where nobody listens, which is known by a lock that each listener shares as long as its connection lasts. Who changes
-- something tries to have it alone, for a moment; two who do so at once tell in vain.
create function agentctl.is_heard() returns boolean
language plpgsql set search_path = ''
as $$
declare
    listeners constant bigint := 7204913119;  -- any number that nobody else's advisory locks use
begin
    return not pg_catalog.pg_try_advisory_lock(listeners) or not pg_catalog.pg_advisory_unlock(listeners);
end
$$;

-- From here on this session hears of changes. What was being stored at that moment may go untold: look once more a second
-- after. Nothing for a connection that others use, too.
create function agentctl.listen_for_changes() returns void
language plpgsql set search_path = ''
as $$
begin
    perform pg_catalog.pg_advisory_lock_shared(7204913119);
    listen agentctl_changed;
end
$$;

-- `{"tenant": …, "what": "calls" | "items" | "assistants"}`, each once per transaction, when it ends; no ids, since any role
-- of the database may listen. What it was, each listener asks as the person it shows it to.
create function agentctl.tell_change() returns trigger
language plpgsql set search_path = ''
as $$
begin
    if agentctl.is_heard() then
        perform pg_catalog.pg_notify('agentctl_changed', jsonb_build_object(
            'tenant', coalesce(new.tenant, old.tenant), 'what', tg_argv[0]
        )::text);
    end if;
    return null;
end
$$;

-- A call is stored, told better, emptied or forgotten; its digest is made; its recording comes or goes; its mail is sent.
create trigger tell_change after insert or update or delete on agentctl.calls
    for each row execute function agentctl.tell_change('calls');
create trigger tell_change after insert on agentctl.digests
    for each row execute function agentctl.tell_change('calls');
create trigger tell_change after insert or update or delete on agentctl.recordings
    for each row execute function agentctl.tell_change('calls');
create trigger tell_change after update of state on agentctl.outbox
    for each row when (new.state in ('sent', 'dead')) execute function agentctl.tell_change('calls');
create trigger tell_change after insert or update or delete on agentctl.action_items
    for each row execute function agentctl.tell_change('items');
create trigger tell_change after insert or update or delete on agentctl.assistants
    for each row execute function agentctl.tell_change('assistants');
create trigger tell_change after insert or update of state, error on agentctl.sync_jobs
    for each row when (new.key <> '') execute function agentctl.tell_change('assistants');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000140', 'agentctl_changed');
