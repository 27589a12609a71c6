"""What every command needs: the project that the command line names, an event loop, a yes from a person."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from agentctl.cli import logs
from agentctl.cli.command_line import DIRECTORY, ENVIRONMENT, HOUSED, TENANT
from agentctl.cli.veil import CURTAIN
from agentctl.errors import UsageError

if TYPE_CHECKING:
    from agentctl.errors import Problem
    from agentctl.sync.applied import Applied
    from agentctl.wiring import Control

Result = TypeVar("Result")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, messages on stderr.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def connected(body: Callable[[Control], Awaitable[Result]], *, unusable: list[Problem] | None = None) -> Result:
    """Run `body` with the project's control, and close what it opened.

    `unusable`: takes the problems of settings, which else end the command. Their defaults stand for them then.
    """
    logs.begin()
    # Not the task's own result: asyncio.run writes that out, for nobody to read, which takes a while for a large plan.
    results: list[Result] = []

    ended = signal.getsignal(signal.SIGTERM)

    async def session() -> None:
        if isinstance(ended, _Ended):
            ended.work = asyncio.current_task()
        async with opened(ENVIRONMENT.get(), unusable=unusable) as control:
            results.append(await body(control))

    try:
        asyncio.run(session())
    except asyncio.CancelledError:
        if isinstance(ended, _Ended) and ended.heard:
            raise KeyboardInterrupt from None
        raise
    return results[0]


@asynccontextmanager
async def opened(environment: str | None, *, unusable: list[Problem] | None = None) -> AsyncIterator[Control]:
    """The project's control in one environment; how far something is that takes its time is said on stderr."""
    from agentctl.wiring import connect

    settings = None
    if unusable is not None:
        from agentctl.verbs.opening import usable

        environment, settings, problems = usable(DIRECTORY.get(), environment)
        unusable += problems
    async with connect(DIRECTORY.get(), settings=settings, environment=environment, tenant=TENANT.get()) as control:
        control.tell = lambda text: say(f"  {text}")
        if (curtain := CURTAIN.get()) is not None:
            curtain.add(control.veil)
        if not (HOUSED.get() and control.tenant):
            yield control
            return
        from agentctl.verbs.places import housed

        async with housed(control) as there:
            yield there


def code_of(applied: Applied) -> int:
    """The exit code that applying a plan deserves: 1 for a failure, 3 for what was held back."""
    from agentctl.verbs.unattended.report import code

    return code(applied, None)


def end(applied: Applied) -> None:
    """Leave with that code."""
    if code := code_of(applied):
        raise typer.Exit(code)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal; elsewhere only `--yes` is a yes.

    Raises UsageError without one (exit 2), so that a script never changes anything by accident.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("this changes something and nobody can be asked here", "Run it again with --yes.")
    if not _asked(question):
        raise UsageError("nothing was changed")


def agrees(question: str, *, given: bool, ask: bool) -> bool:
    """Whether somebody agrees to one thing apart from the rest: by an option, or, where `ask`, on a terminal."""
    return given or (ask and sys.stdin.isatty() and sys.stderr.isatty() and _asked(question))


def _asked(question: str) -> bool:
    # The event loop's own handlers only cancel its task, which waits for the answer: Ctrl-C would do nothing.
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return typer.confirm(question, default=False, err=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Ended:
    """What SIGTERM does to a stoppable command: it ends the work in the event loop, or, outside of one, raises.

    Not by way of SIGINT: whoever starts a command with `&` in a script has that ignored, and asyncio then hears none.
    """

    def __init__(self) -> None:
        self.heard = 0
        self.work: asyncio.Task[None] | None = None

    def __call__(self, number: int, frame: object) -> None:
        self.heard += 1
        # As asyncio does it for Ctrl-C: the first is a request, the second an order.
        if self.work is None or self.work.done() or self.heard > 1:
            raise KeyboardInterrupt
        self.work.cancel()
        self.work.get_loop().call_soon_threadsafe(lambda: None)  # It may be waiting, for long.


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM, by which schedulers end what takes too long, is a Ctrl-C here: what runs gives back what it holds."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread hears signals.
        return
    before = signal.signal(signal.SIGTERM, _Ended())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def say(text: str) -> None:
    """A message for a person, on stderr: stdout carries results alone."""
    from agentctl.cli.render import told

    if logs.structured():
        logs.log_message(told(text))
    else:
        print(told(text), file=sys.stderr, flush=True)
