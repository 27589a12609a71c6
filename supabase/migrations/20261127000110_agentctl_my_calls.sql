-- Calls as a signed-in person lists and reads them.
--
-- `public.agentctl_my_*` run with the rights of who asks, and row-level security decides which rows they get. What a policy
-- would make slow, or a role may know more of, comes from functions of the schema agentctl that ask agentctl.my_tenants()
-- themselves. A tenant that is not theirs is like one that has nothing.

-- The role of who asks in a tenant; null: none.
create function agentctl.my_role(of_tenant text) returns text
language plpgsql stable parallel restricted security definer set search_path = ''
as $$
begin
    return (
        select m.role from agentctl.my_memberships() m
        where m.tenant = of_tenant and m.role in ('viewer', 'editor', 'admin')
        order by array_position(array['admin', 'editor', 'viewer'], m.role) limit 1
    );
end
$$;

-- Of the calls that are asked for, as for agentctl_list_calls, the newest: their ids in order, the words around what was
-- searched, and for admins what they cost. At most 500 at once.
create function agentctl.my_hits(args jsonb)
returns table (place bigint, conversation_id text, snippet text, cost jsonb)
language plpgsql stable security definer rows 50 set search_path = '' set timezone = 'UTC'
as $$
declare
    my_role text := agentctl.my_role(args->>'tenant');
    search tsquery := agentctl.query(args->>'search');
begin
    if my_role is null then
        return;
    end if;
    return query
        select row_number() over (), c.conversation_id, case when search is not null then agentctl.snippet(c, search) end,
            case when my_role = 'admin'
                then jsonb_build_object('cost_credits', c.cost_credits, 'cost_fiat', c.cost_fiat) else '{}' end
        from agentctl.matching_calls(args || jsonb_build_object(
            'limit', least(greatest(coalesce((args->>'limit')::integer, 50), 1), 500)
        )) c;
end
$$;

-- The ids of these calls' items: each depends on its neighbours, which the policy would be asked for one by one.
create function agentctl.my_item_ids(owner text, conversations text[])
returns table (conversation_id text, "position" integer, id text)
language plpgsql stable security definer rows 50 set search_path = ''
as $$
begin
    if agentctl.my_role(owner) is null then
        return;
    end if;
    return query
        select i.conversation_id, i.position, agentctl.item_id(i) from agentctl.action_items i
        where i.tenant = owner and i.conversation_id = any (conversations);
end
$$;

-- The items of these calls, as the policy lets them be seen.
create function agentctl.my_items_of(owner text, conversations text[])
returns table (conversation_id text, items jsonb)
language plpgsql stable rows 50 set search_path = ''
as $$
begin
    return query
        select i.conversation_id, jsonb_agg(jsonb_build_object(
            'id', k.id, 'position', i.position, 'what', i.what, 'who', i.who, 'due', i.due, 'due_date', i.due_date,
            'due_time', i.due_time, 'quote', i.quote, 'turn', i.turn, 'done', i.done
        ) order by i.position)
        from agentctl.action_items i
        join agentctl.my_item_ids(owner, conversations) k
            on (k.conversation_id, k.position) = (i.conversation_id, i.position)
        where i.tenant = owner and i.conversation_id = any (conversations)
        group by i.conversation_id;
end
$$;

-- These calls as they are listed, in no order.
create function agentctl.my_faces(owner text, conversations text[])
returns table (conversation_id text, face jsonb)
language plpgsql stable rows 50 set search_path = ''
as $$
begin
    return query
        select c.conversation_id, to_jsonb(c) - '{tenant,answer_ms}'::text[] || jsonb_build_object(
            'title', d.title, 'summary', d.summary, 'engine', d.engine, 'action_items', coalesce(i.items, '[]')
        )
        from public.agentctl_calls c
        left join agentctl.digests d on d.tenant = owner and d.conversation_id = c.conversation_id
        left join agentctl.my_items_of(owner, conversations) i on i.conversation_id = c.conversation_id
        where c.tenant = owner and c.conversation_id = any (conversations);
end
$$;

