-- What a trigger of the product makes of a value, in lower case say, is what the row is to hold: whether a row that was left
-- out stands there cannot be told by what was said, and such a row failed at each later write of its call.

-- Whether no row of the call has to be written any more: there is one, or it has nothing that is to be erased. That is told
-- as texts, since not every type can be compared.
create or replace function agentctl.sink_standing(sink jsonb, columns jsonb, erased boolean) returns text
language sql immutable set search_path = ''
as $$
    select format('select %sexists (select from %I.%I t where t.%I = $2%s)',
        case when erased then 'not ' else '' end, sink->>'schema_name', sink->>'table_name', sink->>'key_column',
        case when erased then format(' and (%s) and %s',
            string_agg(format('t.%I::text is distinct from (%s)::%s::text', m."column", m.nothing, m.type), ' or ')
                filter (where m.name <> 'tenant' and m.nothing is not null),
            min(g.ours)) else '' end)
    from agentctl.sink_mapped(sink, columns) m cross join agentctl.sink_guard(sink, columns, erased) g (ours)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261130000200', 'agentctl_stands_there');
