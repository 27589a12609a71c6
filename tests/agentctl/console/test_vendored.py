"""agentctl.console.vendored: pages that lack what they load are not served, and it is said how to have it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from shutil import copytree

import pytest

from agentctl.console import vendored
from agentctl.console.app import opened
from agentctl.errors import UsageError
from tests.console import Guest

pytestmark = pytest.mark.anyio


async def test_without_what_its_pages_load_it_is_not_opened(
    guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = tmp_path / "console"
    copytree(Path(str(vendored.PLACE)), lacking)
    (lacking / "static" / "vendor" / "htmx" / "hx-sse.min.js").unlink()
    monkeypatch.setattr(vendored, "PLACE", lacking)
    with pytest.raises(UsageError, match=r"htmx/hx-sse\.min\.js") as caught:
        async with opened(guest.control, "127.0.0.1", stop=asyncio.Event()):
            pass
    assert "./scripts/vendor" in caught.value.hint
