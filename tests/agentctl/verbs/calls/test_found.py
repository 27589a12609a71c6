"""agentctl.verbs.calls.found: what is asked for is found, page by page and one environment alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from agentctl.calls.selection import Selection
from agentctl.settings import Settings
from agentctl.verbs.calls import found
from agentctl.wiring import Control, connect
from tests.stores import running, stored

pytestmark = pytest.mark.anyio


@pytest.fixture
async def control(dsn: str, tmp_path: Path) -> AsyncIterator[Control]:
    async with connect(tmp_path, settings=Settings(database_url=SecretStr(dsn))) as opened:
        yield opened


async def put(control: Control, name: str, said: str = "Guten Tag", **call: object) -> None:
    store = await control.store()
    turns = [{"position": 0, "role": "user", "message": said}]
    await store.call("store_call", stored(await running(store, name), name, call=call, turns=turns, digest=None))


async def test_hits_are_places_in_one_line(control: Control) -> None:
    await put(control, "conv_1", "Vorweg: der Rückruf\n\x01eilt, und Rückrufe sind teuer.")

    (call,) = await found.find(control, Selection(search="rückruf"))

    assert "\n" not in call["snippet"]
    assert [call["snippet"][begin:end] for begin, end in call["hits"]] == ["Rückruf", "Rückrufe"]
    assert "hits" not in (await found.find(control))[0]


async def test_an_export_goes_through_all_pages_once(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "EXPORTED_AT_ONCE", 2)
    for number in range(5):
        await put(control, f"conv_{number}")

    names = [call["conversation_id"] async for call in found.export(control)]

    assert names == ["conv_4", "conv_3", "conv_2", "conv_1", "conv_0"]
    assert [call["turns"][0]["message"] async for call in found.export(control, Selection(search="tag"))] == [
        "Guten Tag"
    ] * 5
    assert [call async for call in found.export(control, Selection(assistant="nobody"))] == []


async def test_a_named_environment_is_asked_about_alone(control: Control) -> None:
    (control.directory / "agentctl.toml").write_text('project = "praxis"\n')
    await put(control, "conv_1", environment="staging")
    await put(control, "conv_2", project="other", environment="staging")

    control.environment = "staging"
    assert [call["conversation_id"] for call in await found.find(control)] == ["conv_1"]
    assert (await found.count(control))["all"]["calls"] == 1
    control.environment = None
    assert len(await found.find(control)) == 2
    assert (await found.count(control))["all"]["calls"] == 2
