-- agentctl, Supabase for real: what every delivery and every stored call runs is planned once per connection.
-- Before Postgres 18, a function in SQL that is not inlined is parsed and planned anew by each statement that calls it:
-- that was nearly a third of accepting a delivery on the 15 and 17 that Supabase runs. So what is one expression has a body
-- that is bound to its operators when it is made, needs no search_path and is inlined; what reads a table is in plpgsql,
-- which keeps its plans.

create or replace function agentctl.tenant(args jsonb) returns text
language sql immutable parallel safe
return coalesce(nullif(args->>'tenant', ''), 'default');

create or replace function agentctl.id(args jsonb) returns uuid
language sql immutable parallel safe
return case
    when args->>'id' ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then (args->>'id')::uuid
end;

create or replace function agentctl.given(args jsonb, field text) returns jsonb
language sql immutable parallel safe
return nullif(args->field, 'null'::jsonb);

create or replace function agentctl.seconds(args jsonb, field text) returns interval
language sql immutable parallel safe
return make_interval(secs => (args->>field)::double precision);

-- In place of translate(), which goes through a text letter by letter: three quarters of reading an event back.
create function agentctl.base64(body bytea) returns text
language sql immutable parallel safe
return replace(encode(body, 'base64'), E'\n', '');

create or replace function agentctl.dialled(number text) returns text
language sql immutable parallel safe
return regexp_replace(number, '^\s*(?:sips?:|tel:)|[@;].*$', '', 'gi');

