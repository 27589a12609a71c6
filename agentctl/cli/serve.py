"""agentctl serve, agentctl work."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli import cycles
from agentctl.cli.session import Json, connected, say

if TYPE_CHECKING:
    from agentctl.verbs.calls.work import Drained
    from agentctl.wiring import Control
    from agentctl.worker import Tally


class Level(StrEnum):
    """How much is logged."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


LogLevel = Annotated[Level, typer.Option("--log-level", help="How much to log on stderr.")]


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes any free one.")] = 8080,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Only accept; `agentctl work` does the rest.")] = False,
    log_level: LogLevel = Level.info,
) -> None:
    """Run the webhook door, and a worker beside it, until stopped."""
    log_to_stderr(log_level)

    async def run(control: Control) -> None:
        from agentctl.verbs import door as verbs

        with stopping() as stop:
            for caution in await verbs.cautions(control):
                say(f"warning: {caution}")
            await verbs.serve(
                control,
                host=host,
                port=port,
                worker=not no_worker,
                ready=lambda url: print(f"Listening on {url}", flush=True),
                stop=stop,
            )

    connected(run)


def work(
    once: Annotated[bool, typer.Option("--once", help="Work off what is due, then end.")] = False,
    json: Json = False,
    log_level: LogLevel = Level.info,
) -> None:
    """Be a worker: turn events into calls, send the mails that wait, fetch calls that no webhook brought."""
    log_to_stderr(log_level)
    if once:
        drained = connected(_drain)
        from agentctl.cli.calls import report

        report(drained, json=json)
        if drained.dead:
            raise typer.Exit(1)
        return
    tally = connected(_work)
    if json:
        from agentctl.cli.render import to_json

        print(to_json({"done": tally.done, "failed": tally.failed, "lost": tally.lost}))
    else:
        say(f"{tally.done} done, {tally.failed} failed.")


async def _drain(control: Control) -> Drained:
    from agentctl.verbs.calls import work as verbs

    return await verbs.once(control)


async def _work(control: Control) -> Tally:
    from agentctl.verbs.calls import work as verbs

    with stopping() as stop:
        say("Working. Ctrl-C ends it when what runs is finished.")
        return await verbs.work(control, stop=stop)


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


def log_to_stderr(level: Level) -> None:
    """One plain line per record, with its time; libraries only where they warn."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for ours in ("agentctl", "webhooks"):
        logging.getLogger(ours).setLevel(level.value.upper())


class _Lines(logging.Formatter):
    """Text from outside cannot forge a line or obey a terminal; of an exception only its type and place are said."""

    def format(self, record: logging.LogRecord) -> str:
        from agentctl.cli.render import told

        return told(" ".join(super().format(record).splitlines()))

    def formatException(self, ei: Any) -> str:  # noqa: N802  (logging's name)
        # Its text may quote a caller.
        frames = traceback.extract_tb(ei[2])
        place = f" in {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
        return f"({ei[0].__name__}{place})"
