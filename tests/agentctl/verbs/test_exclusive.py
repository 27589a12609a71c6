"""The lease of a sync: nobody goes on without it, whatever became of it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentctl.clients.guard import may_be_sent
from agentctl.errors import Busy, StoreUnavailable
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Scope
from agentctl.verbs import exclusive as module
from agentctl.verbs.exclusive import Holder, exclusive
from tests.telephony import Bench, bench

__all__ = ["bench"]
pytestmark = pytest.mark.anyio
NOW = "2026-11-21T09:00:00+00:00"


class Machine:
    """A control on one machine, and its store: renewals end as `renewals` says, the last one for ever."""

    scope = Scope("demo", "default", "api.example.org")

    def __init__(self, *renewals: object) -> None:
        self.calls: list[str] = []
        self.renewed = asyncio.Event()
        self._renewals = list(renewals) or [True]

    async def store(self) -> Machine:
        return self

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        self.calls.append(function)
        await asyncio.sleep(0)
        if function != "renew_lease":
            return {"held": True}
        self.renewed.set()
        held = self._renewals.pop(0) if len(self._renewals) > 1 else self._renewals[0]
        if isinstance(held, Exception):
            raise held
        return {"held": held} if isinstance(held, bool) else held


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that are renewed at once."""
    monkeypatch.setattr(module, "LEASE_SECONDS", 0.003)


@pytest.mark.usefixtures("brief")
async def test_whoever_loses_it_is_stopped() -> None:
    machine = Machine(True, False)
    with pytest.raises(Busy, match="slept longer than its lease"):
        async with exclusive(machine):  # type: ignore[arg-type]
            await asyncio.Event().wait()
    assert machine.calls == ["take_lease", "renew_lease", "renew_lease", "release_lease"]
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling(), "the cancellation was the lease's own and is over"


async def test_a_store_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(Machine):
        async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
            if function == "release_lease":
                await asyncio.Event().wait()
            return await super().call(function, args, timeout=timeout)

    monkeypatch.setattr(module, "_RELEASE_SECONDS", 0.01)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), exclusive(Hanging()):  # type: ignore[arg-type]
            await asyncio.Event().wait()


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("odd", [RuntimeError("the loop is odd"), None, {}, []])
async def test_a_renewal_that_ends_in_any_other_way_stops_it_too(odd: object) -> None:
    machine = Machine(odd)
    with pytest.raises((RuntimeError, TypeError, KeyError)):
        async with exclusive(machine):  # type: ignore[arg-type]
            await asyncio.Event().wait()
    assert machine.calls[-1] == "release_lease"


@pytest.mark.usefixtures("brief")
async def test_a_store_that_is_away_for_a_moment_stops_nobody() -> None:
    machine = Machine(StoreUnavailable("away"), StoreUnavailable("away"), True)
    async with exclusive(machine):  # type: ignore[arg-type]
        for _ in range(3):
            machine.renewed.clear()
            await machine.renewed.wait()
    assert machine.calls.count("renew_lease") >= 3


async def test_entering_again_makes_sure_that_it_is_held_still() -> None:
    machine, written = Machine(True, False), []

    async def asking() -> None:
        async with exclusive(machine):  # type: ignore[arg-type]
            async with exclusive(machine):  # type: ignore[arg-type]
                written.append("while it was held")
            # Here a person thinks about a question, for longer than a lease.
            async with exclusive(machine):  # type: ignore[arg-type]
                written.append("without")

    with pytest.raises(Busy):
        await asking()
    assert written == ["while it was held"]
    assert machine.calls == ["take_lease", "renew_lease", "renew_lease", "release_lease"]


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(module, "_clock", lambda: self.now)


async def test_a_write_asks_the_store_only_once_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, clock = Machine(True), Clock(monkeypatch)
    async with exclusive(machine):  # type: ignore[arg-type]
        await may_be_sent("PATCH")
        clock.now += module.LEASE_SECONDS - 0.1
        await may_be_sent("PATCH")
        assert machine.calls == ["take_lease"]
        clock.now += 3600
        await may_be_sent("GET")
        assert machine.calls == ["take_lease"]
        # It stood still, and nobody took its place.
        await asyncio.gather(*(may_be_sent("DELETE") for _ in range(3)))
        await may_be_sent("POST")
        assert machine.calls == ["take_lease", "renew_lease"]
    clock.now += 3600
    assert await may_be_sent("PATCH") == {}
    assert machine.calls == ["take_lease", "renew_lease", "release_lease"]


