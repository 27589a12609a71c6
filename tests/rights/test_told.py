"""What supabase/README.md says of who sees what is what the catalogue says."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

README = Path(__file__).parents[2] / "supabase" / "README.md"
# Every table with what a signed-in user reads of it, and by which view: that of its name, where it is one.
TABLES = """
    select c.relname, (
            select v.relname from pg_depend d join pg_rewrite r on r.oid = d.objid join pg_class v on v.oid = r.ev_class
            where d.classid = 'pg_rewrite'::regclass and d.refobjid = c.oid
                and has_any_column_privilege('authenticated', v.oid, 'select')
            order by v.relname = 'agentctl_' || c.relname desc, v.relname limit 1
        ),
        (select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and has_column_privilege('authenticated', c.oid, a.attnum, 'select')),
        (select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and not has_column_privilege('authenticated', c.oid, a.attnum, 'select'))
    from pg_class c where c.relnamespace = 'agentctl'::regnamespace and c.relkind in ('r', 'p') order by 1"""
FUNCTIONS = """
    select p.proname || '(' || pg_get_function_arguments(p.oid) || ')', obj_description(p.oid)
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace and starts_with(p.proname, 'agentctl_')
        and has_function_privilege('authenticated', p.oid, 'execute') order by 1"""


def section(connection: psycopg.Connection) -> str:
    """The two tables, in Markdown."""
    tables = connection.execute(TABLES).fetchall()
    lines = ["| view | what a member reads | what stays hidden |", "|---|---|---|"]
    lines += [f"| `{view}` | {shown} | {hidden or ''} |" for _, view, shown, hidden in tables if shown]
    hidden = ", ".join(f"`{name}`" for name, _, shown, _ in tables if not shown)
    lines += ["", f"Of these nothing: {hidden}.", "", "| function | what it does |", "|---|---|"]
    lines += [f"| `{signature}` | {told} |" for signature, told in connection.execute(FUNCTIONS).fetchall()]
    return "\n".join(lines)


def test_the_readme_tells_who_sees_what(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        told = section(connection)
    written = re.search(r"<!-- rights -->\n\n(.*?)\n\n<!-- /rights -->", README.read_text("utf-8"), re.DOTALL)

    assert written, "the section is not there"
    assert written[1] == told, f"write this there:\n\n{told}\n"
