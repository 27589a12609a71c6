-- A button finds its row by the index of the key, however many rows there are.

-- As before; the key is compared as what its column is, and as a text only to make sure. What can be no value of that type
-- is no row's.
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
            return query execute format(
                'select distinct coalesce(%1$s, ''default''), $2, $3 from %2$s t where t.%3$I = $1::%4$s and t.%3$I::text = $1',
                case given[4] when '' then 'null::text' else format('nullif(t.%I::text, '''')', given[4]) end,
                watch.relation, given[3], agentctl.type_of(watch.relation, given[3])
            ) using rows_watched.key, given[1], given[2];
        exception when others then
            continue;
        end;
    end loop;
end
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261128000660', 'agentctl_pressed');
