"""An edit whose answer was lost: looked for, and sent again only while all is there as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from agentctl.errors import AnswerLost, Stale
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Observed, Scope
from agentctl.sync.patience import telling
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio


@dataclass
class Losing(Thing):
    """Loses the answers to `losses` edits; `arrives`: which of them are carried out. Time is told in `pauses`."""

    losses: int = 0
    arrives: bool = False
    meanwhile: Mapping[str, Any] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)
    sent: int = 0
    told: list[str] = field(default_factory=list)

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        self.sent += 1
        if not self.losses:
            return await super().update(remote_id, desired, patch)
        self.losses -= 1
        if self.arrives:
            await super().update(remote_id, desired, patch)
        raise AnswerLost(f"no answer to the edit of {desired.key}", "Look first.")

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.platform.objects[self.name]["desk#0"].update(self.meanwhile)


async def run(kind: Losing, name: str, **declared: str) -> Applied:
    bindings = await Bindings(kind.platform, Scope("p", "e", "w")).load()
    patience = replace(telling(kind.told.append), pauses=(1, 2), sleep=kind.pause)
    found = await plan([kind], [{"key": "desk", "agent": {"name": name, **declared}}], bindings, patience=patience)
    return await apply(found, [kind], bindings, patience=patience)


async def made(**how: Any) -> Losing:
    kind = Losing("agent", Platform())
    assert (await run(kind, "one")).ok
    for name, value in how.items():
        setattr(kind, name, value)
    return kind


async def test_what_never_arrived_is_sent_again() -> None:
    kind = await made(losses=2)
    assert (await run(kind, "two")).ok
    assert (kind.sent, kind.pauses, kind.platform.objects["agent"]["desk#0"]["name"]) == (3, [1, 2], "two")


async def test_what_arrived_is_not_sent_again() -> None:
    kind = await made(losses=1, arrives=True)
    assert (await run(kind, "two")).ok
    assert (kind.sent, kind.pauses) == (1, [1])
    assert kind.told == ["looking again in 1 s for agent desk: its edit had no answer, and may have arrived"]


@pytest.mark.parametrize("arrives", [True, False])
async def test_what_somebody_wrote_meanwhile_is_not_written_over(arrives: bool) -> None:
    kind = await made(losses=1, arrives=arrives, meanwhile={"name": "theirs"})
    applied = await run(kind, "two")
    assert [type(failure.error) for failure in applied.failures] == [Stale]
    assert (kind.sent, kind.platform.objects["agent"]["desk#0"]["name"]) == (1, "theirs")
    assert (await run(kind, "two")).held


async def test_another_field_that_somebody_wrote_meanwhile_is_no_reason() -> None:
    kind = await made(losses=1, arrives=True, meanwhile={"voice": "theirs"})
    assert (await run(kind, "two")).ok


async def test_another_declared_field_that_somebody_wrote_meanwhile_was_not_ignored_but_changed() -> None:
    kind = Losing("agent", Platform())
    assert (await run(kind, "one", voice="ours")).ok
    kind.losses, kind.arrives, kind.meanwhile = 1, True, {"voice": "theirs"}
    (failure,) = (await run(kind, "two", voice="ours")).failures
    assert isinstance(failure.error, Stale)
    assert "voice was changed at the platform" in failure.error.message
    (change,) = (await run(kind, "two", voice="ours")).held
    assert [(edit.path, edit.origin) for edit in change.edits] == [("voice", "there")]


async def test_one_that_never_gets_through_says_that_running_it_again_is_safe() -> None:
    kind = await made(losses=9)
    applied = await run(kind, "two")
    (failure,) = applied.failures
    assert "it looks first" in (failure.error.hint or "")
    kind.losses = 0
    assert (await run(kind, "three")).ok
