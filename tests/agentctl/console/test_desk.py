"""agentctl.console.desk: what all pages share."""

from __future__ import annotations

import asyncio
import threading
from types import ModuleType
from typing import Any

import pytest

from agentctl.console import view
from agentctl.console.pages import calls
from tests.console import Guest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("path", "module", "name"), [("/calls", view, "said"), ("/calls.csv", calls, "_cells")])
async def test_while_a_page_is_written_a_delivery_is_taken(
    operator: Guest, monkeypatch: pytest.MonkeyPatch, path: str, module: ModuleType, name: str
) -> None:
    await operator.put("conv_1")
    genuine, begun, over = getattr(module, name), threading.Event(), threading.Event()

    def slow(*args: Any) -> Any:
        begun.set()
        assert over.wait(5), "whatever else the event loop has to do waits for this"
        return genuine(*args)

    monkeypatch.setattr(module, name, slow)
    asked = asyncio.create_task(operator.http.get(path))
    assert await asyncio.to_thread(begun.wait, 5)
    over.set()
    assert "empfang" in (await asked).text.casefold()
