"""Taking a number over and giving it back as a library: look, decide, act."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Any

import pytest

from agentctl.errors import Busy, NotFound, Stale, SyncError, UsageError
from agentctl.resources.phone_number import PhoneNumber
from agentctl.sync.kind import Desired
from agentctl.verbs.numbers import number, reimport, release
from agentctl.verbs.numbers.takeover import Takeover
from agentctl.wiring import Control, connect
from tests.telephony import NUMBER, OLD_FLOW, QUIET, Bench, bench

__all__ = ["bench"]
pytestmark = pytest.mark.anyio


@pytest.fixture
async def control(bench: Bench) -> AsyncIterator[Control]:
    async with connect(bench.root) as opened:
        yield opened


async def test_a_look_writes_nothing_and_says_why_a_yes_is_needed(bench: Bench, control: Control) -> None:
    with bench.writes() as writes:
        busy = await number.look(control, NUMBER, "empfang")
        quiet = await number.look(control, QUIET, "empfang")
    assert writes == []
    assert busy.needs_yes == (f"in use at Twilio: voice_url is {OLD_FLOW}",)
    assert quiet.needs_yes == ()
    assert busy.fresh
    assert not busy.declared
    assert not busy.nothing_to_do


async def test_import_and_release_are_each_others_inverse(bench: Bench, control: Control) -> None:
    before = bench.at_twilio()
    imported = await number.import_number(control, await number.look(control, NUMBER, "empfang"))
    assert imported.rings
    assert imported.changed
    assert imported.agent_id == bench.agent()["agent_id"]
    async with connect(bench.root) as fresh:
        again = await number.look(fresh, NUMBER, "empfang")
        assert again.nothing_to_do
        assert not (await number.import_number(fresh, again)).changed
        departure = await release.look(fresh, NUMBER)
        assert departure.needs_yes == ()
        assert departure.declared_in == ("assistants/empfang/assistant.toml",)
        released = await release.release(fresh, departure)
    assert released.deleted
    assert released.restored
    assert bench.at_twilio() == before


async def test_what_somebody_makes_of_a_number_right_after_its_import_stays(
    bench: Bench, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = (await control.api.post("/v1/convai/agents/create", json={"conversation_config": {}}))["agent_id"]
    create = PhoneNumber.create

    async def raced(self: PhoneNumber, desired: Desired, body: Mapping[str, Any]) -> str:
        made = await create(self, desired, body)
        await control.api.patch("/v1/convai/phone-numbers/{made}", json={"agent_id": other}, made=made)
        return made

    monkeypatch.setattr(PhoneNumber, "create", raced)
    with pytest.raises(SyncError, match="given to another agent at ElevenLabs since it was imported"):
        await number.import_number(control, await number.look(control, NUMBER, "empfang"))
    (entry,) = bench.sandbox.state()["numbers"].values()
    assert entry["agent_id"] == other
    async with connect(bench.root) as fresh:
        again = await number.look(fresh, NUMBER, "empfang")
        assert any(other in reason for reason in again.needs_yes)


async def test_a_takeover_that_was_interrupted_anywhere_is_finished_by_the_next(bench: Bench, control: Control) -> None:
    before = bench.at_twilio()
    found = await number.look(control, NUMBER, "empfang", fallback=OLD_FLOW)
    # Killed after each of its steps in turn, then looked at anew, as a new process does.
    steps = [name for name, _ in _steps(control, found)]
    for at in range(len(steps)):
        for _, step in _steps(control, await number.look(control, NUMBER, "empfang", fallback=OLD_FLOW))[: at + 1]:
            await step()
    async with connect(bench.root) as fresh:
        assert (await number.look(fresh, NUMBER, "empfang", fallback=OLD_FLOW)).nothing_to_do
        assert len(bench.sandbox.state()["numbers"]) == 1
        await release.release(fresh, await release.look(fresh, NUMBER))
    assert bench.at_twilio() == before


async def test_what_cannot_be_meant_is_refused_before_anybody_is_asked(bench: Bench, control: Control) -> None:
    bench.sandbox.clear_log()
    for arguments in (("089", "empfang"), (NUMBER, "nobody")):
        with pytest.raises(UsageError):
            await number.look(control, *arguments)
    assert bench.sandbox.log() == []
    with pytest.raises(NotFound):
        await number.look(control, "+498999998999", "empfang")


async def test_a_number_comes_to_no_agent_of_which_the_store_does_not_know_whose_it_is(
    bench: Bench, control: Control
) -> None:
    store, scope = await control.store(), asdict(control.scope)
    (row,) = await store.call("assistants", {**scope, "key": "empfang"})
    settings = {name: row[name] for name in ("key", "name", "language", "agent_id", "tenant", "post_call")}
    for unlike in (None, {"tenant": "others"}, {"agent_id": "agent_of_before"}):
        await store.call("remove_assistant", {**scope, "key": "empfang"})
        if unlike:
            await store.call("save_assistant", {**scope, **settings, **unlike})
        with bench.writes() as writes, pytest.raises(UsageError, match="does not know yet whose") as refused:
            await number.look(control, NUMBER, "empfang")
        assert writes == []
        assert refused.value.hint == "Sync it first: agentctl sync --only empfang"
    assert await store.call("route", {"phone_number": NUMBER}) is None


async def test_of_two_imports_at_once_one_takes_the_number_over(bench: Bench, control: Control) -> None:
    before = bench.at_twilio()
    async with connect(bench.root) as other:
        found = [(one, await number.look(one, NUMBER, "empfang")) for one in (control, other)]
        with bench.writes() as writes:
            ended = await asyncio.gather(*(number.import_number(*pair) for pair in found), return_exceptions=True)
        (done,) = [one for one in ended if isinstance(one, number.Imported)]
        (refused,) = [one for one in ended if one is not done]
        assert isinstance(refused, Busy | Stale)
        assert [entry["method"] for entry in writes if entry["server"] == "elevenlabs"] == ["POST"]
        with bench.writes() as late, pytest.raises(Stale, match="nothing was written"):
            await number.import_number(*found[1])
        assert late == []
        await release.release(other, await release.look(other, NUMBER))
    assert bench.at_twilio() == before


async def test_what_nobody_was_asked_about_is_not_cut_off(bench: Bench, control: Control) -> None:
    found = await number.look(control, QUIET, "empfang")
    assert found.needs_yes == ()
    in_use = {"voice_url": "https://phone.example.org/new-flow"}
    await control.twilio.update_number(found.incoming.sid, **in_use)
    with bench.writes() as writes, pytest.raises(Stale, match="nothing was written"):
        await number.import_number(control, found)
    assert writes == []
    assert await (await control.store()).call("route", {"phone_number": QUIET}) is None


async def test_a_release_beside_a_reimport_takes_nothing_from_it(bench: Bench, control: Control) -> None:
    await number.import_number(control, await number.look(control, NUMBER, "empfang"))
    before = bench.at_twilio()
    async with connect(bench.root) as other:
        departure = await release.look(other, NUMBER)
        anew = await reimport.look(control, NUMBER, "empfang")
        under_way, released = asyncio.Event(), asyncio.Event()
        write = control.twilio.update_number

        async def paused(sid: str, **values: str) -> Any:
            under_way.set()
            await released.wait()
            return await write(sid, **values)

        control.twilio.update_number = paused  # type: ignore[method-assign]

        async def beside() -> None:
            await under_way.wait()
            try:
                with pytest.raises(Busy):
                    await release.release(other, departure)
            finally:
                released.set()

        await asyncio.gather(reimport.reimport(control, anew), beside())
        with pytest.raises(Stale, match="nothing was written"):
            await release.release(other, departure)
    assert bench.at_twilio() == before
    assert bench.call()["reached"]


async def test_of_two_releases_at_once_one_restores(bench: Bench, control: Control) -> None:
    before = bench.at_twilio()
    await number.import_number(control, await number.look(control, NUMBER, "empfang"))
    async with connect(bench.root) as other:
        found = [(one, await release.look(one, NUMBER)) for one in (control, other)]
        ended = await asyncio.gather(*(release.release(*pair) for pair in found), return_exceptions=True)
    (done,) = [one for one in ended if isinstance(one, release.Released)]
    (refused,) = [one for one in ended if one is not done]
    assert isinstance(refused, Busy | Stale)
    assert done.deleted
    assert bench.at_twilio() == before


def _steps(control: Control, found: Takeover) -> list[number.Step]:
    return list(number._Import(control, found).steps())
