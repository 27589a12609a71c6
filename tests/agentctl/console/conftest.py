"""Somebody before the console of a lent database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from agentctl.settings import Settings
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
