-- What was said is text: Postgres' parser takes what follows a <script> or <style> for markup, up to the end of the call.
create or replace function agentctl.folded(said text) returns text
language sql immutable parallel safe
begin atomic
    select translate(agentctl.spelled(said), 'ÄÖÜÀÂÇÈÉÊËÎÏÔÑ<>', 'äöüàâçèéêëîïôñ  ');
end;
update agentctl.call_documents d set document = agentctl.words(agentctl.folded(agentctl.said(d.tenant, d.conversation_id)))
from (
    select t.tenant, t.conversation_id from agentctl.call_turns t where t.message like '%<%'
    union
    select g.tenant, g.conversation_id from agentctl.digests g where concat(g.title, g.summary) like '%<%'
    union
    select i.tenant, i.conversation_id from agentctl.action_items i where concat(i.what, i.who, i.due) like '%<%'
) hidden
where d.tenant = hidden.tenant and d.conversation_id = hidden.conversation_id;

-- As before; the same for what is shown around a hit, in brackets of another sort.
create or replace function agentctl.snippet(c agentctl.calls, search tsquery) returns text
language sql stable set search_path = ''
as $$
    select ts_headline(
        case when c.language like 'en%' then 'english'::regconfig else 'german' end,
        translate(agentctl.spelled(agentctl.said(c.tenant, c.conversation_id)), '<>', '[]'), search,
        format('MaxFragments=2, MaxWords=14, MinWords=6, FragmentDelimiter=" … ", StartSel="%s", StopSel="%s"',
            U&'\0001', U&'\0002')
    )
$$;

-- As before; what a site passed without its country ends as what was asked for, too.
create or replace function agentctl.is_user(user_id text, number text, whole boolean) returns boolean
language sql immutable parallel safe
begin atomic
    select agentctl.backwards(agentctl.user_number(user_id)) = any (agentctl.written_backwards(number))
            and (
                agentctl.user_number(user_id) not like '+%'
                or agentctl.backwards(agentctl.user_number(user_id)) = agentctl.backwards(number)
            )
        or not whole and agentctl.backwards(agentctl.user_number(user_id)) like agentctl.backwards(number) || '%';
end;

-- As before; what somebody else's run has emptied meanwhile is theirs to count.
create or replace function public.agentctl_retain_calls(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' set timezone = 'UTC'
as $$
declare
    owner text := agentctl.tenant(args);
    due record;
    emptied integer := 0;
    last jsonb;
begin
    for due in
        select c.conversation_id, c.started_at
        from agentctl.calls c cross join lateral agentctl.limit_of(owner, c.project, c.environment) l
        where c.tenant = owner and c.emptied_at is null
            and c.started_at < now() - make_interval(days => (select min(r.transcripts) from agentctl.limits(owner) r))
            and c.started_at < now() - make_interval(days => l.transcripts)
            and (c.started_at, c.conversation_id) > (
                coalesce((args->'after'->>0)::timestamptz, '-infinity'), coalesce(args->'after'->>1, '')
            )
        order by c.started_at, c.conversation_id
        limit (args->>'limit')::integer
    loop
        perform agentctl.lock_call(owner, due.conversation_id);
        if not agentctl.is_emptied(owner, due.conversation_id) then
            perform agentctl.empty_call(owner, due.conversation_id);
            emptied := emptied + 1;
        end if;
        last := jsonb_build_array(due.started_at, due.conversation_id);
    end loop;
    return jsonb_build_object('count', emptied, 'last', last);
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261122000978', 'agentctl_plain');
