"""One sync of a workspace of a project at a time, on whatever machines: a lease in the store, renewed while it runs."""

from __future__ import annotations

import asyncio
import fcntl
import os
import platform
import re
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentctl.clients.guard import guarded
from agentctl.errors import Busy, StoreError
from agentctl.sync.bindings import Store
from agentctl.wiring import Control

# A dead holder's lease ends after this long; a living one renews it in time.
LEASE_SECONDS = 30.0
_AGAIN_SECONDS = 1.0
# To give a lease back that ends by itself: a store that hangs must not hold up the end of a run for longer.
_RELEASE_SECONDS = 3.0
_AGAIN = "Run it again."


def _clock() -> float:
    """Seconds by a clock that goes on while this process is stopped and, where there is one, while the machine sleeps.

    CLOCK_MONOTONIC stands still during a suspend on Linux, and goes on on macOS (clock_gettime(2), clock_gettime(3)).
    """
    return time.clock_gettime(_CLOCK)


_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass
class _Lease:
    """One that is held: where, and on which terms. `end`: what becomes of its holder where another one has it."""

    store: Store
    terms: Mapping[str, Any]
    until: float = 0.0  # by our clock: never later than by the store's
    end: Callable[[Exception], None] = lambda error: None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self) -> None:
        """Raises Busy where another one has it, StoreError."""
        now = _clock()
        answer = await self.store.call("take_lease", self.terms)
        if not answer["held"] and Holder.parse(answer["holder"]).is_dead:
            await self.store.call("release_lease", {**self.terms, "holder": answer["holder"]})
            now = _clock()
            answer = await self.store.call("take_lease", self.terms)
        if not answer["held"]:
            raise _another(answer)
        self.until = now + self.terms["lease_seconds"]

    async def renew(self) -> None:
        """Raises Busy if another one has it, StoreError."""
        now = _clock()
        if not (await self.store.call("renew_lease", self.terms))["held"]:
            raise Busy("this sync slept longer than its lease, and another may have started", _AGAIN)
        self.until = now + self.terms["lease_seconds"]

    async def must_be_held(self) -> None:
        """What every write asks before it is sent: a look at the clock, and the store only where the time is up.

        Whoever stood still longer than the lease comes here before the renewal does. Where nobody took its place
        meanwhile, it goes on; else Busy ends the whole run.
        """
        if _clock() < self.until:
            return
        async with self._asking:
            try:
                while _clock() >= self.until:
                    await self.renew()
            except Busy as error:
                self.end(error)
                raise


_holding: ContextVar[Mapping[str, _Lease]] = ContextVar("holding", default=MappingProxyType({}))


@asynccontextmanager
async def exclusive(control: Control, *, wait: float = 0.0) -> AsyncIterator[None]:
    """Hold the lease of this project, environment and workspace; inside of it, entering again makes sure of it.

    `wait`: for how many seconds to try while another holds it. Raises Busy with who has it and since when; also when it
    was lost on the way, because this process slept longer than the lease, or a person thought longer about a question.
    What was written until then is bound, so that the next run goes on from there.
    """
    scope = control.scope
    name = f"sync {scope.project}/{scope.environment} {scope.workspace}"
    if (outer := _holding.get().get(name)) is not None:
        await outer.renew()
        yield
        return
    holder = Holder.ourselves()
    lease = _Lease(await control.store(), {"name": name, "holder": str(holder), "lease_seconds": LEASE_SECONDS})
    with holder.alive():
        async with _held(lease, name, wait):
            yield


@asynccontextmanager
async def _held(lease: _Lease, name: str, wait: float) -> AsyncIterator[None]:
    await _patiently(lease, wait)
    token = _holding.set({**_holding.get(), name: lease})
    try:
        async with _renewed(lease):
            with guarded(lease.must_be_held):
                yield
    finally:
        _holding.reset(token)
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_RELEASE_SECONDS):
                await lease.store.call("release_lease", lease.terms)


@asynccontextmanager
async def _renewed(lease: _Lease) -> AsyncIterator[None]:
    """Renew it all the while. Nobody goes on without: whatever ends the renewal ends the caller, as its own error."""
    owner = asyncio.current_task()
    lost: list[Exception] = []

    def end(error: Exception) -> None:
        lost.append(error)
        if owner is not None and len(lost) == 1:
            owner.cancel()

    lease.end = end

    async def renew() -> None:
        try:
            while True:
                await asyncio.sleep(LEASE_SECONDS / 3)
                with suppress(StoreError):  # Away for a moment: the lease still has two thirds of its time.
                    await lease.renew()
        except Exception as error:  # noqa: BLE001 - raised below, in the task that it concerns
            end(error)

    renewing = asyncio.create_task(renew())
    try:
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})
    except asyncio.CancelledError:
        if not lost:
            raise
        if owner is not None:
            owner.uncancel()
        raise lost[0] from None


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: a process of a machine. `token` is the only thing that no other holder has.

    `pid` is 0 for one that only another version of agentctl could tell about: its text stands in `node`.
    """

    node: str
    pid: int
    token: str

    @classmethod
    def ourselves(cls) -> Holder:
        """This process, now."""
        return cls(platform.node().replace(" ", "-") or "-", os.getpid(), secrets.token_hex(8))

    @classmethod
    def parse(cls, text: str) -> Holder:
        """From the store."""
        found = _HOLDER.fullmatch(text)
        return cls(found[1], int(found[2]), found[3]) if found else cls(text, 0, "")

    def __str__(self) -> str:
        return f"{self.node} {self.pid} {self.token}"

    @property
    def name(self) -> str:
        """What a person looks for."""
        return f"process {self.pid} on {self.node}" if self.pid else self.node

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Show on this machine that this process lives: a locked file, let go by the kernel at any end (flock(2)).

        Where no file can be made, a dead holder's lease ends by its time alone.
        """
        try:
            sign = os.open(self._sign, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            yield
            return
        try:
            fcntl.flock(sign, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            with suppress(OSError):
                self._sign.unlink()
            os.close(sign)

    @property
    def is_dead(self) -> bool:
        """Whether its sign is on this machine, and nobody's any more; of another machine's holder nothing is known.

        A machine's name and the numbers of processes and namespaces are no proof: other machines have the same.
        """
        if not self.token:
            return False
        try:
            sign = os.open(self._sign, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(sign, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(OSError):
                self._sign.unlink()
        except OSError:
            return False
        finally:
            os.close(sign)
        return True

    @property
    def _sign(self) -> Path:
        return Path(tempfile.gettempdir()) / f"agentctl-{self.token}.lock"


_HOLDER = re.compile(r"(\S+) ([1-9][0-9]*) ([0-9a-f]{16})")


async def _patiently(lease: _Lease, seconds: float) -> None:
    clock = asyncio.get_running_loop()
    end = clock.time() + seconds
    while True:
        try:
            return await lease.take()
        except Busy:
            left = end - clock.time()
            if left <= 0:
                raise
            await asyncio.sleep(min(_AGAIN_SECONDS, left))


def _another(answer: Mapping[str, Any]) -> Busy:
    since, until = (
        f"{datetime.fromisoformat(answer[name]).astimezone():%H:%M:%S %Z}" for name in ("since", "expires_at")
    )
    return Busy(
        f"another sync of this project is running: {Holder.parse(answer['holder']).name}, since {since}",
        f"Wait for its end. If it is dead, its lease ends by itself at {until}.",
    )
