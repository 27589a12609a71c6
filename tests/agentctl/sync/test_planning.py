"""A whole plan: what is nobody's of ours, and creates that were cut off and that nobody waits for any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Ref, Scope, Sighting, Traits, User
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Plan, Unmanaged
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio

DESK = {"key": "desk", "agent": {"name": "Desk"}}
DOOR = {"key": "door", "agent": {"name": "Door"}}


@pytest.fixture
def platform() -> Platform:
    return Platform()


@dataclass
class Watchful(Thing):
    """Notes in each look what is not among the ids that this look was given, as the kind of agents does."""

    unbound: list[User] = field(default_factory=list)

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        there = self.platform.objects.setdefault(self.name, {})
        self.unbound = [User(i, body["name"]) for i, body in there.items() if i not in bound.values()]
        return await super().observe(wanted, bound)

    def unmanaged(self) -> Sequence[User]:
        return self.unbound


async def planned(platform: Platform, specs: Sequence[Any], **how: Any) -> Plan:
    async def no_time(seconds: float) -> None:
        """A pause that takes none."""

    kind = how.pop("kind", None) or Thing("agent", platform, marks=True)
    bindings = await Bindings(platform, Scope("p", "e", "w")).load()
    return await plan([kind], specs, bindings, patience=Patience((1,), sleep=no_time), **how)


async def test_what_is_bound_is_managed_although_the_second_look_asks_for_others(platform: Platform) -> None:
    platform.objects["agent"] = {"desk": {"name": "Desk"}, "theirs": {"name": "Theirs"}}
    platform.bindings[("agent", "desk")], platform.applied[("agent", "desk")] = "desk", {"name": "Desk"}
    platform.intents.add(("agent", "door"))  # looked for once more, without what is bound
    kind = Watchful("agent", platform)
    found = await planned(platform, [DESK, DOOR], kind=kind)
    assert {one.remote_id for one in kind.unmanaged()} == {"desk", "theirs"}
    assert found.unmanaged == (Unmanaged("agent", "theirs", "Theirs"),)


@pytest.mark.parametrize(
    ("left", "hours", "whole", "specs", "abandoned"),
    [
        ("nothing", 2, True, [DESK], True),
        ("nothing", 0, True, [DESK], False),  # the list may lag behind
        ("an object with our mark", 2, True, [DESK], False),
        ("a binding", 2, True, [DESK], False),  # it is an orphan
        ("nothing", 2, False, [DESK], False),  # it may be declared and not chosen
        ("nothing", 2, True, [DESK, DOOR], False),  # it is declared
        ("nothing", 2, True, [], False),  # a kind that has nothing to look for does not look
    ],
)
async def test_only_a_create_without_any_trace_is_abandoned(
    platform: Platform, left: str, hours: int, whole: bool, specs: Sequence[Any], abandoned: bool
) -> None:
    platform.intents.add(("agent", "door"))
    platform.intended_at -= timedelta(hours=hours)
    if left == "an object with our mark":
        platform.objects["agent"] = {"door#1": {"name": "Door"}}
    if left == "a binding":
        platform.bindings[("agent", "door")], platform.applied[("agent", "door")] = "door#1", {}
    found = await planned(platform, specs, whole=whole)
    assert found.abandoned == ((Ref("agent", "door"),) if abandoned else ())


@dataclass
class Tagged(Thing):
    """One object may carry the marks of two keys."""

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        found = [self._observed(i) for i in self.platform.objects[self.name]]
        return {"desk": found, "door": found}


@pytest.mark.parametrize("bound", [{}, {"door": "one"}, {"desk": "one", "door": "one"}])
async def test_what_is_taken_up_under_one_key_is_not_deleted_under_another(
    platform: Platform, bound: Mapping[str, str]
) -> None:
    platform.objects["agent"] = {"one": {"name": "Desk"}}
    for key, remote_id in bound.items():
        platform.bindings["agent", key], platform.applied["agent", key] = remote_id, {"name": "Desk"}
    found = await planned(platform, [DESK], kind=Tagged("agent", platform), prune=True)
    # Bound to the other one alone, it is not taken up either: making another one is held back.
    doubted = [("create", True)] if bound == {"door": "one"} else []
    assert [(one.action, bool(one.doubt)) for one in found.changes] == doubted


async def test_what_is_not_looked_for_where_it_is_not_declared_is_not_abandoned(platform: Platform) -> None:
    platform.intents.add(("agent", "door"))
    platform.intended_at -= timedelta(hours=2)
    kind = Thing("agent", platform, traits=Traits(prunable=False))
    assert (await planned(platform, [DESK], kind=kind)).abandoned == ()