create function public.agentctl_my_calls(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    hits jsonb;
begin
    select coalesce(jsonb_agg(to_jsonb(h) order by h.place), '[]') into hits from agentctl.my_hits(args) h;
    if hits = '[]' then
        return hits;
    end if;
    return (
        select coalesce(jsonb_agg(
            f.face || h.cost
                || case when h.snippet is null then '{}' else jsonb_build_object('snippet', h.snippet) end
            order by h.place
        ), '[]')
        from agentctl.my_faces(
            args->>'tenant', array(select h->>'conversation_id' from jsonb_array_elements(hits) h)
        ) f
        join jsonb_to_recordset(hits) h (place bigint, conversation_id text, snippet text, cost jsonb)
            using (conversation_id)
    );
end
$$;
comment on function public.agentctl_my_calls(jsonb) is
    'For signed-in users: calls of a tenant, the newest first. tenant, limit (to 500), before, before_id, search, project, environment, assistant, number, number_ending, agent_number, direction, outcome, status, items, since, until.';

-- What a model was told to look up, by our own name of the document where it is one of ours.
create function agentctl.citations(owner text, rag jsonb) returns jsonb
language sql stable set search_path = ''
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'document_id', one.chunk->>'document_id', 'document', (
            select b.key from agentctl.bindings b
            where b.tenant = owner and b.kind = 'knowledge_document' and b.remote_id = one.chunk->>'document_id' limit 1
        ), 'distance', one.chunk->'vector_distance'
    ) order by one.place), '[]')
    from jsonb_array_elements(case jsonb_typeof(rag->'chunks') when 'array' then rag->'chunks' else '[]' end)
        with ordinality one (chunk, place)
    where jsonb_typeof(one.chunk) = 'object'
$$;

-- A turn's tools: of each use its name, and for editors what it was asked and said. How it was reached (`tool_details`,
-- with headers) stays in the raw event.
create function agentctl.tools(uses jsonb, shown text[]) returns jsonb
language sql immutable set search_path = ''
as $$
    select coalesce(jsonb_agg((
        select coalesce(jsonb_object_agg(field.key, field.value), '{}') from jsonb_each(one.tool) field
        where field.key = any (shown)
    ) order by one.place), '[]')
    from jsonb_array_elements(uses) with ordinality one (tool, place)
    where jsonb_typeof(one.tool) = 'object'
$$;

-- What the policies do not show of a call, by role; null where it is none of one's own. `turns`: by position.
create function agentctl.my_call_inside(owner text, conversation text) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    my_role text := agentctl.my_role(owner);
    edits boolean := my_role in ('editor', 'admin');
    called text[] := case when edits then '{tool_name,type,request_id,params_as_json}' else '{tool_name}' end;
    answered text[] := case when edits
        then '{tool_name,type,request_id,result_value,is_error,error_type,tool_latency_secs}'
        else '{tool_name,is_error}' end;
begin
    if my_role is null then
        return null;
    end if;
    return (
        select jsonb_build_object(
            'role', my_role,
            'evaluation', coalesce(c.detail->'evaluation', '{}'),
            'collected', coalesce(c.detail->'data_collection', '{}'),
            'turns', coalesce((
                select jsonb_object_agg(t.position, jsonb_build_object(
                    'tool_calls', agentctl.tools(t.tool_calls, called),
                    'tool_results', agentctl.tools(t.tool_results, answered)
                ) || case when edits
                    then jsonb_build_object('citations', agentctl.citations(owner, t.detail->'rag')) else '{}' end)
                from agentctl.call_turns t
                where t.tenant = owner and t.conversation_id = conversation
                    and (t.tool_calls <> '[]' or t.tool_results <> '[]' or t.detail ? 'rag')
            ), '{}'),
            'mails', coalesce((
                select jsonb_agg(jsonb_build_object(
                    'to', m.recipient, 'purpose', m.purpose, 'status', m.state, 'sent_at', m.sent_at
                ) || case when edits
                    then jsonb_build_object('attempt', m.attempt, 'error', m.error) else '{}' end
                order by m.created_at, m.recipient)
                from agentctl.outbox m where m.tenant = owner and m.conversation_id = conversation
            ), '[]')
        ) || case when my_role <> 'admin' then '{}' else jsonb_build_object(
            'cost_credits', c.cost_credits, 'cost_fiat', c.cost_fiat, 'source', c.source,
            'digest_cost', (
                select jsonb_build_object(
                    'model', d.model, 'tokens_in', d.tokens_in, 'tokens_out', d.tokens_out, 'cost', d.cost,
                    'seconds', d.seconds
                )
                from agentctl.digests d where d.tenant = owner and d.conversation_id = conversation
            ),
            'ids', jsonb_build_object(
                'agent_id', c.agent_id, 'branch_id', c.branch_id, 'version_id', c.version_id,
                'phone_number_id', c.phone_number_id, 'call_sid', c.call_sid, 'user_id', c.user_id
            ),
            'events', coalesce((
                select jsonb_agg(to_jsonb(e) - 'tenant' order by e.received_at, e.id)
                from agentctl.event_faces e where e.tenant = owner and e.conversation_id = conversation
            ), '[]')
        ) end
        from agentctl.calls c where c.tenant = owner and c.conversation_id = conversation
    );
