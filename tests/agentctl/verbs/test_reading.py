"""agentctl.verbs.reading: what is read is kept, and where it is, is known while it is read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentctl.errors import ConfigurationError
from agentctl.settings import Settings
from agentctl.verbs.reading import read
from agentctl.wiring import connect

pytestmark = pytest.mark.anyio


async def test_files_are_read_once_and_again_when_asked_to(tmp_path: Path) -> None:
    (tmp_path / "agentctl.toml").write_text('project = "one"\n')
    async with connect(tmp_path, settings=Settings()) as control:
        first = await read(control)
        assert (first.project.name, control.loaded, control.reading) == ("one", first, None)
        (tmp_path / "agentctl.toml").write_text('project = "two"\n')
        assert await read(control) is first
        again = await read(control, again=True)
        assert (again.project.name, control.loaded) == ("two", again)


async def test_while_it_reads_it_is_known(tmp_path: Path) -> None:
    (tmp_path / "agentctl.toml").write_text('project = "one"\n')
    async with connect(tmp_path, settings=Settings()) as control:
        task = asyncio.create_task(read(control))
        await asyncio.sleep(0)
        assert control.reading is not None
        await task
        assert control.reading is None


async def test_without_a_project_it_says_so(tmp_path: Path) -> None:
    async with connect(tmp_path, settings=Settings()) as control:
        with pytest.raises(ConfigurationError, match="not found"):
            await read(control)
