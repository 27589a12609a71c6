-- A watched row whose key has a type without an order, such as json, was found by no button: nothing compares such keys.

-- As before, by what such a key is compared by.
create or replace function agentctl.rows_watched(key text) returns table (tenant text, project text, environment text)
language plpgsql stable set search_path = '' set jit = 'off'
as $$
declare
    watch record;
    given text[];
begin
    for watch in
        select t.tgrelid::regclass as relation, string_to_array(encode(t.tgargs, 'escape'), '\000') as args
        from pg_catalog.pg_trigger t
        where t.tgfoid = 'agentctl.watched()'::regprocedure and t.tgenabled <> 'D' and right(t.tgname, 7) = '_insert'
            and length(rows_watched.key) between 1 and 200
    loop
        begin
            given := array(select convert_from(decode(a, 'escape'), 'UTF8') from unnest(watch.args) a);
            return query execute (
                select format(
                    'select distinct coalesce(%1$s, ''default''), $2, $3 from %2$s t where %5$s = $1::%4$s and t.%3$I::text = $1',
                    case given[4] when '' then 'null::text' else format('agentctl.named_tenant(t.%I::text)', given[4]) end,
                    watch.relation, given[3], o.of_type, o.own
                ) from agentctl.ordered(watch.relation, given[3]) o
            ) using rows_watched.key, given[1], given[2];
        exception when others then
            continue;
        end;
    end loop;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261130000220', 'agentctl_watched_keys');