end
$$;

create function public.agentctl_my_call(args jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := args->>'tenant';
    conversation text := args->>'conversation_id';
    shown jsonb := (select f.face from agentctl.my_faces(owner, array[conversation]) f);
    inside jsonb := agentctl.my_call_inside(owner, conversation);
begin
    if shown is null or inside is null then
        raise sqlstate 'PT404' using message = 'there is no such call';
    end if;
    return shown || (inside - 'turns') || jsonb_build_object(
        'answer_ms', (
            select c.answer_ms from agentctl.calls c where c.tenant = owner and c.conversation_id = conversation
        ),
        'turns', coalesce((
            select jsonb_agg(jsonb_build_object(
                'position', t.position, 'role', t.role, 'message', t.message, 'at_secs', t.at_secs,
                'interrupted', t.interrupted
            ) || coalesce(inside->'turns'->(t.position::text), '{}') order by t.position)
            from agentctl.call_turns t where t.tenant = owner and t.conversation_id = conversation
        ), '[]'),
        'digest', (
            select jsonb_build_object(
                'engine', d.engine, 'title', d.title, 'summary', d.summary, 'language', d.language,
                'outcome', d.outcome, 'sentiment', d.sentiment, 'follow_up', d.follow_up,
                'caller_name', d.caller_name, 'caller_number', d.caller_number, 'made_at', d.made_at
            )
            from agentctl.digests d where d.tenant = owner and d.conversation_id = conversation
        ),
        'recording', (
            select jsonb_build_object('content_type', r.content_type, 'size', r.size, 'stored_at', r.stored_at)
            from agentctl.recordings r where r.tenant = owner and r.conversation_id = conversation
        )
    );
end
$$;
comment on function public.agentctl_my_call(jsonb) is
    'For signed-in users: one call, tenant and conversation_id, with turns, digest, items, mails and recording. Editors see what tools were told and said, admins cost, ids and events. 404: none of theirs.';

-- The first mebibyte of what was delivered, as text; what is no UTF-8 is shown by its bytes.
create function agentctl.readable_text(body bytea) returns text
language plpgsql immutable set search_path = ''
as $$
declare
    whole integer := least(octet_length(body), 1048576);
begin
    for cut in 0..3 loop  -- bytes of a character that goes on behind the end
        begin
            return convert_from(substr(body, 1, whole - cut), 'UTF8');
        exception when character_not_in_repertoire or untranslatable_character then
            exit when whole = octet_length(body) or whole <= cut;
        end;
    end loop;
    return encode(substr(body, 1, whole), 'escape');
end
$$;

create function public.agentctl_my_raw_event(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    my_role text := agentctl.my_role(args->>'tenant');
    shown jsonb;
begin
    select to_jsonb(f) - 'tenant' || jsonb_build_object(
        'cut', f.size > 1048576,
        'text', agentctl.readable_text(case when f.parts = 0 then e.payload else (
            select string_agg(p.body, '' order by p.position) from agentctl.event_parts p
            where p.tenant = e.tenant and p.event = e.id and (
                select coalesce(sum(octet_length(o.body)), 0) from agentctl.event_parts o
                where o.tenant = e.tenant and o.event = e.id and o.position < p.position
            ) < 1048576
        ) end)
    ) into shown
    from agentctl.events e join agentctl.event_faces f on f.tenant = e.tenant and f.id = e.id
    where my_role is not null and e.tenant = args->>'tenant' and e.id = agentctl.id(args);
    if shown is null then
        raise sqlstate 'PT404' using message = 'there is no such event';
    end if;
    if my_role <> 'admin' then
        raise insufficient_privilege using message = 'what was delivered is shown to admins';
    end if;
    return shown;
end
$$;
comment on function public.agentctl_my_raw_event(jsonb) is
    'For signed-in admins: what was delivered, tenant and id of the event, as text; at most 1 MiB of it. 404: none of theirs.';

insert into agentctl.exposed (object) values
    ('agentctl.my_hits(jsonb)'), ('agentctl.my_item_ids(text, text[])'), ('agentctl.my_items_of(text, text[])'),
    ('agentctl.my_faces(text, text[])'), ('agentctl.my_call_inside(text, text)'), ('public.agentctl_my_calls(jsonb)'),
    ('public.agentctl_my_call(jsonb)'), ('public.agentctl_my_raw_event(jsonb)');

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261127000110', 'agentctl_my_calls');
