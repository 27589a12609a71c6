-- Action items are told apart by what they rest on, not by their place, which another digest of the call changes.

-- By the words that show it and their turn, as `agentctl.tick` knows it again, else by its own words; where several rest
-- on the same, by all that they say. Letters only: former ids were places, in digits.
create function agentctl.item_id(item agentctl.action_items) returns text
language sql stable set search_path = ''
as $$
    select item.conversation_id || ':' || translate(left(md5(
        coalesce(item.quote || E'\n' || item.turn, item.what)
        || case when count(*) = 1 then '' else concat_ws(E'\n', '', item.what, item.who, item.due) end
    ), 8), '0123456789', 'ghijklmnop')
    from agentctl.action_items i
    where i.tenant = item.tenant and i.conversation_id = item.conversation_id
        and coalesce(i.quote || E'\n' || i.turn, i.what) = coalesce(item.quote || E'\n' || item.turn, item.what)
$$;

create or replace function agentctl.call(c agentctl.calls) returns jsonb
language sql stable set search_path = ''
as $$
    select to_jsonb(c) - '{tenant,detail,answer_ms}'::text[] || jsonb_build_object(
        'title', d.title, 'summary', d.summary, 'engine', d.engine,
        'action_items', coalesce((
            select jsonb_agg(
                to_jsonb(i) - '{tenant,conversation_id}'::text[] || jsonb_build_object('id', agentctl.item_id(i))
                order by i.position
            )
            from agentctl.action_items i
            where i.tenant = c.tenant and i.conversation_id = c.conversation_id
        ), '[]'),
        'has_recording', exists (
            select from agentctl.recordings r
            where r.tenant = c.tenant and r.conversation_id = c.conversation_id
        )
    )
    from (select) one
    left join agentctl.digests d on d.tenant = c.tenant and d.conversation_id = c.conversation_id
$$;

-- Ticks the action item with this id off, or opens it again; null if there is none.
create or replace function public.agentctl_mark_action_item(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    item agentctl.action_items;
begin
    -- No other digest takes the item's place meanwhile: one is written with its call locked.
    perform from agentctl.calls c
    where c.tenant = agentctl.tenant(args) and c.conversation_id = args->>'conversation_id' for update;
    select * into item from agentctl.action_items i
    where i.tenant = agentctl.tenant(args) and i.conversation_id = args->>'conversation_id'
        and agentctl.item_id(i) = args->>'id';
    if not found then
        return null;
    end if;
    update agentctl.action_items i set done = (args->>'done')::boolean
    where i.tenant = item.tenant and i.conversation_id = item.conversation_id and i.position = item.position;
    return to_jsonb(item) - 'tenant' || jsonb_build_object(
        'id', args->>'id', 'done', (args->>'done')::boolean, 'changed', item.done <> (args->>'done')::boolean
    );
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000940', 'agentctl_item_ids');
