"""Every table and column of ours says what it means, where Supabase Studio, psql and generators read it."""

from __future__ import annotations

import psycopg

# Ours: all of the schema agentctl, and of public what has our name. The columns have numbers, their table has none.
SILENT = """
    select format('%s.%s', c.oid::regclass, coalesce(a.attname, '*'))
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
        select null::name as attname, 0 as attnum
        union all
        select attname, attnum from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
    ) a
    where c.relkind in ('r', 'p', 'v', 'm')
        and (n.nspname = 'agentctl' or (n.nspname = 'public' and starts_with(c.relname, 'agentctl_')))
        and coalesce((select description from pg_description
            where objoid = c.oid and classoid = 'pg_class'::regclass and objsubid = a.attnum), '') = ''
    order by 1"""


def test_no_table_and_no_column_is_silent(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        assert [name for (name,) in connection.execute(SILENT)] == []

        # And one that is would be found.
        connection.execute("create table agentctl.novel (page integer)")
        assert [name for (name,) in connection.execute(SILENT)] == ["agentctl.novel.*", "agentctl.novel.page"]
