"""agentctl serve, agentctl work."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli import cycles
from agentctl.cli.console import consoled
from agentctl.cli.logs import Level, LogFormat, LogLevel, log_to_stderr
from agentctl.cli.session import Json, connected, say
from agentctl.errors import UsageError

if TYPE_CHECKING:
    from agentctl.verbs.work import Drained
    from agentctl.wiring import Control
    from agentctl.worker import Tally


Figures = Annotated[
    str | None,
    typer.Option("--metrics", metavar="[HOST:]PORT", help="Serve figures at /metrics there, as the door does."),
]


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes any free one.")] = 8080,
    console: Annotated[bool, typer.Option("--console/--no-console", help="Serve the console's pages, too.")] = True,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Only accept; `agentctl work` does the rest.")] = False,
    log_level: LogLevel = Level.info,
    log_format: LogFormat = None,
) -> None:
    """Run the webhook door, with the console and a worker beside it, until stopped."""
    log_to_stderr(log_level, log_format)

    async def run(control: Control) -> None:
        from agentctl.verbs import door as verbs

        with stopping() as stop:
            for caution in await verbs.cautions(control):
                say(f"warning: {caution}")
            async with consoled(control, host, stop, wanted=console) as shown:
                await verbs.serve(
                    control,
                    host=host,
                    port=port,
                    worker=not no_worker,
                    beside=shown.routes,
                    ready=shown.tell,
                    stop=stop,
                )

    connected(run)


def work(
    once: Annotated[bool, typer.Option("--once", help="Work off what is due, then end.")] = False,
    json: Json = False,
    metrics: Figures = None,
    log_level: LogLevel = Level.info,
    log_format: LogFormat = None,
) -> None:
    """Be a worker: turn events into calls, send the mails that wait, fetch calls that no webhook brought."""
    log_to_stderr(log_level, log_format)
    at = place(metrics) if metrics else None
    if once and at:
        raise UsageError("--metrics is for a worker that stays", "Leave out --once, or --metrics.")
    if once:
        drained = connected(_drain)
        from agentctl.cli.calls import report

        report(drained, json=json)
        if drained.is_stuck:
            raise typer.Exit(1)
        return
    tally = connected(lambda control: _work(control, at))
    if json:
        from agentctl.cli.render import to_json

        print(to_json({"done": tally.done, "failed": tally.failed, "lost": tally.lost}))
    else:
        say(f"{tally.done} done, {tally.failed} failed.")


async def _drain(control: Control) -> Drained:
    from agentctl.verbs import work as verbs

    return await verbs.once(control)


async def _work(control: Control, at: tuple[str, int] | None) -> Tally:
    from agentctl.verbs import work as verbs
    from agentctl.verbs.door import figures

    with stopping() as stop:
        say("Working. Ctrl-C ends it when what runs is finished.")
        if at is None:
            return await verbs.work(control, stop=stop)
        async with figures(control, *at, ready=lambda url: say(f"Figures at {url}")):
            return await verbs.work(control, stop=stop)


def place(text: str) -> tuple[str, int]:
    """Host and port of `[HOST:]PORT`. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65536) or (colon and not host):
        raise UsageError(f"--metrics {text!r} is no place to listen", "Write --metrics 9464 or --metrics 0.0.0.0:9464.")
    return host.strip("[]") or "127.0.0.1", int(port)


@contextmanager
def stopping() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set, so that what runs can finish; a second one ends the process at once.

    Until then it may be weeks.
    """
    cycles.regularly()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def release() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    def end() -> None:
        release()
        stop.set()

    for number in signals:
        loop.add_signal_handler(number, end)
    try:
        yield stop
    finally:
        release()
