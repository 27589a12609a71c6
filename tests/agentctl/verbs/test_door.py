"""agentctl.verbs.door: the door of a project, served."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agentctl.errors import AgentctlError
from agentctl.local import postgres as local
from agentctl.settings import Settings
from agentctl.verbs import door
from agentctl.verbs.calls import call, events
from agentctl.wiring import Control, connect
from tests.cluster import Cluster, free_port
from webhooks.signature import HEADER, sign

pytestmark = pytest.mark.anyio

SAMPLE = (Path(__file__).parents[2] / "samples" / "post_call_transcription.json").read_bytes()
SECRET = SecretStr("wsec_only_for_tests")


def settings(dsn: str, *secrets: SecretStr) -> Settings:
    return Settings(database_url=SecretStr(dsn), elevenlabs_webhook_secret=secrets)


@asynccontextmanager
async def serving(control: Control, **options: bool) -> AsyncIterator[str]:
    """The door's address while it is served; afterwards it must end in order."""
    loop = asyncio.get_running_loop()
    address: asyncio.Future[str] = loop.create_future()
    stop = asyncio.Event()
    serve: Awaitable[None] = door.serve(control, port=0, ready=address.set_result, stop=stop, **options)  # type: ignore[arg-type]
    task = asyncio.ensure_future(serve)
    first: set[asyncio.Future[Any]] = {task, address}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    yield address.result()
    stop.set()
    await asyncio.wait_for(task, 20)


async def post(url: str, body: bytes = SAMPLE) -> httpx.Response:
    async with httpx.AsyncClient(timeout=20) as client:
        return await client.post(url, content=body, headers={HEADER: sign(body, SECRET, int(time.time()))})


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=20) as client:
        return await client.get(url)


def beside(url: str, path: str) -> str:
    return url.replace("/webhooks/elevenlabs", path)


