"""What a replacement that was cut off has left behind: it goes with the next sync, unless somebody has it still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from agentctl.errors import SyncError, UsageError
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref, Scope
from agentctl.sync.plan import Plan
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing
from tests.agentctl.sync.test_sharing import Lent

pytestmark = pytest.mark.anyio
SCOPE = Scope("shop", "production", "api.example.org")
MENU = Ref("document", "menu")


@dataclass
class File(Lent):
    """A document that cannot be edited: another text is another one."""

    def replaces(self, desired: Any, changed: frozenset[str]) -> bool:
        return "text" in changed


@pytest.fixture
def platform() -> Platform:
    return Platform()


def kinds(platform: Platform) -> list[Any]:
    return [File("document", platform, marks=True), Thing("agent", platform)]


def specs(text: str, *keys: str) -> list[Any]:
    shared = {"key": "menu", "document": {"text": text}}
    return [shared, *({"key": key, "agent": {"docs": [{"id": MENU}]}} for key in keys)]


async def planned(platform: Platform, wanted: Sequence[Any], **how: Any) -> Plan:
    return await plan(kinds(platform), wanted, await Bindings(platform, SCOPE).load(), **how)


async def synced(platform: Platform, wanted: Sequence[Any], **how: Any) -> Applied:
    found = await planned(platform, wanted)
    return await apply(found, kinds(platform), await Bindings(platform, SCOPE).load(), **how)


def texts(platform: Platform) -> list[str]:
    return sorted(body["text"] for body in platform.objects["document"].values())


async def test_each_failed_attempt_is_cleared_away_by_the_next(platform: Platform) -> None:
    await synced(platform, specs("one", "desk"))
    platform.failing.add(("agent", "desk"))
    for text in ("two", "three", "four"):
        assert not (await synced(platform, specs(text, "desk"))).ok
        assert texts(platform) == sorted(["one", text])
    platform.failing.clear()
    found = await planned(platform, specs("four", "desk"))
    assert [(change.action, change.replaces) for change in found.changes] == [("delete", True), ("update", False)]
    assert found.orphans == ()
    assert (await synced(platform, specs("four", "desk"))).ok
    assert texts(platform) == ["four"]
    assert (await planned(platform, specs("four", "desk"))).empty
    assert platform.applied["document", "menu"] == {"text": "four"}


async def test_what_was_left_unbound_is_left_no_more_once_the_other_is_adopted(platform: Platform) -> None:
    await synced(platform, specs("one", "desk"))
    old = platform.bindings["document", "menu"]
    platform.failing.add(("agent", "desk"))
    await synced(platform, specs("two", "desk"))
    platform.failing.clear()
    # As if the run had been cut off before it could bind: the kind will find the new one by its content.
    new = platform.bindings["document", "menu"]
    platform.bindings["document", "menu"], platform.applied["document", "menu"] = old, {"text": "one"}

    class Finding(File):
        async def observe(self, wanted: Any, bound: Any) -> Any:
            seen = dict(await super().observe(wanted, bound))
            return {"menu": [self._observed(new)], old: [self._observed(old)]} if "menu" in seen else seen

    both = [Finding("document", platform, marks=True), kinds(platform)[1]]
    found = await plan(both, specs("two", "desk"), await Bindings(platform, SCOPE).load())
    assert found.settled[0].former == old
    platform.failing.add(("agent", "desk"))
    assert not (await apply(found, both, await Bindings(platform, SCOPE).load())).ok
    platform.failing.clear()
    assert (await synced(platform, specs("two", "desk"))).ok
    assert texts(platform) == ["two"]


async def test_one_that_strangers_have_is_an_orphan_until_they_let_go(platform: Platform) -> None:
    await synced(platform, specs("one", "desk", "night"))
    old = platform.bindings["document", "menu"]
    left = (await synced(platform, specs("two", "desk"))).left
    assert [failure.ref for failure in left] == [MENU]
    narrow = await planned(platform, specs("two", "desk"), whole=False)
    assert (narrow.changes, narrow.orphans) == ((), (Ref("document", old),))
    assert (await synced(platform, specs("two", "desk", "night"))).ok
    assert texts(platform) == ["two"]
    assert (await planned(platform, specs("two", "desk", "night"))).empty


async def test_going_back_takes_up_what_is_still_there_and_needs_no_force(platform: Platform) -> None:
    many = [{"key": f"menu{i}", "document": {"text": "one"}} for i in range(6)]
    users = [{"key": f"desk{i}", "agent": {"docs": [{"id": Ref("document", f"menu{i}")}]}} for i in range(6)]
    await synced(platform, [*many, *users])
    platform.failing |= {("agent", f"desk{i}") for i in range(6)}
    changed = [{**one, "document": {"text": "two"}} for one in many]
    assert not (await synced(platform, [*changed, *users])).ok
    platform.failing.clear()
    found = await planned(platform, [*changed, *users])
    assert found.counts()["delete"] == 6
    found.raise_if_unsafe()
    doomed = await planned(platform, [], prune=True)
    with pytest.raises(UsageError):
        doomed.raise_if_unsafe()


async def test_a_plan_without_the_users_can_leave_what_was_replaced(platform: Platform) -> None:
    docs = Thing("document", platform, marks=True, immutable=frozenset({"text"}))

    async def run(text: str, *others: Any, **how: Any) -> Applied:
        wanted = specs(text, *(["desk"] if others else []))
        found = await plan([docs, *others], wanted, await Bindings(platform, SCOPE).load())
        return await apply(found, [docs, *others], await Bindings(platform, SCOPE).load(), **how)

    assert (await run("one", Thing("agent", platform))).ok
    old = platform.bindings["document", "menu"]
    assert (await run("two", retire=False)).ok
    assert old in platform.objects["document"]
    assert (await run("two", Thing("agent", platform))).ok
    assert texts(platform) == ["two"]


async def test_a_gate_makes_a_new_one_of_what_its_users_would_feel(platform: Platform) -> None:
    both = [Lent("document", platform, marks=True), Thing("agent", platform)]
    wanted = await plan(both, specs("one", "desk"), await Bindings(platform, SCOPE).load())
    assert (await apply(wanted, both, await Bindings(platform, SCOPE).load())).ok
    for gated in (True, False):
        found = await plan(both, specs("two", "desk"), await Bindings(platform, SCOPE).load(), gated=gated)
        assert found.changes[0].replaces is gated


async def test_a_user_that_cannot_be_planned_keeps_what_it_has(platform: Platform) -> None:
    docs = Thing("document", platform, marks=True, immutable=frozenset({"text"}))
    agents = Thing("agent", platform)

    async def run(text: str) -> Applied:
        found = await plan([docs, agents], specs(text, "desk"), await Bindings(platform, SCOPE).load())
        return await apply(found, [docs, agents], await Bindings(platform, SCOPE).load())

    assert (await run("one")).ok
    (agent_id,) = platform.objects["agent"]
    agents.refusal, agents.refuses_changes = SyncError("no such voice"), True
    assert not (await run("two")).ok
    assert texts(platform) == ["one", "two"]
    agents.refusal = None
    assert (await run("two")).ok
    assert texts(platform) == ["two"]
    assert agent_id in platform.objects["agent"]
