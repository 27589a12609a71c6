"""A door that acknowledges first and stores afterwards, as many do: `python -m tests.faults.receipt.hasty PORT`.

What is wrong with it is one thing, so that a harness which catches it catches that.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from agentctl.clients.store.postgres import PostgresStore
from agentctl.errors import StoreError
from webhooks.app import door
from webhooks.server import Server, listening


class Hasty:
    """A store that says yes at once."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._running: set[asyncio.Task[None]] = set()

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """Answer as if it were stored; store it in the background."""
        task = asyncio.create_task(self._later(function, args, timeout))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        answer = {"id": "soon", "new": True, "known": False}
        return [answer for _ in args["events"]] if function == "accept_many" else answer

    async def _later(self, function: str, args: Mapping[str, Any], timeout: float) -> None:
        try:
            await self._store.call(function, args, timeout=timeout)
        except StoreError as error:
            print(f"an acknowledged event could not be stored: {error.message}", file=sys.stderr)


async def main(port: int) -> None:
    """Serve until killed."""
    store = Hasty(await PostgresStore.open(os.environ["DATABASE_URL"]))
    secret = SecretStr(os.environ["ELEVENLABS_WEBHOOK_SECRET"])
    with listening("127.0.0.1", port) as listener:
        await Server(door(store, secrets=[secret]), listener, None).serve([listener])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
