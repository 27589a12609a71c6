"""A product's own table as the source of assistants, as far as a sync of one of them needs it, and the product itself.

It reads one row by its key, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row
from pydantic import ValidationError

from agentctl.errors import Problem
from agentctl.resources.assistant import Assistant
from agentctl.sources.loaded import Loaded
from agentctl.sources.mapping import OnDelete
from agentctl.sources.project import Project
from agentctl.sources.source import Gone, SyncOutcome
from agentctl.sync.target import Target

TABLE = """
    create table public.phone_assistants (
        slug text primary key, name text not null default 'Empfang', prompt text, numbers text[] not null default '{}',
        notes text, elevenlabs_sync_error text, elevenlabs_synced_at timestamptz
    )"""
WATCH = "select agentctl.watch('public.phone_assistants', 'slug', array['name', 'prompt', 'numbers', 'notes'])"


class Rows:
    """The rows of one table. What each sync came to is written back, as a settings page shows it."""

    def __init__(self, dsn: str, project: Project, *, then: OnDelete = "archive") -> None:
        self._dsn = dsn
        self._project = project
        self.then = then
        self.looks: Counter[str] = Counter()
        self._ended: asyncio.Queue[tuple[str, SyncOutcome]] = asyncio.Queue()

    async def one(self, key: str) -> Loaded | Gone:
        self.looks[key] += 1
        async with await psycopg.AsyncConnection.connect(self._dsn, row_factory=dict_row) as connection:
            found = await connection.execute("select * from public.phone_assistants where slug = %s", (key,))
            row = await found.fetchone()
        return Gone(self.then) if row is None else self._loaded(row)

    def _loaded(self, row: dict[str, Any]) -> Loaded:
        where = f"public.phone_assistants {row['slug']}"
        notes = [{"key": f"{row['slug']}/notes", "name": "Notes", "text": row["notes"]}] if row["notes"] else []
        spec = {"key": row["slug"], "where": where, "name": row["name"], "prompt": row["prompt"] or ""}
        try:
            one = Assistant.model_validate({**spec, "phone": {"numbers": row["numbers"]}, "knowledge": notes})
        except ValidationError as error:
            what = "; ".join(str(one["msg"]) for one in error.errors())
            return Loaded(self._project, (), (Problem(where, what),), target=Target(row["slug"]))
        return Loaded(self._project, (one,), target=Target(row["slug"]))

    async def told(self, key: str, outcome: SyncOutcome) -> None:
        async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            written: LiteralString = (
                "update public.phone_assistants set elevenlabs_sync_error = %s, elevenlabs_synced_at = now() "
                "where slug = %s"
            )
            await connection.execute(written, (outcome.error or None, key))
        self._ended.put_nowait((key, outcome))

    async def ended(self, seconds: float = 20.0) -> tuple[str, SyncOutcome]:
        """The next sync that ends."""
        async with asyncio.timeout(seconds):
            return await self._ended.get()

    def rest(self) -> int:
        """How many have ended that nobody has asked for."""
        return self._ended.qsize()
