"""agentctl.verbs.tenants: of two who save the same at once, one is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import agentctl
from agentctl.errors import UsageError
from agentctl.settings import Settings
from agentctl.verbs import tenants

pytestmark = pytest.mark.anyio


async def test_a_key_that_two_save_at_once_is_one_tenants(tmp_path: Path, dsn: str) -> None:
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n')

    async def save(name: str) -> None:
        async with agentctl.connect(tmp_path, settings=Settings(database_url=dsn)) as control:
            await tenants.every(control)  # connected by now
            ready.release()
            await begun.wait()
            await tenants.save(control, name, {"elevenlabs_key": "env:SAME_XI_KEY"})

    ready, begun = asyncio.Semaphore(0), asyncio.Event()
    saving = asyncio.gather(save("acme"), save("beta"), return_exceptions=True)
    await ready.acquire()
    await ready.acquire()
    begun.set()
    (refused,) = (one for one in await saving if one is not None)
    assert isinstance(refused, UsageError)
    assert "already; nothing was stored" in refused.message