create or replace function agentctl.user_number(user_id text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
    return (
        select n.number
        from (
            select case
                when w.plus = '+' then '+' || w.digits
                when w.digits ~ '^00+[1-9]' then '+' || substr(w.digits, 3)
                else coalesce(nullif(ltrim(w.digits, '0'), ''), w.digits)
            end
            from (
                select agentctl.digits(replace(user_id, '(0)', '')), (regexp_match(
                    user_id,
                    '^[\u0009-\u000D \u00A0\u2000-\u200A\u202F]*(?:tel:)?(\+?)'
                        || '[0-9\u0009-\u000D \u00A0\u2000-\u200A\u202F()/.\u2010-\u2015-]+$',
                    'i'
                ))[1]
                where length(user_id) <= 60
            ) w (digits, plus)
            where w.plus is not null
        ) n (number)
        where length(agentctl.digits(n.number)) >= 6
    );
end
$$;

create or replace function agentctl.mark(owner text, kind text, name text) returns bytea
language plpgsql stable set search_path = ''
as $$
begin
    return (
        select sha256(k.outer_pad || sha256(k.inner_pad || convert_to(mark.kind || ' ' || mark.name, 'UTF8')))
        from agentctl.mark_keys k where k.tenant = mark.owner
    );
end
$$;

create or replace function agentctl.is_forgotten(owner text, conversation text) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
    return exists (
        select from agentctl.forgotten f
        where f.tenant = owner and f.mark = agentctl.mark(owner, 'conversation', conversation)
    );
end
$$;

create or replace function agentctl.is_outlived(owner text, mark bytea) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
    return exists (select from agentctl.outlived o where o.tenant = owner and o.mark = is_outlived.mark);
end
$$;

create or replace function agentctl.is_emptied(owner text, conversation text) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
    return exists (
        select from agentctl.calls c
        where c.tenant = owner and c.conversation_id = conversation and c.emptied_at is not null
    );
end
$$;

create or replace function agentctl.assistant_of(owner text, agent text) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
    return (
        select jsonb_build_object(
            'project', a.project, 'environment', a.environment, 'key', a.key, 'name', a.name, 'language', a.language,
            'post_call', case when a.tenant = owner then a.post_call else a.post_call - 'mail_to' end
        )
        from agentctl.assistants a
        where a.agent_id = agent and owner = any (agentctl.owners_of(agent, a.tenant))
        order by a.tenant = owner desc, a.updated_at desc limit 1
    );
end
$$;

create or replace function agentctl.ticked(owner text, conversation text) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
    return (
        select coalesce(jsonb_agg(to_jsonb(i) order by i.position), '[]')
        from agentctl.action_items i
        where i.tenant = owner and i.conversation_id = conversation and i.done
    );
end
$$;

create or replace function agentctl.transcript_sha256(turns jsonb) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
    return (
        select encode(sha256(convert_to(coalesce(jsonb_agg(
            jsonb_build_array(t->'role', t->'message') order by (t->>'position')::integer
        )::text, ''), 'UTF8')), 'hex')
        from jsonb_array_elements(coalesce(turns, '[]')) t where t->>'message' is not null
    );
end
$$;

create or replace function agentctl.transcript_sha256(owner text, conversation text) returns text
language plpgsql stable set search_path = ''
as $$
begin
    return agentctl.transcript_sha256((
        select jsonb_agg(jsonb_build_object('role', t.role, 'message', t.message, 'position', t.position))
        from agentctl.call_turns t where t.tenant = owner and t.conversation_id = conversation
    ));
end
$$;

create or replace function agentctl.put_digest(owner text, conversation text, args jsonb) returns void
language plpgsql set search_path = ''
as $$
begin
    insert into agentctl.digests (
        tenant, conversation_id, engine, model, title, summary, language, outcome, sentiment, follow_up, caller_name,
        caller_number, asked_sha256, tokens_in, tokens_out, cost, seconds, detail, made_at, of_transcript
    )
    select owner, conversation, d.engine, d.model, d.title, d.summary, d.language, d.outcome, d.sentiment, d.follow_up,
        d.caller_name, d.caller_number, d.asked_sha256, d.tokens_in, d.tokens_out, d.cost, d.seconds,
        coalesce(d.detail, '{}'), coalesce(d.made_at, now()),
        coalesce(d.of_transcript, agentctl.transcript_sha256(owner, conversation))
    from jsonb_populate_record(null::agentctl.digests, agentctl.given(args, 'digest')) d
    where agentctl.given(args, 'digest') is not null;
end
$$;

create or replace function agentctl.put_parts(owner text, conversation text, args jsonb) returns void
language plpgsql set search_path = ''
as $$
begin
    insert into agentctl.call_turns
    select owner, conversation, t.position, t.role, t.message, t.at_secs, coalesce(t.interrupted, false),
        coalesce(t.tool_calls, '[]'), coalesce(t.tool_results, '[]'), coalesce(t.detail, '{}')
    from jsonb_populate_recordset(null::agentctl.call_turns, agentctl.given(args, 'turns')) t;
    perform agentctl.put_digest(owner, conversation, args);
end
$$;

create or replace function public.agentctl_find_event(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC'
as $$
begin
    return (
        select to_jsonb(face) - 'tenant'
            || jsonb_build_object('payload', agentctl.base64(e.payload))
        from agentctl.event_faces face join agentctl.events e using (tenant, id)
        where tenant = agentctl.tenant(args) and id = agentctl.id(args)
    );
end
$$;

create or replace function public.agentctl_find_part(args jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
begin
    return (
        select jsonb_build_object('part', agentctl.base64(p.body))
        from agentctl.event_parts p
        where p.tenant = agentctl.tenant(args) and p.event = agentctl.id(args)
            and p.position = (args->>'position')::integer
    );
end
$$;

create or replace function public.agentctl_revision(args jsonb) returns jsonb
language sql stable security definer set search_path = '' set timezone = 'UTC'
as $$
    select jsonb_build_object(
        'revision', r.revision, 'digest', r.digest, 'note', r.note, 'applied_at', r.applied_at, 'spec', r.spec,
        'contents', coalesce((
            select jsonb_agg(jsonb_build_object(
                'sha256', c.sha256, 'content', agentctl.base64(c.content)
            ) order by c.sha256)
            from agentctl.contents c
            where c.tenant = r.tenant and c.sha256 = any (r.contents)
        ), '[]')
    )
    from agentctl.revisions r
    where (r.tenant, r.project, r.environment, r.workspace, r.key)
        = (agentctl.tenant(args), args->>'project', args->>'environment', args->>'workspace', args->>'key')
        and (args->>'revision' is null or r.revision = (args->>'revision')::integer)
    order by r.revision desc limit 1
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261126000000', 'agentctl_planned_once');
