"""What is made of the schema: its diagram and list of tables in supabase/README.md, and the TypeScript types of what
signed-in users may reach. Both are read from the catalogue of a database that has every migration.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from agentctl.clients.store.migrations import migrate
from tests.cluster import Cluster, wheel_binaries
from tests.supabase_cli import Repository

SUPABASE = Path(__file__).parents[1] / "supabase"
README, TYPES = SUPABASE / "README.md", SUPABASE / "types.ts"
_BEGIN, _END = "<!-- made by scripts/schema -->", "<!-- until here -->"

_TABLES = """
    select c.relname, obj_description(c.oid), c.relkind = 'v', coalesce((
        select jsonb_agg(jsonb_build_array(
            a.attname, t.typname,
            (select coalesce(jsonb_agg(k.contype order by k.contype desc), '[]') from pg_constraint k
             where k.conrelid = c.oid and k.contype in ('p', 'f') and a.attnum = any (k.conkey))
        ) order by a.attnum)
        from pg_attribute a join pg_type t on t.oid = a.atttypid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ), '[]')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'v')
        and (n.nspname = 'agentctl' or (n.nspname = 'public' and starts_with(c.relname, 'agentctl_')))
    order by n.nspname, c.relname"""
# One to one where the foreign key is the primary one.
_REFERENCES = """
    select c.confrelid::regclass::text, c.conrelid::regclass::text, exists (
        select from pg_constraint p where p.conrelid = c.conrelid and p.contype = 'p' and p.conkey <@ c.conkey
    )
    from pg_constraint c
    where c.contype = 'f' and c.connamespace = 'agentctl'::regnamespace order by 1, 2"""
# Of ours in public: what nobody who signed in may execute or read.
_UNREACHABLE = """
    select format('drop routine %s cascade', p.oid::regprocedure) from pg_proc p
    where p.pronamespace = 'public'::regnamespace and starts_with(p.proname, 'agentctl_')
        and not has_function_privilege('authenticated', p.oid, 'execute')
    union all
    select format('drop view %s cascade', c.oid::regclass) from pg_class c
    where c.relnamespace = 'public'::regnamespace and starts_with(c.relname, 'agentctl_') and c.relkind = 'v'
        and not has_any_column_privilege('authenticated', c.oid, 'select')"""


def diagram(dsn: str) -> str:
    """Markdown: a diagram of the tables that refer to each other, one of the others, and what each is for."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute(_TABLES).fetchall()
        references = [
            tuple(name.removeprefix("agentctl.") for name in row[:2]) + row[2:]
            for row in connection.execute(_REFERENCES).fetchall()
        ]
    tables = {name: columns for name, _, is_view, columns in found if not is_view}
    related = {name for one in references for name in one[:2]}
    lines = [f"    {parent} ||--o{'|' if single else '{'} {child} : has" for parent, child, single in references]
    parts = [
        _entities({name: columns for name, columns in tables.items() if name in related}, lines),
        _entities({name: columns for name, columns in tables.items() if name not in related}, []),
        "| table or view | what it is |\n|---|---|",
    ]
    rows = [f"| `{name}` | {_cell(told)} |" for name, told, _, _ in found]
    return "\n\n".join(parts) + "\n" + "\n".join(rows) + "\n"


def types(dsn: str, folder: Path) -> str:
    """TypeScript as the Supabase CLI makes it, of what signed-in users may reach.

    Everything else of ours is dropped from the database of `dsn`, since the CLI asks for nobody's rights. `folder`: an
    empty one to work in.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        for (statement,) in connection.execute(_UNREACHABLE).fetchall():
            connection.execute(statement)
    made = Repository(folder).run("gen", "types", f"--remote={dsn}", "--schema", "public").stdout
    return "// Made by scripts/schema of what signed-in users may reach.\n" + _indented(made)


def placed(text: str, made: str) -> str:
    """The README with this in the place of what it has."""
    head, rest = text.split(_BEGIN)
    return f"{head}{_BEGIN}\n\n{made}\n{_END}{rest.split(_END)[1]}"


def _entities(tables: dict[str, Any], lines: list[str]) -> str:
    for name, columns in tables.items():
        lines += [f"    {name} {{"]
        for column, kind, constraints in columns:
            keys = ", ".join(f"{one.upper()}K" for one in constraints)
            lines += [f"        {_kind(kind)} {column} {keys}".rstrip()]
        lines += ["    }"]
    return "\n".join(["```mermaid", "erDiagram", *lines, "```"])


def _kind(name: str) -> str:
    return f"{name[1:]}[]" if name.startswith("_") else name


def _cell(told: str) -> str:
    return told.replace("|", "\\|").replace("\n", " ")


def _indented(text: str) -> str:
    """The CLI's own output is indented by chance."""
    lines, depth = [], 0
    for line in re.sub(r"\n\s*\n", "\n", text).splitlines():
        bare = line.strip()
        closing = len(re.match(r"[\]})>]*", bare)[0])  # type: ignore[index]
        lines.append("  " * max(0, depth - closing) + bare)
        depth += sum(bare.count(one) for one in "{[(") - sum(bare.count(one) for one in "}])")
    return "\n".join(lines).strip() + "\n"


def main() -> None:
    """Write both files."""
    cluster = Cluster(wheel_binaries())
    cluster.create()
    try:
        dsn = cluster.dsn(cluster.new_database())
        asyncio.run(migrate(dsn, shim=True))
        README.write_text(placed(README.read_text("utf-8"), diagram(dsn)), encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            TYPES.write_text(types(dsn, Path(folder)), encoding="utf-8")
    finally:
        cluster.remove()


if __name__ == "__main__":
    main()
