"""A running sandbox for tests and the demo: a real server on loopback in a thread of its own.

async with running(Options(retry_scale=0.001)) as sandbox:   # from any event loop
    await sandbox.call(to_number="+498999998100")

with running_thread() as sandbox:                            # without one
    sandbox.call(to_number="+498999998100")
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from agentctl.sandbox.options import Options
from agentctl.sandbox.server import Server

Row = dict[str, Any]

# Called with the request log of every sandbox before it is forgotten (the sandbox ends, reset, clear_log), so that a
# suite can check every exchange against the vendor's published contract without each test knowing of it.
log_observers: list[Callable[[list[Row]], None]] = []


class BlockingSandbox:
    """A running sandbox; its methods are those of the control API and block."""

    def __init__(self, url: str, options: Options) -> None:
        self.url = url
        self.options = options
        self.key = options.api_key
        self.account_sid = options.account_sid
        self.auth_token = options.auth_token
        # Loading the trusted certificates takes 20 ms, and there is nobody here to trust.
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.Client(base_url=f"{url}/_sandbox", timeout=120, trust_env=False, verify=nobody)

    def reset(self, state: Row | None = None) -> int:
        """Back to an empty workspace, or to what `state` once told, without faults, latency and log.

        Answers how many requests are still under way, each of which may yet write and be logged.
        """
        self._observe()
        under_way: int = self._ask("POST", "/reset", None if state is None else {"state": state})["under_way"]
        return under_way

    def state(self) -> Row:
        """Everything that is stored: tables of rows by id."""
        found: Row = self._ask("GET", "/state")
        return found

    def log(self, since: int = 0) -> list[Row]:
        """The requests so far, in order of arrival; without those of the control API."""
        found: list[Row] = self._ask("GET", f"/log?since={since}")
        return found

    def clear_log(self) -> None:
        """Forget the requests so far."""
        self._observe()
        self._ask("DELETE", "/log")

    def fault(self, **order: Any) -> Row:
        """Order a fault; see `fault.Fault`."""
        found: Row = self._ask("POST", "/faults", order)
        return found

    def faults(self) -> list[Row]:
        """Ordered faults and their `hits`."""
        found: list[Row] = self._ask("GET", "/faults")
        return found

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._ask("DELETE", "/faults")

    def latency(self, ms: float) -> None:
        """Make every API request take longer."""
        self._ask("PUT", "/latency", {"ms": ms})

    def add_number(self, number: str, **properties: Any) -> Row:
        """Put a number into the Twilio account; answers the IncomingPhoneNumber."""
        found: Row = self._ask("POST", "/numbers", {"number": number, **properties})
        return found

    def judge(self, **order: Any) -> Row:
        """Order how runs of some tests end; see `judge.Order`."""
        found: Row = self._ask("POST", "/tests", order)
        return found

    def call(self, **order: Any) -> Row:
        """Have a call held; see `calls.Order`. Answers `{conversation_id, reached, why, deliveries, webhook}`."""
        found: Row = self._ask("POST", "/calls", order)
        return found

    def finish(self, conversation_id: str, status: str = "done") -> None:
        """Set a stored conversation's status."""
        self._ask("PATCH", f"/conversations/{conversation_id}", {"status": status})

    def deliver(self, conversation_id: str) -> list[Row]:
        """Send a stored conversation's events (again)."""
        found: list[Row] = self._ask("POST", f"/conversations/{conversation_id}/deliver")["deliveries"]
        return found

    def ail(self, webhook_id: str, **health: Any) -> Row:
        """Set what the platform notes of a webhook: is_auto_disabled, most_recent_failure_error_code, …_timestamp."""
        found: Row = self._ask("PATCH", f"/webhooks/{webhook_id}", health)
        return found

    def close(self) -> None:
        """Show the rest of the log to the observers and close the control connection; the server goes on."""
        try:
            self._observe()
        finally:
            self._client.close()

    def _observe(self) -> None:
        if log_observers and self.options.log:
            entries = self.log()
            for observe in log_observers:
                observe(entries)

    def _ask(self, method: str, path: str, body: Row | None = None) -> Any:
        answer = self._client.request(method, path, json=body)
        if answer.status_code == 400:
            raise ValueError(answer.json()["error"])
        answer.raise_for_status()
        return answer.json()