async def eventually(found: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await found():  # noqa: ASYNC110  (the change is in a database)
            await asyncio.sleep(0.02)


async def test_what_is_accepted_is_worked_off_at_once(dsn: str, tmp_path: Path) -> None:
    async with connect(tmp_path, settings=settings(dsn, SECRET)) as control, serving(control) as url:
        assert url.endswith("/webhooks/elevenlabs")
        assert (await post(url)).status_code == 200
        begun = time.monotonic()
        await eventually(lambda: _has_calls(control))
        assert time.monotonic() - begun < 1.5  # woken, and not after the worker's pause of two seconds


async def test_without_a_worker_it_only_accepts(dsn: str, tmp_path: Path) -> None:
    async with connect(tmp_path, settings=settings(dsn, SECRET)) as control:
        async with serving(control, worker=False) as url:
            assert (await post(url)).status_code == 200
        assert await call.calls(control) == []
        assert [row["state"] for row in await events.events(control)] == ["pending"]


async def test_without_a_secret_it_serves_and_refuses(dsn: str, tmp_path: Path) -> None:
    async with connect(tmp_path, settings=settings(dsn)) as control:
        assert any("ELEVENLABS_WEBHOOK_SECRET is not set" in caution for caution in await door.cautions(control))
        async with serving(control) as url:
            assert (await post(url)).status_code == 503
            assert (await get(beside(url, "/healthz"))).status_code == 200
            assert (await get(beside(url, "/readyz"))).status_code == 503


async def test_two_secrets_while_one_is_replaced(dsn: str, tmp_path: Path) -> None:
    both = settings(dsn, SecretStr("wsec_new"), SECRET)
    async with connect(tmp_path, settings=both) as control, serving(control) as url:
        assert (await post(url)).status_code == 200


async def test_a_database_without_migrations_is_not_ready(empty_dsn: str, tmp_path: Path) -> None:
    async with connect(tmp_path, settings=settings(empty_dsn, SECRET)) as control:
        assert any("agentctl db migrate" in caution for caution in await door.cautions(control))
        async with serving(control, worker=False) as url:
            assert (await get(beside(url, "/readyz"))).status_code == 503
            assert (await post(url)).status_code == 503


async def test_a_database_that_lacks_only_the_newest_migration_is_not_ready(
    dsn: str, cluster: Cluster, tmp_path: Path
) -> None:
    database = dsn.rpartition("/")[2]
    cluster.execute(
        "delete from agentctl.migrations where version = (select max(version) from agentctl.migrations)", database
    )
    async with connect(tmp_path, settings=settings(dsn, SECRET)) as control, serving(control, worker=False) as url:
        assert (await get(beside(url, "/readyz"))).status_code == 503


async def test_a_database_that_is_down_at_the_start_is_waited_for(cluster: Cluster, dsn: str, tmp_path: Path) -> None:
    cluster.stop()
    async with connect(tmp_path, settings=settings(dsn, SECRET)) as control:
        assert any("503 for now" in caution for caution in await door.cautions(control))
        async with serving(control) as url:
            assert (await post(url)).status_code == 503
            await asyncio.to_thread(cluster.start)
            assert (await post(url)).status_code == 200
            assert (await get(beside(url, "/readyz"))).status_code == 200
            await eventually(lambda: _has_calls(control))


@contextmanager
def suspended(state: Path) -> Iterator[None]:
    """The embedded server runs and answers nothing."""
    pid = int((state / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def damaged(state: Path) -> Iterator[None]:
    """The embedded server is stopped and does not start."""
    asyncio.run(local.stop(state))
    (state / "postgres" / "global").rename(state / "away")
    try:
        yield
    finally:
        (state / "away").rename(state / "postgres" / "global")


@pytest.mark.parametrize("harmed", [suspended, damaged])
async def test_an_embedded_store_that_is_away_at_the_start_is_waited_for(
    tmp_path: Path, harmed: Callable[[Path], AbstractContextManager[None]]
) -> None:
    (tmp_path / "agentctl.toml").write_text('project = "p"\n')
    given = Settings(elevenlabs_webhook_secret=(SECRET,))
    state = tmp_path / ".agentctl"
    try:
        async with connect(tmp_path, settings=given) as control:
            await control.store()
        async with AsyncExitStack() as stack:
            away = AsyncExitStack()
            await asyncio.to_thread(away.enter_context, harmed(state))
            stack.push_async_callback(away.aclose)
            control = await stack.enter_async_context(connect(tmp_path, settings=given))
            assert any("503 for now" in caution for caution in await door.cautions(control))
            url = await stack.enter_async_context(serving(control))
            begun = time.monotonic()
            assert (await post(url)).status_code == 503
            assert time.monotonic() - begun < 3.5
            assert (await get(beside(url, "/readyz"))).status_code == 503
            await away.aclose()
            await eventually(lambda: _taken(url))
            await eventually(lambda: _has_calls(control))
    finally:
        await local.stop(state)


async def test_a_database_that_hangs_is_503_within_three_seconds_and_loses_nothing(
    cluster: Cluster, dsn: str, tmp_path: Path
) -> None:
    async with connect(tmp_path, settings=settings(dsn, SECRET)) as control, serving(control, worker=False) as url:
        assert (await post(url, b'{"type":"a"}')).status_code == 200
        with cluster.frozen():
            start = time.monotonic()
            answers = await asyncio.gather(*(post(url) for _ in range(5)))
            assert [answer.status_code for answer in answers] == [503] * 5
            assert time.monotonic() - start < 3.5
        assert (await post(url)).status_code == 200


async def test_a_port_in_use_is_one_clear_error(dsn: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with connect(tmp_path, settings=settings(dsn, SECRET)) as control:
            with pytest.raises(AgentctlError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
                await door.serve(control, port=port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "256.1.1.1", "a..b", "ä" * 80])
async def test_an_address_that_is_none(dsn: str, tmp_path: Path, host: str) -> None:
    async with connect(tmp_path, settings=settings(dsn, SECRET)) as control:
        with pytest.raises(AgentctlError, match=re.escape(f"cannot listen on {host}:")):
            await door.serve(control, host=host, port=free_port())


async def test_a_request_that_runs_at_the_end_is_answered(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Control) -> None:
        asked.set()
        await go_on.wait()

    monkeypatch.setattr(door, "check_store", slow)
    async with connect(tmp_path, settings=settings(dsn, SECRET)) as control:
        async with serving(control, worker=False) as url:
            answer = asyncio.create_task(get(beside(url, "/readyz")))
            await asked.wait()
            asyncio.get_running_loop().call_later(0.3, go_on.set)
        assert (await answer).status_code == 200


async def _taken(url: str) -> bool:
    return (await post(url)).status_code == 200


async def _has_calls(control: Control) -> bool:
    return bool(await call.calls(control))
