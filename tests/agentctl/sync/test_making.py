"""What somebody does to a resource in the moment after it was made, before the run that made it has looked."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from agentctl.errors import Unreachable
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Keyed, Ref, Scope
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio
DESK = {"key": "desk", "agent": {"name": "Desk", "voice": {"id": "v", "speed": 1}}}
BOTH = [
    {"key": "desk", "agent": {"name": "Desk", "to": {"other": Ref("agent", "night")}}},
    {"key": "night", "agent": {"name": "Night", "to": {"other": Ref("agent", "desk")}}},
]


@dataclass
class Hasty(Thing):
    """Somebody edits what has just been made: by its key, what is set then. `failing`: creates that do not work."""

    lists: Mapping[str, Keyed] = field(default_factory=lambda: {"to": Keyed(owned=True)})
    meanwhile: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        if desired.key in self.failing:
            raise Unreachable(f"no answer while making {desired.key}")
        remote_id = await super().create(desired, body)
        self.platform.objects[self.name][remote_id] |= copy.deepcopy(dict(self.meanwhile.pop(desired.key, {})))
        return remote_id


async def run(kind: Hasty, specs: Sequence[Any], *, take_ours: bool = False) -> Applied:
    bindings = await Bindings(kind.platform, Scope("p", "e", "w")).load()
    return await apply(await plan([kind], specs, bindings), [kind], bindings, take_ours=take_ours)


def there(kind: Hasty, key: str = "desk") -> dict[str, Any]:
    found: dict[str, Any] = kind.platform.objects["agent"][kind.platform.bindings["agent", key]]
    return found


def held(applied: Applied) -> list[tuple[str, str, str]]:
    return [(one.desired.key, edit.path, edit.origin) for one in applied.held for edit in one.foreign]


@pytest.mark.parametrize("voice", [{"speed": 2}, {}, None])
@pytest.mark.parametrize("take_ours", [False, True])
async def test_what_somebody_set_is_drift_in_this_run_and_in_the_next(take_ours: bool, voice: Any) -> None:
    theirs = {"name": "theirs", "voice": {"id": "v", "speed": None} if voice is None else {"id": "v", **voice}}
    kind = Hasty("agent", Platform(), meanwhile={"desk": theirs})
    first = await run(kind, [DESK], take_ours=take_ours)  # of this, nobody was asked
    assert (first.failures, [one.desired.key for one in first.done]) == ((), ["desk"])
    assert held(first) == held(await run(kind, [DESK])) == [("desk", "name", "there"), ("desk", "voice.speed", "there")]
    assert (there(kind), len(kind.platform.writes)) == (theirs, 1)
    assert (await run(kind, [DESK], take_ours=True)).ok
    assert there(kind) == DESK["agent"]


async def test_what_a_create_did_not_take_is_said_once_more() -> None:
    kind = Hasty("agent", Platform(), meanwhile={"desk": {"name": None, "voice": {}}})
    applied = await run(kind, [DESK])
    assert (applied.ok, applied.held, there(kind)) == (True, (), DESK["agent"])


async def test_of_two_that_lead_to_each_other_both_do_so_beside_an_edit_of_one() -> None:
    kind = Hasty("agent", Platform(), meanwhile={"desk": {"name": "theirs"}})
    applied = await run(kind, BOTH)
    assert (applied.ok, held(applied)) == (True, [("desk", "name", "there")])
    ids = kind.platform.bindings
    assert there(kind) == {"name": "theirs", "to": {"other": ids["agent", "night"]}}
    assert there(kind, "night") == {"name": "Night", "to": {"other": ids["agent", "desk"]}}


async def test_where_somebody_said_first_what_a_create_could_not_that_stays() -> None:
    kind = Hasty("agent", Platform(), meanwhile={"desk": {"to": {"other": "agent_theirs"}}})
    applied = await run(kind, BOTH)
    assert (applied.ok, held(applied)) == (True, [("desk", "to.other", "there")])
    assert (there(kind)["to"], held(await run(kind, BOTH))) == (
        {"other": "agent_theirs"},
        [("desk", "to.other", "there")],
    )


async def test_the_failure_of_the_other_one_is_the_reason_that_is_told() -> None:
    kind = Hasty("agent", Platform(), meanwhile={"desk": {"name": "theirs"}}, failing={"night"})
    applied = await run(kind, BOTH)
    told = {one.ref.key: one.error.message for one in applied.failures}
    assert told["desk"] == "agent desk was made without to.other, because agent night was not"
    assert (held(applied), there(kind)) == ([("desk", "name", "there")], {"name": "theirs"})
    kind.failing.clear()
    applied = await run(kind, BOTH)
    assert (applied.ok, held(applied), there(kind)["name"]) == (True, [("desk", "name", "there")], "theirs")