async def test_whoever_stood_still_while_another_began_writes_nothing_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, clock, sent = Machine(False), Clock(monkeypatch), []

    async def write(number: int) -> None:
        await may_be_sent("PATCH")
        sent.append(number)

    async def run() -> None:
        async with exclusive(machine):  # type: ignore[arg-type]
            await write(0)
            clock.now += module.LEASE_SECONDS
            # What one of them makes of it is not asked for: the whole run ends.
            await asyncio.gather(*map(write, range(1, 9)), return_exceptions=True)
            await asyncio.Event().wait()

    with pytest.raises(Busy, match="slept longer than its lease"):
        await run()
    assert sent == [0]
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_a_store_that_cannot_be_asked_once_the_time_is_up_is_no_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    async with exclusive(Machine(StoreUnavailable("away"), True)):  # type: ignore[arg-type]
        clock.now += module.LEASE_SECONDS
        with pytest.raises(StoreUnavailable):
            await may_be_sent("PATCH")
        await may_be_sent("PATCH")


def test_a_sync_that_stood_still_before_a_request_overwrites_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{bench.sandbox.url}/v1/convai/agents/{bench.agent()['agent_id']}"
    newer = {"conversation_config": {"agent": {"prompt": {"prompt": "Hilf sofort."}}}}
    say = Bindings.say

    async def slept(self: Bindings, *args: Any) -> None:
        await say(self, *args)
        (lease,) = module._holding.get().values()
        await lease.store.call("release_lease", lease.terms)
        assert (await lease.store.call("take_lease", {**lease.terms, "holder": "another"}))["held"]
        async with httpx.AsyncClient(headers={"xi-api-key": bench.sandbox.key}) as client:
            (await client.patch(url, json=newer)).raise_for_status()
        monkeypatch.setattr(module, "_clock", lambda: time.monotonic() + 1e9)

    monkeypatch.setattr(Bindings, "say", slept)
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Hilf langsam.\n")
    with bench.writes() as writes:
        code, _, err = bench("sync", "--yes")
    assert (code, [one["method"] for one in writes]) == (1, ["PATCH"]), err
    assert "this sync slept longer than its lease, and another may have started" in err
    assert bench.agent()["conversation_config"]["agent"]["prompt"]["prompt"] == "Hilf sofort."


async def test_a_cancellation_from_outside_stays_one() -> None:
    machine, inside = Machine(), asyncio.Event()

    async def work() -> None:
        async with exclusive(machine):  # type: ignore[arg-type]
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert machine.calls == ["take_lease", "release_lease"]


def test_only_a_sign_on_this_machine_that_nobody_holds_proves_a_holder_dead() -> None:
    # Another machine may have this one's name, and a process number that is nobody's here.
    namesake = Holder(Holder.ourselves().node, 3_999_999, "0123456789abcdef")
    assert not namesake.is_dead
    with namesake.alive():
        assert not Holder.parse(str(namesake)).is_dead
    assert not namesake.is_dead, "it gave its sign back"
    sign = Path(tempfile.gettempdir()) / "agentctl-0123456789abcdef.lock"
    sign.touch()
    assert Holder.parse(str(namesake)).is_dead
    assert not sign.exists()


@pytest.mark.parametrize("holder", ["machine", "machine 42 7 a b", "machine 42 seven a", "m 4026531836 7 aaaa", ""])
async def test_a_holder_that_another_version_wrote_is_named_and_not_taken_for_dead(holder: str) -> None:
    calls = []

    class Foreign(Machine):
        async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
            calls.append(function)
            return {"held": False, "holder": holder, "since": NOW, "expires_at": NOW}

    with pytest.raises(Busy, match=f"another sync of this project is running: {holder}, since"):
        async with exclusive(Foreign()):  # type: ignore[arg-type]
            pass
    assert calls == ["take_lease"]
