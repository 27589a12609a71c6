-- A site may pass its visitor's number as `user_id`: calls are found and refused by it as by a line's.

-- A user_id that reads as a number: +498999998777 where its country was written, else 8999998777, without its trunk
-- prefix. Null for any other. It is read as agentctl/calls/number.py reads what people type; six digits: as there, the
-- fewest that name somebody.
create function agentctl.user_number(user_id text) returns text
language sql immutable parallel safe set search_path = ''
as $$
    select n.number
    from (
        select case
            when w.written ~* '^(tel:)?\+' then '+' || w.digits
            when w.digits ~ '^00+[1-9]' then '+' || substr(w.digits, 3)
            else ltrim(w.digits, '0')
        end
        from (
            select btrim(user_id), agentctl.digits(replace(user_id, '(0)', ''))
            where length(user_id) <= 60 and user_id ~* '^\s*(tel:)?\+?[0-9\s()/.\u00A0\u2010-\u2015-]+$'
        ) w (written, digits)
    ) n (number)
    where length(agentctl.digits(n.number)) >= 6
$$;

-- How a number may stand in a user_id without its country: endings of its digits. One of fewer than eight is too often
-- that of somebody else's, unless it is all that was asked for.
create function agentctl.written_forms(digits text) returns text[]
language sql immutable parallel safe set search_path = ''
as $$ select array(select right(digits, size) from generate_series(8, length(digits)) size union select digits) $$;

create function agentctl.written_backwards(number text) returns text[]
language sql immutable parallel safe set search_path = ''
as $$ select array(select reverse(one) from unnest(agentctl.written_forms(agentctl.digits(number))) one) $$;

-- Not a partial one: of those the planner keeps no statistics, and would read all calls rather than this.
create index calls_by_user_number on agentctl.calls
    (tenant, agentctl.backwards(agentctl.user_number(user_id)) text_pattern_ops, started_at desc, conversation_id desc);
analyze agentctl.calls;

-- Whether a user_id is this number: `number` with its country where `whole`, else what it ends with. Written so that the
-- planner sees through it, to the index.
create function agentctl.is_user(user_id text, number text, whole boolean) returns boolean
language sql immutable parallel safe
begin atomic
    select agentctl.backwards(agentctl.user_number(user_id)) = any (agentctl.written_backwards(number))
            and (
                agentctl.user_number(user_id) not like '+%'
                or agentctl.backwards(agentctl.user_number(user_id)) = agentctl.backwards(number)
            )
        or not whole and agentctl.backwards(agentctl.user_number(user_id)) like agentctl.backwards(number) || '%'
            and agentctl.user_number(user_id) like '+%';
end;

-- As before, and by the number that a site passed as user_id.
create or replace function agentctl.is_wanted(c agentctl.calls, args jsonb) returns boolean
language sql stable
begin atomic
    select (args->>'project' is null or c.project = args->>'project')
        and (args->>'environment' is null or c.environment = args->>'environment')
        and (args->>'assistant' is null or c.assistant = args->>'assistant')
        and (args->>'since' is null or c.started_at >= (args->>'since')::timestamptz)
        and (args->>'until' is null or c.started_at < (args->>'until')::timestamptz)
        and (args->>'number' is null
            or agentctl.backwards(c.external_number) = agentctl.backwards(args->>'number')
            or c.user_id is not null and agentctl.is_user(c.user_id, args->>'number', true))
        and (args->>'number_ending' is null
            or agentctl.backwards(c.external_number) like agentctl.backwards(args->>'number_ending') || '%'
            or c.user_id is not null and agentctl.is_user(c.user_id, args->>'number_ending', false))
        and (args->>'outcome' is null or c.outcome = args->>'outcome')
        and (args->>'status' is null or c.status = args->>'status')
        and (args->>'items' is null or c.open_items is not null)
        and (args->>'items' is distinct from 'open' or c.open_items > 0);
end;

-- As of a line's number; one without its country is known by how it was written.
create function agentctl.is_forgotten_user(owner text, user_id text, began timestamptz) returns boolean
language sql stable set search_path = ''
as $$
    select case
        when u.number like '+%' then agentctl.is_forgotten_caller(owner, u.number, began)
        else exists (
            select from agentctl.forgotten f
            where f.tenant = owner and f.mark = agentctl.mark(owner, 'written', u.number) and f.forgotten_at >= began
        )
    end
    from agentctl.user_number(user_id) u (number)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000971', 'agentctl_user_numbers');
