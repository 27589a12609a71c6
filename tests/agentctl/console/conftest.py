"""Somebody before the console of a lent database, with a project behind it or none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from anyio.lowlevel import checkpoint
from pydantic import SecretStr

from agentctl.sandbox.harness import Sandbox, running
from agentctl.settings import Settings
from agentctl.verbs import sync
from agentctl.wiring import connect
from tests.console import Guest, visited


@pytest.fixture
async def guest(dsn: str, tmp_path: Path) -> AsyncIterator[Guest]:
    """Not in yet."""
    async with connect(tmp_path, settings=Settings(database_url=SecretStr(dsn))) as control, visited(control) as one:
        yield one


@pytest.fixture
async def operator(guest: Guest) -> Guest:
    """Come in by a link."""
    assert (await guest.enter()).status_code == 303
    return guest


@dataclass
class Office(Guest):
    """The operator of a project: `empfang` is declared in files, `theke` in our own table; synced once."""

    root: Path = field(default_factory=Path)
    sandbox: Sandbox = field(kw_only=True)
    dsn: str = field(kw_only=True)

    @property
    def prompt(self) -> Path:
        return self.root / "assistants" / "empfang" / "prompt.md"

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    async def agents(self) -> dict[str, Any]:
        """By name, as the platform has them."""
        return {one["name"]: one for one in (await self.sandbox.state())["agents"].values()}

    async def edit_there(self, which: str, **changes: object) -> None:
        """What somebody does on the platform's own pages."""
        found = (await self.sandbox.state())["agents"]
        (agent,) = [agent for agent, one in found.items() if one["name"] == which]
        async with httpx.AsyncClient(base_url=self.sandbox.url, headers={"xi-api-key": self.sandbox.key}) as http:
            assert (await http.patch(f"/v1/convai/agents/{agent}", json=changes)).status_code == 200

    async def sync(self) -> None:
        async with self.control.afresh() as control:
            assert not (await sync.apply(control, await sync.plan(control))).failures

    async def settled(self, run: str) -> str:
        """The page of what was begun, once it is over."""
        while 'class="without-script"' in (page := await self.see(run)):
            await checkpoint()  # A page that asks nobody never lets the server's own tasks go on.
        return page


@pytest.fixture
async def office(dsn: str, tmp_path: Path) -> AsyncIterator[Office]:
    """Come in by a link."""
    (tmp_path / "agentctl.toml").write_text('project = "beispiel"\n[source.table]\n')
    folder = tmp_path / "assistants" / "empfang"
    folder.mkdir(parents=True)
    (folder / "assistant.toml").write_text('name = "Empfang"\nlanguage = "de"\n')
    (folder / "prompt.md").write_text("Hilf freundlich weiter.\n")
    async with running() as sandbox:
        settings = Settings(
            database_url=SecretStr(dsn),
            elevenlabs_base_url=sandbox.url,
            elevenlabs_api_key=SecretStr(sandbox.key),
        )
        async with connect(tmp_path, settings=settings) as control, visited(control) as one:
            made = Office(one.console, one.http, control, root=tmp_path, sandbox=sandbox, dsn=dsn)
            made.sql(
                "insert into agentctl.declared_assistants (key, name, prompt, language, knowledge, post_call) values "
                """('theke', 'Theke', 'Nimm Bestellungen an.', 'de', '["Wir haben ab 8 Uhr offen."]', """
                """'{"mail_to": "team@example.org", "summaryLanguage": "en"}')"""
            )
            await made.sync()
            assert (await made.enter()).status_code == 303
            yield made
