"""One sync of a project at a time, on whatever machines they start: a lease in the store, renewed while it runs."""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from datetime import datetime

from agentctl.errors import Busy, StoreError
from agentctl.wiring import Control

# A dead holder's lease ends after this long; a living one renews it in time.
LEASE_SECONDS = 30.0
_holding: ContextVar[frozenset[str]] = ContextVar("holding", default=frozenset())


@asynccontextmanager
async def exclusive(control: Control) -> AsyncIterator[None]:
    """Hold the lease of this project, environment and workspace; inside of it, entering again costs nothing.

    Raises Busy with who has it and since when; also when it was lost on the way, because this process slept longer
    than the lease. What was written until then is bound, so that the next run goes on from there.
    """
    scope = control.scope
    name = f"sync {scope.project}/{scope.environment} {scope.workspace}"
    if name in _holding.get():
        yield
        return
    store, owner = await control.store(), asyncio.current_task()
    terms = {"name": name, "holder": _holder(), "lease_seconds": LEASE_SECONDS}
    answer = await store.call("take_lease", terms)
    if not answer["held"]:
        raise _busy(answer)
    lost: list[Busy] = []

    async def renew() -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with suppress(StoreError):  # Away for a moment: the lease still has two thirds of its time.
                if not (await store.call("renew_lease", terms))["held"] and owner is not None:
                    lost.append(Busy("this sync slept longer than its lease, and another may have started", _AGAIN))
                    owner.cancel()
                    return

    token = _holding.set(_holding.get() | {name})
    renewing = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            raise lost[0] from None
        raise
    finally:
        _holding.reset(token)
        renewing.cancel()
        with suppress(StoreError):  # It ends by itself.
            await store.call("release_lease", terms)


def _holder() -> str:
    return f"{platform.node()}, process {os.getpid()} ({secrets.token_hex(4)})"


def _busy(answer: dict[str, str]) -> Busy:
    since, until = (f"{datetime.fromisoformat(answer[name]).astimezone():%H:%M:%S}" for name in ("since", "expires_at"))
    who = str(answer["holder"]).partition(" (")[0]
    return Busy(
        f"another sync of this project is running: {who}, since {since}",
        f"Wait for its end. If it is dead, its lease ends by itself at {until}.",
    )


_AGAIN = "Run it again."
