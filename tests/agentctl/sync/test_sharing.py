"""Who else uses an object decides whether it is edited under them, and whether it is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from agentctl.errors import InUse, Unreachable
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref, Scope, Shared, Traits, User
from agentctl.sync.plan import Plan
from agentctl.sync.planning import plan
from agentctl.sync.sharing import named
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio
SCOPE = Scope("shop", "production", "api.example.org")


@dataclass
class Lent(Thing):
    """A thing that agents of the platform use: ours by their `docs`, others by `strangers`."""

    strangers: dict[str, str] = field(default_factory=dict)
    unreachable: bool = False
    asked: list[str] = field(default_factory=list)

    def felt(self, changed: frozenset[str]) -> bool:
        return "text" in changed

    async def users(self, remote_id: str) -> Sequence[User]:
        self.asked.append(remote_id)
        if self.unreachable:
            raise Unreachable("no answer")
        agents = self.platform.objects.get("agent", {})
        ours = [i for i, body in agents.items() if {"id": remote_id} in body.get("docs", [])]
        theirs = [name for name, used in self.strangers.items() if used == remote_id]
        return [*(User(i, i) for i in ours), *(User(name, f"agent {name}") for name in theirs)]

    async def delete(self, remote_id: str) -> None:
        if users := await self.users(remote_id):
            raise InUse(f"used by {named(users)}")
        await super().delete(remote_id)


@dataclass
class Bench:
    """A platform with a document that agents share."""

    platform: Platform
    document: Lent

    @property
    def kinds(self) -> list[Any]:
        return [self.document, Thing("agent", self.platform)]

    async def planned(self, specs: Sequence[Any], **how: Any) -> Plan:
        return await plan(self.kinds, specs, await Bindings(self.platform, SCOPE).load(), **how)

    async def synced(self, specs: Sequence[Any], **how: Any) -> Applied:
        found = await self.planned(specs, **how)
        return await apply(found, self.kinds, await Bindings(self.platform, SCOPE).load())


@pytest.fixture
def bench() -> Bench:
    platform = Platform()
    return Bench(platform, Lent("document", platform, marks=True))


def specs(text: str, *keys: str) -> list[Any]:
    """Agents that share one document with this text."""
    shared = {"key": "menu", "document": {"text": text}}
    return [shared, *({"key": key, "agent": {"docs": [{"id": Ref("document", "menu")}]}} for key in keys)]


def writes(bench: Bench, since: int = 0) -> list[tuple[str, str]]:
    return [write[:2] for write in bench.platform.writes[since:]]


async def test_what_only_parties_of_the_plan_use_is_edited_in_place(bench: Bench) -> None:
    await bench.synced(specs("old", "desk", "night"))
    before = len(bench.platform.writes)
    assert (await bench.synced(specs("new", "desk", "night"))).ok
    assert writes(bench, before) == [("update", "document")]


async def test_nobody_is_asked_for_users_while_nothing_is_edited(bench: Bench) -> None:
    await bench.synced(specs("old", "desk"))
    bench.document.asked.clear()
    await bench.synced(specs("old", "desk"), prune=True)
    assert bench.document.asked == []


async def test_what_a_stranger_uses_is_replaced_and_stays(bench: Bench) -> None:
    await bench.synced(specs("old", "desk"))
    old = bench.platform.bindings["document", "menu"]
    bench.document.strangers["theirs"] = old
    before = len(bench.platform.writes)
    applied = await bench.synced(specs("new", "desk"))
    assert applied.ok
    assert writes(bench, before) == [("create", "document"), ("update", "agent")]
    assert bench.platform.objects["document"][old] == {"text": "old"}
    assert [str(left.error) for left in applied.left] == ["used by agent theirs"]
    assert applied.plan.changes[0].others == "agent theirs"


async def test_one_that_lets_go_in_this_plan_has_not_agreed_but_the_old_one_goes(bench: Bench) -> None:
    await bench.synced(specs("old", "desk", "night"))
    before = len(bench.platform.writes)
    alone = [*specs("new", "desk"), {"key": "night", "agent": {"docs": []}}]
    assert (await bench.synced(alone)).left == ()
    assert writes(bench, before) == [
        ("create", "document"),
        ("update", "agent"),
        ("update", "agent"),
        ("delete", "document"),
    ]


async def test_users_that_cannot_be_asked_for_fail_that_resource_alone(bench: Bench) -> None:
    await bench.synced(specs("old", "desk"))
    bench.document.unreachable = True
    found = await bench.planned([*specs("new", "desk"), {"key": "night", "agent": {"docs": []}}])
    assert [failure.ref for failure in found.failures][:1] == [Ref("document", "menu")]
    assert Ref("agent", "night") in {change.desired.ref for change in found.changes}


async def test_prune_spares_what_a_stranger_uses_and_says_who(bench: Bench) -> None:
    await bench.synced(specs("old", "desk"))
    bench.document.strangers["theirs"] = bench.platform.bindings["document", "menu"]
    applied = await bench.synced([{"key": "desk", "agent": {"docs": []}}], prune=True)
    assert applied.ok
    assert applied.plan.orphans == (Ref("document", "menu"),)
    (notice,) = applied.plan.notices
    assert (notice.where, "agent theirs" in notice.what) == ("document menu", True)
    assert ("delete", "document") not in writes(bench)


async def test_prune_spares_what_one_of_ours_uses_that_is_not_written_and_what_it_used_where_that_failed(
    bench: Bench,
) -> None:
    await bench.synced(specs("old", "desk"))
    undeclared = [{"key": "desk", "agent": {}}]  # what is not declared is left as it is
    applied = await bench.synced(undeclared, prune=True)
    assert (applied.plan.changes, applied.plan.orphans) == ((), (Ref("document", "menu"),))
    assert "is used by desk#" in applied.plan.notices[0].what
    bench.platform.failing.add(("agent", "desk"))
    applied = await bench.synced([{"key": "desk", "agent": {"docs": []}}], prune=True)
    assert [left.ref for left in applied.left] == [Ref("document", "menu")]
    bench.platform.failing.clear()
    assert (await bench.synced([{"key": "desk", "agent": {"docs": []}}], prune=True)).left == ()
    assert bench.platform.objects["document"] == {}


async def test_prune_deletes_what_only_those_use_who_go_as_well(bench: Bench) -> None:
    await bench.synced(specs("old", "desk"))
    applied = await bench.synced([], prune=True)
    assert (applied.ok, applied.left) == (True, ())
    assert bench.platform.objects == {"document": {}, "agent": {}}


async def test_a_stranger_who_comes_between_plan_and_delete_keeps_it_and_is_no_failure(bench: Bench) -> None:
    await bench.synced(specs("old", "desk"))
    found = await bench.planned([], prune=True)
    bench.document.strangers["theirs"] = bench.platform.bindings["document", "menu"]
    applied = await apply(found, bench.kinds, await Bindings(bench.platform, SCOPE).load())
    assert applied.ok
    assert [left.ref for left in applied.left] == [Ref("document", "menu")]
    assert ("document", "menu") in bench.platform.bindings


async def test_a_create_that_may_be_sent_twice_leaves_no_intent(bench: Bench) -> None:
    kind = Thing("index", bench.platform, traits=Traits(repeatable=True))
    assert not isinstance(Thing("index", bench.platform), Shared)
    bench.platform.lost.add(("index", "menu"))
    found = await plan([kind], [{"key": "menu", "index": {"of": 1}}], await Bindings(bench.platform, SCOPE).load())
    assert not (await apply(found, [kind], await Bindings(bench.platform, SCOPE).load())).ok
    assert bench.platform.intents == set()


def test_many_users_are_named_by_a_few() -> None:
    assert named([User(str(i), f"agent {i}") for i in range(5)]) == "agent 0, agent 1, agent 2 and 2 more"
