"""agentctl.verbs.up: calls are fetched, worked off and handed over once, and trouble is survived."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agentctl.clients.retry import Retry
from agentctl.errors import AgentctlError, ConfigurationError, StoreUnavailable
from agentctl.sandbox.harness import Sandbox, running
from agentctl.settings import Settings
from agentctl.sync.kind import Ref
from agentctl.verbs import up
from agentctl.wiring import Control, connect
from tests.answering import WEB_PAGE, answering, as_json
from tests.cluster import free_port

pytestmark = pytest.mark.anyio

Row = dict[str, Any]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as started:
        yield started


@pytest.fixture
async def control(tmp_path: Path, sandbox: Sandbox, dsn: str) -> AsyncIterator[Control]:
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n')
    folder = tmp_path / "assistants" / "empfang"
    folder.mkdir(parents=True)
    (folder / "assistant.toml").write_text('name = "Empfang"\nlanguage = "de"\n[post_call]\nmail_to = ["a@b.de"]\n')
    (folder / "prompt.md").write_text("Hilf.\n")
    settings = Settings(elevenlabs_base_url=sandbox.url, elevenlabs_api_key=sandbox.key, database_url=dsn)
    async with connect(tmp_path, settings=settings) as made:
        from agentctl.verbs import sync

        applied = await sync.apply(made, await sync.plan(made))
        assert applied.ok
        made.api._retry = Retry(attempts=1)
        yield made


def unexpected(call: Row) -> None:
    pytest.fail(f"nobody called, and yet there is {call}")


async def agent_of(control: Control) -> str:
    return (await control.bindings()).of("agent")["empfang"]


async def watched(control: Control, calls: int, on_ready: Callable[[], Awaitable[None]]) -> list[Row]:
    """What was handed over until that many calls had been."""
    shown: list[Row] = []
    stop = asyncio.Event()

    def on_call(call: Row) -> None:
        shown.append(call)
        if len(shown) == calls:
            stop.set()

    async with asyncio.timeout(60):
        await up.watch(control, on_call=on_call, stop=stop, on_ready=on_ready, poll_seconds=0.1)
    return shown


async def test_each_call_is_handed_over_once_with_all_that_belongs_to_it(control: Control, sandbox: Sandbox) -> None:
    agent_id = await agent_of(control)

    async def two_calls() -> None:
        for _ in range(2):
            await sandbox.call(agent_id=agent_id, deliver=False)

    shown = await watched(control, 2, two_calls)
    assert len({call["conversation_id"] for call in shown}) == 2
    for call in shown:
        assert call["assistant"] == "empfang"
        assert call["digest"]["engine"] == "elevenlabs"
        assert [mail["to"] for mail in call["mails"]] == ["a@b.de"]


async def test_a_call_is_not_shown_again_while_the_next_is_waited_for(
    control: Control, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up, "_WATCH_SECONDS", 0.01)
    agent_id, stop = await agent_of(control), asyncio.Event()
    shown: list[str] = []
    next_calls: list[asyncio.Task[Row]] = []

    async def call() -> None:
        await sandbox.call(agent_id=agent_id, deliver=False)

    def on_call(found: Row) -> None:
        shown.append(found["conversation_id"])
        if len(shown) == 2:
            stop.set()
        else:
            next_calls.append(asyncio.create_task(sandbox.call(agent_id=agent_id, deliver=False)))

    async with asyncio.timeout(60):
        await up.watch(control, on_call=on_call, stop=stop, on_ready=call, poll_seconds=0.2)
    assert shown[1] == (await next_calls[0])["conversation_id"] != shown[0]


async def test_a_call_that_just_ended_still_counts_and_an_old_one_does_not(control: Control, sandbox: Sandbox) -> None:
    import time

    agent_id = await agent_of(control)
    old = await sandbox.call(agent_id=agent_id, deliver=False, started_at=int(time.time()) - 900)
    recent = await sandbox.call(agent_id=agent_id, deliver=False, started_at=int(time.time()) - 30)

    async def nothing() -> None:
        return

    (shown,) = await watched(control, 1, nothing)
    assert shown["conversation_id"] == recent["conversation_id"]
    # The old one is stored all the same: nothing is lost.
    stored = await (await control.store()).call("list_calls", {"limit": 10})
    assert {call["conversation_id"] for call in stored} == {old["conversation_id"], recent["conversation_id"]}


async def test_calls_of_other_agents_are_not_shown(control: Control, sandbox: Sandbox) -> None:
    body = {"conversation_config": {}, "name": "fremd"}
    other = (await control.api.post("/v1/convai/agents/create", json=body))["agent_id"]
    agent_id = await agent_of(control)

    async def calls() -> None:
        await sandbox.call(agent_id=other, deliver=False)
        await sandbox.call(agent_id=agent_id, deliver=False)

    (shown,) = await watched(control, 1, calls)
    assert shown["agent_id"] == agent_id


async def test_an_outage_of_the_platform_is_survived(
    control: Control, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    agent_id = await agent_of(control)
    await sandbox.fault(method="GET", path="/v1/convai/conversations", status=503, times=3)

    async def call() -> None:
        await sandbox.call(agent_id=agent_id, deliver=False)

    with caplog.at_level(logging.WARNING, "agentctl"):
        assert len(await watched(control, 1, call)) == 1
    assert "asking ElevenLabs for new conversations failed" in caplog.text


async def test_an_outage_of_the_store_is_survived(
    control: Control, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    agent_id = await agent_of(control)
    store = await control.store()
    real, away = store.call, iter([False, True, True])

    async def flaky(function: str, args: Any, *, timeout: float = 10.0) -> Any:
        if function == "list_calls" and next(away, False):
            raise StoreUnavailable("the store is away")
        return await real(function, args, timeout=timeout)

    monkeypatch.setattr(store, "call", flaky)

    async def call() -> None:
        await sandbox.call(agent_id=agent_id, deliver=False)

    with caplog.at_level(logging.WARNING, "agentctl"):
        assert len(await watched(control, 1, call)) == 1
    assert "looking for new calls failed: the store is away" in caplog.text


async def test_a_call_that_could_not_be_read_is_shown_later(
    control: Control, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent_id = await agent_of(control)
    store = await control.store()
    real, away = store.call, iter([True])

    async def flaky(function: str, args: Any, *, timeout: float = 10.0) -> Any:
        if function == "show_call" and next(away, False):
            raise StoreUnavailable("the store is away")
        return await real(function, args, timeout=timeout)

    monkeypatch.setattr(store, "call", flaky)

    async def call() -> None:
        await sandbox.call(agent_id=agent_id, deliver=False)

    assert len(await watched(control, 1, call)) == 1
    assert not next(away, False)


async def test_stopping_before_anything_happened(control: Control) -> None:
    stop = asyncio.Event()

    async def enough() -> None:
        stop.set()

    async with asyncio.timeout(30):
        await up.watch(control, on_call=unexpected, stop=stop, on_ready=enough)


async def test_a_bug_in_what_shows_the_calls_ends_it(control: Control, sandbox: Sandbox) -> None:
    agent_id = await agent_of(control)

    def broken(_call: Row) -> None:
        raise RuntimeError("broken")

    async def call() -> None:
        await sandbox.call(agent_id=agent_id, deliver=False)

    with pytest.raises(RuntimeError, match="broken"):
        async with asyncio.timeout(30):
            await up.watch(control, on_call=broken, stop=asyncio.Event(), on_ready=call, poll_seconds=0.1)


async def test_whatever_happens_nothing_goes_on_behind_it(control: Control) -> None:
    async def broken() -> None:
        raise RuntimeError("broken")

    before, stop = asyncio.all_tasks(), asyncio.Event()
    with pytest.raises(RuntimeError, match="broken"):
        async with asyncio.timeout(30):
            await up.watch(control, on_call=unexpected, stop=stop, on_ready=broken)
    assert asyncio.all_tasks() <= before
    assert stop.is_set()


async def test_before_the_first_sync_there_is_nothing_to_watch(control: Control) -> None:
    await (await control.bindings()).unbind(Ref("agent", "empfang"))
    with pytest.raises(ConfigurationError, match="agentctl sync"):
        await up.watch(control, on_call=unexpected, stop=asyncio.Event())


async def test_a_door_that_cannot_open_ends_it(control: Control) -> None:
    with answering() as taken:
        port = int(taken.rpartition(":")[2])
        with pytest.raises(AgentctlError, match="cannot listen"):
            await up.watch(control, on_call=unexpected, stop=asyncio.Event(), serve=("127.0.0.1", port))


async def test_whether_a_door_answers(control: Control) -> None:
    async def answers(public_url: str | None) -> bool:
        changed = control.settings.model_copy(update={"public_url": public_url})
        async with connect(control.directory, settings=changed) as other:
            return await up.door_answers(other)

    assert not await answers(None)
    assert not await answers(f"http://127.0.0.1:{free_port()}")
    with answering(otherwise=WEB_PAGE) as url:
        assert not await answers(url)
    with answering({"/healthz": as_json({"status": "alive"})}) as url:
        assert await answers(f"{url}/")
