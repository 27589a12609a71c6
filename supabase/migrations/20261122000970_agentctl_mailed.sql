-- Who was mailed about a forgotten call stays known as long as something of it is.

alter table agentctl.remains
    add column sent_mails integer not null default 0,
    add column mailed text[] not null default '{}';
comment on column agentctl.remains.mailed is 'Who was sent a mail about it: of the team, not the caller.';

-- As before, and what was mailed about calls whose rows are gone and that are not yet gone elsewhere.
create or replace function public.agentctl_held_of(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    ids text[] := array(select jsonb_array_elements_text(args->'conversation_ids'));
    others uuid[] := array(select jsonb_array_elements_text(args->'event_ids'))::uuid[];
begin
    return jsonb_build_object(
        'calls', (select count(*) from agentctl.calls c where c.tenant = owner and c.conversation_id = any (ids)),
        'turns', (select count(*) from agentctl.call_turns t where t.tenant = owner and t.conversation_id = any (ids)),
        'digests', (select count(*) from agentctl.digests d where d.tenant = owner and d.conversation_id = any (ids)),
        'action_items', (
            select count(*) from agentctl.action_items i where i.tenant = owner and i.conversation_id = any (ids)
        ),
        'events', cardinality(others) + (
            select count(*) from agentctl.events e
            where e.tenant = owner and e.conversation_id = any (ids) and e.id <> all (others)
        ),
        'queued_mails', (
            select count(*) from agentctl.outbox m
            where m.tenant = owner and m.conversation_id = any (ids) and m.state <> 'sent'
        ),
        'sent_mails', (
            select coalesce(sum(greatest(r.sent_mails, (
                select count(*) from agentctl.outbox m
                where m.tenant = owner and m.conversation_id = asked.id and m.state = 'sent'
            ))), 0)
            from unnest(ids) asked (id)
            left join agentctl.remains r on r.tenant = owner and r.conversation_id = asked.id
        ),
        'mailed', (
            select coalesce(jsonb_agg(told.recipient order by told.recipient), '[]') from (
                select m.recipient from agentctl.outbox m
                where m.tenant = owner and m.conversation_id = any (ids) and m.state = 'sent'
                union
                select unnest(r.mailed) from agentctl.remains r
                where r.tenant = owner and r.conversation_id = any (ids)
            ) told
        ),
        'recordings', (
            select coalesce(jsonb_agg(jsonb_build_object('conversation_id', r.conversation_id, 'location', r.location)), '[]')
            from agentctl.recordings r where r.tenant = owner and r.conversation_id = any (ids)
        ),
        'marked', (
            select count(*) from unnest(ids) asked (id) where agentctl.is_forgotten(owner, asked.id)
        )
    );
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000970', 'agentctl_mailed');
