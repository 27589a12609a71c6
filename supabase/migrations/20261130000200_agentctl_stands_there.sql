-- Where a trigger of the product changes a value, to lower case say, and Postgres' own leaves updates out that change
-- nothing, a row was told to be missing that is as the product wants it, at each later write of its call.

-- As before, but that an update which such a trigger may have left out is not missed.
create or replace function agentctl.sink_standing(sink jsonb, columns jsonb, erased boolean) returns text
language sql immutable set search_path = ''
as $$
    select format('select %sexists (select from %I.%I t where t.%I = $2 and (%s)%s)',
        case when erased then 'not ' else '' end, sink->>'schema_name', sink->>'table_name', sink->>'key_column',
        case when erased then string_agg(format('t.%I::text is distinct from (%s)::%s::text', m."column", m.nothing, m.type), ' or ')
                filter (where m.name <> 'tenant' and m.nothing is not null)
            else string_agg(format('t.%I::text is not distinct from (%s)::%s::text', m."column", m.said, m.type), ' and ')
                || ' or exists (select from pg_catalog.pg_trigger g where g.tgrelid = t.tableoid and g.tgenabled <> ''D'' '
                || 'and g.tgfoid = ''pg_catalog.suppress_redundant_updates_trigger()''::regprocedure)'
        end, case when erased then ' and ' || min(g.ours) else '' end)
    from agentctl.sink_mapped(sink, columns) m cross join agentctl.sink_guard(sink, columns, erased) g (ours)
$$;

call agentctl.seal();

insert into agentctl.migrations (version, name) values ('20261130000200', 'agentctl_stands_there');