class Sandbox:
    """The same for async code: the methods are awaited, so that a webhook door in the same event loop can answer."""

    def __init__(self, blocking: BlockingSandbox) -> None:
        self.blocking = blocking
        self.url = blocking.url
        self.options = blocking.options
        self.key = blocking.key
        self.account_sid = blocking.account_sid
        self.auth_token = blocking.auth_token

    async def reset(self, state: Row | None = None) -> int:
        """See BlockingSandbox."""
        return await asyncio.to_thread(self.blocking.reset, state)

    async def state(self) -> Row:
        """See BlockingSandbox."""
        return await asyncio.to_thread(self.blocking.state)

    async def log(self, since: int = 0) -> list[Row]:
        """See BlockingSandbox."""
        return await asyncio.to_thread(self.blocking.log, since)

    async def clear_log(self) -> None:
        """See BlockingSandbox."""
        await asyncio.to_thread(self.blocking.clear_log)

    async def fault(self, **order: Any) -> Row:
        """See BlockingSandbox."""
        return await asyncio.to_thread(self.blocking.fault, **order)

    async def faults(self) -> list[Row]:
        """See BlockingSandbox."""
        return await asyncio.to_thread(self.blocking.faults)

    async def clear_faults(self) -> None:
        """See BlockingSandbox."""
        await asyncio.to_thread(self.blocking.clear_faults)

    async def latency(self, ms: float) -> None:
        """See BlockingSandbox."""
        await asyncio.to_thread(self.blocking.latency, ms)

    async def add_number(self, number: str, **properties: Any) -> Row:
        """See BlockingSandbox."""
        return await asyncio.to_thread(self.blocking.add_number, number, **properties)

    async def judge(self, **order: Any) -> Row:
        """See BlockingSandbox."""
        return await asyncio.to_thread(self.blocking.judge, **order)

    async def call(self, **order: Any) -> Row:
        """See BlockingSandbox."""
        return await asyncio.to_thread(self.blocking.call, **order)

    async def finish(self, conversation_id: str, status: str = "done") -> None:
        """See BlockingSandbox."""
        await asyncio.to_thread(self.blocking.finish, conversation_id, status)

    async def deliver(self, conversation_id: str) -> list[Row]:
        """See BlockingSandbox."""
        return await asyncio.to_thread(self.blocking.deliver, conversation_id)

    async def ail(self, webhook_id: str, **health: Any) -> Row:
        """See BlockingSandbox."""
        return await asyncio.to_thread(self.blocking.ail, webhook_id, **health)


@contextmanager
def running_thread(
    options: Options | None = None, *, port: int = 0, state_file: Path | None = None
) -> Iterator[BlockingSandbox]:
    """A sandbox on loopback until the block ends."""
    options = options or Options()
    up = threading.Event()
    server = Server(options, "127.0.0.1", port, state_file=state_file, ready=lambda _url: up.set())
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[server.socket])), name="sandbox", daemon=True
    )
    thread.start()
    if not up.wait(30):
        raise TimeoutError("the sandbox did not start within 30 s")
    sandbox = BlockingSandbox(server.url, options)
    try:
        yield sandbox
    finally:
        try:
            sandbox.close()
        finally:
            server.stop()
            thread.join(10)


@asynccontextmanager
async def running(
    options: Options | None = None, *, port: int = 0, state_file: Path | None = None
) -> AsyncIterator[Sandbox]:
    """The same for async code."""
    context = running_thread(options, port=port, state_file=state_file)
    blocking = await asyncio.to_thread(context.__enter__)
    try:
        yield Sandbox(blocking)
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
