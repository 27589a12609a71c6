"""agentctl.sources.reading: nobody who stops waiting for files is kept by them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.sources import reading
from agentctl.sources.files import load
from agentctl.sources.prompt import Prompts
from agentctl.sources.reading import Ended, Reading, aside, current

pytestmark = pytest.mark.anyio
ENDLESS = "[% for a in range(100000) %][% for b in range(100000) %][% endfor %][% endfor %]"


def project(root: Path, count: int) -> Path:
    (root / "agentctl.toml").write_text('project = "beispiel"\n')
    for number in range(count):
        folder = root / "assistants" / f"a{number}"
        folder.mkdir(parents=True)
        (folder / "assistant.toml").write_text('name = "A"\nlanguage = "de"\n')
        (folder / "prompt.md").write_text(ENDLESS)
    return root


async def cancelled(started: Callable[[], bool], task: asyncio.Task[object]) -> float:
    """Cancel it once it has `started`: how many seconds it took to end."""
    while not started():  # noqa: ASYNC110  another thread starts it
        await asyncio.sleep(0.005)
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - begun


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "reading"]


async def test_what_is_read_is_the_answer_and_so_is_what_is_raised() -> None:
    assert await aside(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0)


async def test_endless_templates_end_with_whoever_waits_for_them(tmp_path: Path) -> None:
    one = Reading()
    task = asyncio.create_task(one.of(lambda: load(project(tmp_path, 8))))
    took = await cancelled(lambda: one._process is not None, task)
    assert took < 1, "the process that renders was waited for"
    for thread in readers():
        await asyncio.to_thread(thread.join, 5)
    assert readers() == []
    assert one.at == "assistants/a0/prompt.md"


async def test_between_two_files_it_looks_whether_it_is_to_go_on() -> None:
    one, at_first, go_on, read = Reading(), threading.Event(), threading.Event(), []

    def work() -> None:
        for name in ("first", "second"):
            current().look(name)
            read.append(name)
            at_first.set()
            go_on.wait(30)

    task = asyncio.create_task(one.of(work))
    asyncio.get_running_loop().call_later(0.1, go_on.set)
    await cancelled(at_first.is_set, task)
    assert read == ["first"]


async def test_what_never_comes_to_its_next_file_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_GRACE_SECONDS", 0.05)
    begun, free = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        free.wait(30)

    assert await cancelled(begun.is_set, asyncio.create_task(aside(work))) < 1
    (thread,) = readers()
    assert thread.daemon, "the interpreter would wait for it at its exit"
    free.set()
    await asyncio.to_thread(thread.join, 30)


async def test_a_process_that_begins_after_the_end_is_ended_too() -> None:
    one = Reading()
    one.end()
    token = reading._CURRENT.set(one)
    try:
        with Prompts({}) as prompts, pytest.raises(Ended):
            prompts._answer("{}")
    finally:
        reading._CURRENT.reset(token)
