"""The console beside the door, and agentctl link."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urljoin, urlsplit

import typer

from agentctl.cli.session import connected, say
from agentctl.errors import StoreError, Unreachable, UsageError

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from agentctl.wiring import Control

_NOT_FOUND = 404


@dataclass(frozen=True)
class Shown:
    """What is served beside the door. `path`: where whoever reads the terminal comes in; empty where nobody does.
    `once`: it opens once.
    """

    routes: Sequence[BaseRoute] = ()
    path: str = ""
    once: bool = True

    def tell(self, url: str) -> None:
        """Say where deliveries are taken, and where the console is."""
        print(f"Listening on {url}", flush=True)
        if self.path:
            print(f"Console, {'opens once' if self.once else 'sign in'}: {urljoin(url, self.path)}", flush=True)
        elif self.routes:
            print(f"Console: agentctl link --url {urljoin(url, '/')} makes a link into it", flush=True)


@asynccontextmanager
async def consoled(control: Control, host: str, stop: asyncio.Event, *, wanted: bool) -> AsyncIterator[Shown]:
    """In the block, what is served beside the door at `host`; `stop` ends what is open of it.

    Raises ConfigurationError for a publishable key that is none.
    """
    from agentctl.console import app

    if wanted and app.signed_in(control):
        for caution in _cautions(control, host):
            say(f"note: {caution}")
        async with app.opened(control, stop=stop) as console:
            yield Shown(console.routes, str(control.settings.public_url or "/"), once=False)
    elif not wanted or (why := await _closed(control, host)):
        if wanted:
            say(f"note: no console{why}")
        yield Shown()
    else:
        async with app.opened(control, stop=stop) as console:
            path = ""
            if sys.stdout.isatty():  # what is printed elsewhere is kept in a log, where no key belongs
                with suppress(StoreError):  # the store is away for now; `agentctl link` makes one later
                    path = await console.link()
            yield Shown(console.routes, path)


async def _closed(control: Control, host: str) -> str:
    """Why nobody can come in by a link; empty: the operator can."""
    from agentctl.console.gate import is_loopback

    if not is_loopback(host):
        return (
            f" at {host}: it opens by a link, and only where nobody but this machine reaches it. "
            "At a Supabase project people sign in, once SUPABASE_PUBLISHABLE_KEY is set."
        )
    try:
        await control.storehouse.operator()
    except UsageError as error:
        return f": {error.message}. {error.hint}"
    return ""


def _cautions(control: Control, host: str) -> Iterator[str]:
    """What keeps people from signing in, or lets others listen."""
    from agentctl.console.gate import is_loopback

    public = control.settings.public_url
    if public is None:
        yield "the console answers to this machine alone: set PUBLIC_URL to where people reach it."
    elif public.scheme != "https" and not is_loopback((public.host or "").strip("[]")):
        yield "PUBLIC_URL begins with http://: passwords would travel in the clear."
    if not is_loopback(host) and not control.settings.trusted_proxies:
        yield "TRUSTED_PROXIES is not set: behind a proxy, all who sign in count as one address."


def link(
    url: Annotated[str, typer.Option("--url", help="Where `agentctl serve` runs.")] = "http://127.0.0.1:8080",
) -> None:
    """Make a link into the console of `agentctl serve`, which opens once."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise UsageError(f"--url {url!r} is no address of a server", "Write it as http://127.0.0.1:8080.")

    async def made(control: Control) -> tuple[str, str]:
        from agentctl.console import app

        return await app.link(control), await absent(url)

    path, why = connected(made)
    print(urljoin(url, path))
    if why:
        say(f"note: {why}: the link opens once `agentctl serve` runs there. --url names another place.")


async def absent(url: str) -> str:
    """Why a link would lead nowhere; empty: a console answers there."""
    from agentctl.clients import door

    try:
        answer = await door.look(urljoin(url, "/enter"))
    except Unreachable:
        return f"nothing answers at {url}"
    return f"what answers at {url} has no console" if answer.status == _NOT_FOUND else ""
