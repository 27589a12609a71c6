-- Who has been told of a call elsewhere is not told again: by the store that a backup is put in the place of, or by the
-- machine on which the project ran before this one.

create table agentctl.told (
    only_one boolean primary key default true check (only_one),
    until timestamptz not null
);
alter table agentctl.told enable row level security;
comment on table agentctl.told is 'Up to when another store has mailed calls, if there was one.';
comment on column agentctl.told.only_one is 'There is one row at most.';
comment on column agentctl.told.until is
    'Calls that were over by then, and that no webhook brings, are stored and mailed to nobody.';

-- Whether a call was over before anybody here was to hear of it: before its agent was bound in this store, or before the
-- store that mailed them until then was replaced by this one. What a webhook brings was delivered here alone. One that
-- was still going on could be mailed by nobody yet.
create function agentctl.was_told(call jsonb) returns boolean
language sql stable set search_path = ''
as $$
    select coalesce(call->>'source' = 'backfill' and (
        (call->>'started_at')::timestamptz + make_interval(secs => coalesce((call->>'duration_secs')::double precision, 0))
    ) < greatest(
        (select min(b.bound_at) from agentctl.bindings b where b.kind = 'agent' and b.remote_id = call->>'agent_id'),
        (select t.until from agentctl.told t)
    ), false)
$$;

-- As before, without mails about what was told.
create or replace function public.agentctl_store_call(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    conversation text := args->'call'->>'conversation_id';
    staying jsonb;
    ticked jsonb;
    better boolean;
    told boolean := false;
begin
    if not agentctl.finish_event(args) then  -- it locks the call: no digest and no tick comes in between
        return jsonb_build_object('held', false, 'stored', false);
    end if;
    staying := agentctl.digest_that_stays(owner, conversation, args);
    ticked := case when staying is null then agentctl.ticked(owner, conversation) else '[]' end;
    args := args || coalesce(staying, '{}');
    better := agentctl.put_call(owner, args);
    if better then
        perform agentctl.put_parts(owner, conversation, args);
        perform agentctl.put_items(owner, conversation, agentctl.given(args, 'action_items'), ticked);
        told := coalesce(args->'mails' <> '[]', false) and agentctl.was_told(args->'call');
        if not told then
            insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message)
            select owner, conversation, m->>'purpose', m->>'recipient', m->'message'
            from jsonb_array_elements(agentctl.given(args, 'mails')) m
            on conflict (tenant, conversation_id, purpose, recipient) do nothing;
        end if;
    end if;
    return jsonb_build_object('held', true, 'stored', better)
        || case when told then jsonb_build_object('told', true) else '{}' end
        || case when better and staying is not null then jsonb_build_object(
            'kept', case when staying->'digest'->'detail' ? 'earlier_transcript' then 'earlier' else 'same' end
        ) else '{}' end;
end
$$;

create function public.agentctl_told_until(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    if (args->>'until')::timestamptz is null then
        raise exception 'until is missing: up to when calls were mailed elsewhere';
    end if;
    insert into agentctl.told as t (until) values ((args->>'until')::timestamptz)
    on conflict (only_one) do update set until = greatest(t.until, excluded.until);
    return (select jsonb_build_object('until', t.until) from agentctl.told t);
end
$$;
comment on function public.agentctl_told_until(jsonb) is
    'Calls that were over by until are mailed to nobody when backfill brings them: another store has mailed them.';

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000330', 'agentctl_told_elsewhere');
