"""A project with tested assistants over a sandbox whose agents answer as they are configured, and a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.resources.test_run import Pace
from agentctl.sandbox.harness import Sandbox, running
from agentctl.settings import Settings
from agentctl.sync.apply import Applied
from agentctl.verbs import sync
from agentctl.wiring import Control

PACE = Pace(deadline=1, first=0.01, longest=0.02)
HOURS = """user = "When are you open?"
success_condition = 'It says "{}".'
"""


class Project:
    """A project with tested assistants, and what callers of it would hear."""

    def __init__(self, root: Path, sandbox: Sandbox, dsn: str) -> None:
        self.root = root
        self.sandbox = sandbox
        self._settings: dict[str, Any] = {
            "elevenlabs_base_url": sandbox.url,
            "elevenlabs_api_key": sandbox.key,
            "database_url": dsn,
        }
        (root / "agentctl.toml").write_text('project = "probe"\n')
        self.declare("desk")

    def declare(self, key: str, *, prompt: str = "Help kindly.", hours: str = "Open from nine to five.") -> None:
        folder = self.root / "assistants" / key
        (folder / "knowledge").mkdir(parents=True, exist_ok=True)
        if not (folder / "assistant.toml").exists():
            (folder / "assistant.toml").write_text(f'name = "{key.title()}"\n')
        (folder / "prompt.md").write_text(f"{prompt}\n")
        (folder / "knowledge" / "hours.md").write_text(hours)

    def expect(self, words: str, key: str = "desk", name: str = "hours") -> None:
        folder = self.root / "assistants" / key / "tests"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.toml").write_text(HOURS.format(words))

    def move(self, dsn: str) -> None:
        """To another store, which knows nothing of what was synced."""
        self._settings["database_url"] = dsn

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Control]:
        async with agentctl.connect(self.root, settings=Settings(**self._settings)) as control:
            yield control

    async def synced(self, *, only: Sequence[str] = (), gated: bool = True, prune: bool = False) -> Applied:
        async with self.opened() as control:
            found = await sync.plan(control, only, gated=gated, prune=prune)
            return await sync.apply(control, found, force=True, pace=PACE)

    async def live(self) -> Any:
        """Everything that a caller could hear: agents, what they know, and the numbers that ring there."""
        state = await self.sandbox.state()
        known = {
            entry["id"]
            for agent in state["agents"].values()
            for entry in agent["conversation_config"]["agent"]["prompt"]["knowledge_base"]
        }
        documents = {i: row for i, row in state["documents"].items() if i in known}
        return {"agents": state["agents"], "numbers": state["numbers"], "documents": documents}

    async def texts(self) -> list[str]:
        """Every document that there is, in use or not."""
        return sorted(row["text"] for row in (await self.sandbox.state())["documents"].values())

    async def runs(self) -> list[dict[str, Any]]:
        return [one["request_body"] for one in await self.sandbox.log() if one["path"].endswith("/run-tests")]


@pytest.fixture
async def project(tmp_path: Path, dsn: str) -> AsyncIterator[Project]:
    async with running() as sandbox:
        yield Project(tmp_path, sandbox, dsn)
