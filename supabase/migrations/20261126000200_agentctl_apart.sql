-- Words and sound have limits of their own: a recording that waited while the words of its call went is stored.

-- As before, but for that. Why a recording is refused; null where it is not. The event of one that is goes, and no other
-- brings it back.
create or replace function agentctl.refuse_sound(args jsonb) returns text
language plpgsql set search_path = ''
as $$
declare
    owner text := agentctl.tenant(args);
    event uuid := agentctl.id(jsonb_build_object('id', args->'event_id'));
    conversation text := args->'recording'->>'conversation_id';
begin
    perform agentctl.lock_call(owner, conversation);
    if agentctl.is_forgotten(owner, conversation) then
        perform agentctl.erase(owner, array[conversation], array[event]);
        return 'forgotten';
    end if;
    perform from agentctl.events e
    left join agentctl.calls c on c.tenant = owner and c.conversation_id = conversation
    left join lateral agentctl.project_of(e.agent_id) a on true
    cross join lateral agentctl.limit_of(
        coalesce(c.project, a.project), coalesce(c.environment, a.environment)
    ) l
    where e.tenant = owner and e.id = event and e.received_at < now() - make_interval(days => l.audio);
    if not found then
        return null;
    end if;
    perform agentctl.make_mark_key(owner);
    insert into agentctl.outlived (tenant, mark)
    values (owner, agentctl.mark(owner, 'sound', conversation)) on conflict do nothing;
    delete from agentctl.events e where e.tenant = owner and e.id = event;
    return 'outlived';
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000200', 'agentctl_apart');
