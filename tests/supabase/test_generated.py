"""What is made of the schema, README's diagram and the types, is what the newest migration makes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from agentctl.clients.store.migrations import migrations
from scripts import schema
from tests import npm

MADE_ANEW = "./scripts/schema makes it anew"


def test_the_diagram_is_of_this_schema(dsn: str) -> None:
    told = schema.README.read_text("utf-8")

    made = schema.diagram(dsn)

    assert schema.placed(told, made) == told, MADE_ANEW
    assert "calls ||--o{ call_turns" in made
    assert "calls ||--o| digests" in made
    assert "        text conversation_id PK, FK\n" in made
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table agentctl.novel (page int4 primary key, texts text[])")
        connection.execute("comment on table agentctl.novel is 'A | B'")
    newer = schema.diagram(dsn)
    assert "    novel {\n        int4 page PK\n        text[] texts\n    }\n" in newer
    assert "| `novel` | A \\| B |\n" in newer


@pytest.mark.skipif(not npm.runs_here(), reason="the Supabase CLI's binary is for Linux on x86-64")
def test_the_types_are_of_what_users_may_reach(dsn: str, other_dsn: str, tmp_path: Path) -> None:
    assert schema.types(dsn, tmp_path / "now") == schema.TYPES.read_text("utf-8"), MADE_ANEW

    with psycopg.connect(other_dsn, autocommit=True) as connection:
        for name in ("shown", "hidden"):
            connection.execute(f"create view public.agentctl_{name} as select conversation_id from agentctl.calls")
            connection.execute(f"create function public.agentctl_do_{name}(item text) returns bool return true")
        connection.execute("revoke all on public.agentctl_hidden from authenticated")
        connection.execute("revoke all on function public.agentctl_do_hidden from public, authenticated")
    made = schema.types(other_dsn, tmp_path / "then")
    (tmp_path / "types.ts").write_text(made)
    assert "hidden" not in made
    (tmp_path / "use.ts").write_text(USE)
    assert checked(tmp_path) == "use.ts(8,58): error TS2353"


USE = """import { createClient } from "@supabase/supabase-js"
import type { Database } from "./types.ts"

const supabase = createClient<Database>("http://127.0.0.1", "key")
const rows = await supabase.from("agentctl_shown").select("conversation_id")
export const shown: string | null | undefined = rows.data?.[0]?.conversation_id
export const done: boolean | null = (await supabase.rpc("agentctl_do_shown", { item: "a" })).data
export const wrong = supabase.rpc("agentctl_do_shown", { thing: "a" })
"""


def checked(folder: Path) -> str:
    """What the TypeScript compiler has against `use.ts` in its strictest mode: where, and its number."""
    modules = npm.modules()
    (folder / "node_modules").symlink_to(modules)
    options = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--allowImportingTsExtensions")
    (folder / "package.json").write_text('{"type": "module"}')
    compiler = [*npm.node(), str(modules / "typescript" / "bin" / "tsc"), *options, "--skipLibCheck", "use.ts"]
    ran = subprocess.run(compiler, cwd=folder, capture_output=True, text=True)
    return ":".join(ran.stdout.strip().split(":")[:2])


def test_the_readme_has_each_migration_once_and_in_order() -> None:
    text = schema.README.read_text("utf-8")
    assert re.findall(r"^\| `…(\d+_\w+)` \|", text, re.MULTILINE) == [
        str(one).removeprefix("202611")
        for one in migrations()
        if one.path.parent.name == "migrations" and "local" not in one.path.parts
    ]
