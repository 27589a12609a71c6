-- The last word of a search may be the beginning of one, as people type: "Rückr" finds the Rückruf, and "Wallbox" what was
-- said of Wallboxen and of a Wallboxinstallation. In quotes it is itself, and so it is where it is short or left out.
create function agentctl.sought(config regconfig, folded text) returns tsquery
language sql immutable parallel safe
begin atomic
    select case
        when folded ~ '^([^"]*"[^"]*")*[^"]*$' and folded ~ '(^|\s)[^[:punct:]\s]{3,}\s*$'
            -- A word that is in every call is none of the query, whose last one is another then.
            and numnode(websearch_to_tsquery(config, substring(folded from '\S+\s*$'))) > 0
        then (whole::text || ':*')::tsquery
        else whole
    end
    from websearch_to_tsquery(config, folded) whole;
end;

-- Where both stemmers read the same, the index is asked once.
create or replace function agentctl.query(search text) returns tsquery
language sql immutable parallel safe
begin atomic
    select case when german = english then german else german || english end
    from agentctl.sought('german'::regconfig, agentctl.folded(search)) german,
        agentctl.sought('english'::regconfig, agentctl.folded(search)) english;
end;

-- As before, with room for which of a million calls have words with a common beginning: without it all of them are read.
create or replace function agentctl.matching_calls(args jsonb) returns setof agentctl.calls
language plpgsql stable
set search_path = '' set plan_cache_mode = 'force_custom_plan' set enable_seqscan = 'off' set work_mem = '16MB'
as $$
declare
    owner text := agentctl.tenant(args);
    many integer := (args->>'limit')::integer;
    search tsquery := agentctl.query(args->>'search');
    before timestamptz := coalesce((args->>'before')::timestamptz, 'infinity');
    before_id text := coalesce(args->>'before_id', '');
    walked timestamptz;
    walked_id text;
    reached timestamptz;
    reached_id text;
    rare boolean := false;
    batch integer := 300;
    found_here integer;
    found_so_far integer := 0;
begin
    if args->>'before' is null and args->>'before_id' is not null then
        select c.started_at into before from agentctl.calls c
        where c.tenant = owner and c.conversation_id = before_id;
        if not found then
            raise sqlstate 'PT404' using message = 'there is no call to go on from with that id';
        end if;
    end if;
    if search is null then
        return query
            select c.* from agentctl.calls c
            where c.tenant = owner and agentctl.is_wanted(c, args)
                and (c.started_at, c.conversation_id) < (before, before_id)
            order by c.started_at desc, c.conversation_id desc limit many;
        return;
    end if;

    loop
        return query
            select c.* from (
                select * from agentctl.calls c
                where c.tenant = owner and agentctl.is_wanted(c, args)
                    and (c.started_at, c.conversation_id) < (before, before_id)
                order by c.started_at desc, c.conversation_id desc limit batch
            ) c
            -- A scalar, and no join: these few are looked up, whatever the planner expects of the word.
            where (
                select d.document @@ search from agentctl.call_documents d
                where d.tenant = owner and d.conversation_id = c.conversation_id
            )
            order by c.started_at desc, c.conversation_id desc limit many - found_so_far;
        get diagnostics found_here = row_count;
        found_so_far := found_so_far + found_here;
        if found_so_far >= many then
            return;
        end if;
        select c.started_at, c.conversation_id into walked, walked_id from agentctl.calls c
        where c.tenant = owner and agentctl.is_wanted(c, args)
            and (c.started_at, c.conversation_id) < (before, before_id)
        order by c.started_at desc, c.conversation_id desc offset batch - 1 limit 1;
        exit when walked is null or found_so_far = 0 or batch > 300;
        -- Half as many again as the rest should need.
        batch := 301 + (many - found_so_far) * 450 / found_so_far;
        exit when batch > 2000;
        before := walked;
        before_id := walked_id;
    end loop;
    while walked is not null and found_so_far < many loop
        select d.started_at, d.conversation_id into reached, reached_id from agentctl.call_documents d
        where not rare and d.tenant = owner and (d.started_at, d.conversation_id) < (walked, walked_id)
        order by d.started_at desc, d.conversation_id desc offset 19999 limit 1;
        return query
            with hits as materialized (
                select d.conversation_id, d.started_at from agentctl.call_documents d
                where d.tenant = owner and d.document @@ search
                    and (d.started_at, d.conversation_id) < (walked, walked_id)
                    and (d.started_at, d.conversation_id)
                        >= (coalesce(reached, '-infinity'), coalesce(reached_id, ''))
            )
            select c.* from (select * from hits h order by h.started_at desc, h.conversation_id desc) hit
            join agentctl.calls c on c.tenant = owner and c.conversation_id = hit.conversation_id
            where agentctl.is_wanted(c, args)
            order by hit.started_at desc, hit.conversation_id desc limit many - found_so_far;
        get diagnostics found_here = row_count;
        found_so_far := found_so_far + found_here;
        walked := reached;
        walked_id := reached_id;
        rare := true;
    end loop;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261130000310', 'agentctl_begun_words');
