"""A product that keeps its assistants in a table of its own, and a project that reads them from there."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

import agentctl
from agentctl.sandbox.harness import Sandbox, running
from agentctl.settings import Settings
from agentctl.sync.applied import Applied
from agentctl.verbs.numbers.number import import_number, look
from agentctl.verbs.rows import adopt
from agentctl.wiring import Control
from tests.databases import Databases

TABLE = "commpro_phone_assistants"
MADE = f"""
create table public.{TABLE} (
    id bigint primary key, customer text, title text, behavior_prompt text, first_message text, locale text,
    documentation jsonb not null default '{{}}', voice_settings jsonb, phone text, notify text, active boolean,
    updated integer not null default 0
);
create function public.touch_{TABLE}() returns trigger language plpgsql as
$$ begin new.updated := old.updated + 1; return new; end $$;
create trigger touch before update of behavior_prompt, title on public.{TABLE}
for each row execute function public.touch_{TABLE}();
alter table public.{TABLE} enable row level security;
grant select, insert, update on public.{TABLE} to service_role;
notify pgrst, 'reload schema';
"""
BACK = f"""
alter table public.{TABLE} add column elevenlabs_agent_id text, add column elevenlabs_phone_number_id text,
    add column elevenlabs_synced_at timestamptz, add column elevenlabs_sync_error text;
notify pgrst, 'reload schema';
"""
MAPPING = f"""
[source.table]
table = "{TABLE}"
tenant = "customer"
enabled = "active"
name = "title"
prompt = "behavior_prompt"
first_message = "first_message"
language = "locale"
knowledge = "documentation.knowledge_base"
voice = "voice_settings"
numbers = "phone"

[source.table.post_call]
mail_to = "notify"

[source.table.voices]
"Polly.Vicki" = "cjVigY5qzO86Huf0OWal"
"""
JSON = ("documentation", "voice_settings")
PROJECT = 'project = "probe"\n[mail]\nto = ["team@example.org"]\n[defaults.privacy]\nrecord_voice = false\n'


def adopted(dsn: str) -> None:
    """Make the table, and have its owner make it a source."""

    async def adopting(root: Path) -> None:
        async with agentctl.connect(root, settings=Settings(database_url=dsn)) as control:
            await adopt.adopt(control, await adopt.look(control, TABLE))

    with psycopg.connect(dsn) as connection:
        connection.execute(MADE.encode())
    with tempfile.TemporaryDirectory() as folder:
        _declare(Path(folder))
        asyncio.run(adopting(Path(folder)))


def _declare(root: Path) -> None:
    (root / "agentctl.toml").write_text(PROJECT + MAPPING)


class Product:
    """The table, the project at `root`, and the sandbox that it is synced to. To be closed."""

    def __init__(self, root: Path, dsn: str, sandbox: Sandbox, **store: Any) -> None:
        self.root, self.dsn, self.sandbox = root, dsn, sandbox
        # It alters its tables as it goes: no plan of before holds.
        self._owner = psycopg.connect(dsn, autocommit=True, prepare_threshold=None)
        self.settings: dict[str, Any] = {
            "elevenlabs_base_url": sandbox.url,
            "elevenlabs_api_key": sandbox.key,
            "twilio_base_url": sandbox.url,
            "twilio_account_sid": sandbox.account_sid,
            "twilio_auth_token": sandbox.auth_token,
            **(store or {"database_url": dsn}),
        }
        _declare(root)

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement as the product's owner."""
        cursor = self._owner.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self._owner.close()

    def insert(self, number: int, **columns: Any) -> None:
        """A row that is right unless `columns` say otherwise."""
        row = {
            "id": number, "customer": "acme", "title": f"Assistant {number}", "behavior_prompt": f"Help with {number}.",
            "first_message": "Guten Tag, hier ist die KI.", "locale": "de", "active": True, **columns,
        }  # fmt: skip
        placed = {key: json.dumps(one) if key in JSON else one for key, one in row.items()}
        self.sql(
            f"insert into {TABLE} ({', '.join(placed)}) values ({', '.join('%s' for _ in placed)})", *placed.values()
        )

    def rows(self, *columns: str) -> dict[int, Any]:
        """By id: that column, or those."""
        found = self.sql(f"select id, {', '.join(columns)} from {TABLE} order by id")
        return {row[0]: row[1] if len(columns) == 1 else row[1:] for row in found}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Control]:
        async with agentctl.connect(self.root, settings=Settings(**self.settings)) as control:
            yield control

    async def plan(self, *only: str, **options: Any) -> Any:
        async with self.opened() as control:
            return await agentctl.plan(control, only, **options)

    async def sync(self, *only: str, **options: Any) -> Applied:
        plans = {name: options.pop(name) for name in ("prune",) if name in options}
        async with self.opened() as control:
            return await agentctl.apply(control, await agentctl.plan(control, only, **plans), **options)

    async def bring(self, number: str, key: str) -> None:
        """Import a number for an assistant."""
        async with self.opened() as control:
            await import_number(control, await look(control, number, key))

    async def agents(self) -> dict[str, Mapping[str, Any]]:
        """By id, as the sandbox has them."""
        return {one["agent_id"]: one for one in (await self.sandbox.state())["agents"].values()}

    async def writes(self) -> list[tuple[str, str]]:
        """Every request so far that could have written something at ElevenLabs."""
        return [(one["method"], one["path"]) for one in await self.sandbox.log() if one["method"] != "GET"]


@pytest.fixture
def lender(lender: Databases) -> Databases:
    """Lends databases in which the table is a source."""
    return lender.after(adopted)


@pytest.fixture
async def world(tmp_path: Path, dsn: str) -> AsyncIterator[Product]:
    """The product, over a sandbox of its own."""
    async with running() as sandbox:
        with closing(Product(tmp_path, dsn, sandbox)) as made:
            yield made
