"""Taking a number over and giving it back as a library: look, decide, act."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agentctl.errors import NotFound, UsageError
from agentctl.verbs import number, release
from agentctl.verbs.takeover import Takeover
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


def _steps(control: Control, found: Takeover) -> list[number.Step]:
    return list(number._Import(control, found, None).steps())
