"""The console beside the door, and agentctl link."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urljoin

import typer

from agentctl.cli.session import connected, say
from agentctl.errors import StoreError, UsageError

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from agentctl.wiring import Control


@dataclass(frozen=True)
class Shown:
    """What is served beside the door. `path`: where whoever reads the terminal comes in; empty where nobody does."""

    routes: Sequence[BaseRoute] = ()
    path: str = ""

    def tell(self, url: str) -> None:
        """Say where deliveries are taken, and where the console is."""
        print(f"Listening on {url}", flush=True)
        if self.path:
            print(f"Console, opens once: {urljoin(url, self.path)}", flush=True)


@asynccontextmanager
async def consoled(control: Control, host: str, stop: asyncio.Event, *, wanted: bool) -> AsyncIterator[Shown]:
    """In the block, what is served beside the door at `host`; `stop` ends what is open of it."""
    from agentctl.console.gates.link import is_loopback

    if not wanted:
        yield Shown()
        return
    if not is_loopback(host):
        say(f"note: no console at {host}: it opens by a link, and only where nobody but this machine reaches it.")
        yield Shown()
        return
    from agentctl.console import app

    try:
        await control.storehouse.operator()
    except UsageError as error:
        say(f"note: no console: {error.message}. {error.hint}")
        yield Shown()
        return
    async with app.opened(control, stop=stop) as console:
        path = ""
        if sys.stdout.isatty():  # what is printed elsewhere is kept in a log, where no key belongs
            with suppress(StoreError):  # the store is away for now; `agentctl link` makes one later
                path = await console.link()
        yield Shown(console.routes, path)


def link(
    url: Annotated[str, typer.Option("--url", help="Where `agentctl serve` runs.")] = "http://127.0.0.1:8080",
) -> None:
    """Make a link into the console of `agentctl serve`, which opens once."""

    async def made(control: Control) -> str:
        from agentctl.console import app

        return await app.link(control)

    print(urljoin(url, connected(made)))
