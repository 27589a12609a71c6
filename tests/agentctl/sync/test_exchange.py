"""What would be let go of or taken on is looked at first, and what somebody edited of it is not exchanged unasked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from agentctl.errors import Stale, Unreachable
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Keyed, Observed, Ref, Scope, Traits
from agentctl.sync.plan import Change, Plan
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing
from tests.agentctl.sync.test_opaque import Sealed

pytestmark = pytest.mark.anyio
SCOPE = Scope("shop", "production", "api.example.org")
DOCUMENT = Ref("document", "desk")


class World:
    """Documents, their indexes, and agents that have them."""

    def __init__(self) -> None:
        self.platform = Platform()
        self.documents = Sealed("document", self.platform)
        index = Thing("index", self.platform, traits=Traits(part_of="of"))
        self.kinds: list[Any] = [self.documents, index, Thing("agent", self.platform, lists={"docs": Keyed(by="id")})]

    async def planned(self, *specs: Any) -> Plan:
        return await plan(self.kinds, specs, await Bindings(self.platform, SCOPE).load())

    async def synced(self, *specs: Any, **how: Any) -> Applied:
        return await self.applied(await self.planned(*specs), **how)

    async def applied(self, found: Plan, **how: Any) -> Applied:
        return await apply(found, self.kinds, await Bindings(self.platform, SCOPE).load(), **how)

    def docs(self, key: str = "desk") -> list[str]:
        """What the agent of that key has."""
        agents = self.platform.objects["agent"]
        return [one["id"] for i, body in agents.items() if i.startswith(f"{key}#") for one in body["docs"]]


def desk(*docs: Ref, key: str = "desk", name: str = "Desk") -> dict[str, Any]:
    return {"key": key, "agent": {"name": name, "docs": [{"id": one} for one in docs]}}


OWN = {"key": "desk", "document": {"name": "hours", "digest": "one", "place": "hall"}}


@pytest.fixture
async def world() -> World:
    """A document that its agent has."""
    world = World()
    assert (await world.synced(OWN, desk(DOCUMENT))).ok
    return world


async def test_nothing_is_looked_at_that_stays_where_it_is_and_what_is_as_it_was_goes(world: World) -> None:
    world.documents.looks.clear()
    assert (await world.planned(OWN, desk(DOCUMENT, name="Lobby"))).changes
    assert world.documents.looks == []
    assert (await world.synced(desk())).ok
    assert world.docs() == []
    assert (await world.planned(desk())).empty


@pytest.mark.parametrize("later", [0, 60])
async def test_what_was_edited_stays_with_its_agent_and_all_else_is_written(world: World, later: int) -> None:
    world.documents.edit("by hand", later=later)
    for _ in range(2):
        done = await world.synced(desk(name="Lobby"))
        assert (done.ok, [one.awaits for one in done.held]) == (True, [((("docs",), DOCUMENT),)])
        assert world.docs() == [world.documents.id]
    assert [body["name"] for body in world.platform.objects["agent"].values()] == ["Lobby"]
    done = await world.synced(desk(), take_ours=True)
    assert (done.held, world.docs()) == ((), [])


@pytest.mark.parametrize("later", [0, 60])
async def test_one_that_would_take_on_what_was_edited_waits_and_so_does_what_leads_to_it(
    world: World, later: int
) -> None:
    world.kinds.append(Thing("number", world.platform))
    world.documents.edit("by hand", later=later)
    wanted = [OWN, desk(DOCUMENT), {**desk(DOCUMENT, key="hall"), "number": {"rings_at": Ref("agent", "hall")}}]
    for _ in range(2):
        done = await world.synced(*wanted)
        assert (done.ok, {one.desired.kind for one in done.held}) == (True, {"document", "agent", "number"})
        assert (world.docs("hall"), world.docs()) == ([], [world.documents.id])
    done = await world.synced(*wanted, take_ours=True)
    assert (done.ok, done.held, world.docs("hall")) == (True, (), [world.documents.id])
    assert (await world.planned(*wanted)).empty


async def test_a_part_of_what_was_edited_is_nobody_who_hears_of_it(world: World) -> None:
    parted = {**OWN, "index": {"of": DOCUMENT}}
    world.documents.edit("by hand", later=60)
    done = await world.synced(parted, desk(DOCUMENT))
    assert {one.desired.kind for one in done.held} == {"document"}
    assert world.platform.objects["index"]


async def test_one_that_cannot_be_looked_at_is_not_taken_for_unchanged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(remote_id: str) -> Observed:
        raise Unreachable("no answer")

    monkeypatch.setattr(world.documents, "read", silent)
    done = await world.synced(desk())
    assert [(one.ref.kind, str(one.error)) for one in done.failures] == [("agent", "no answer")]
    assert world.docs() == [world.documents.id]


async def test_one_that_is_gone_or_of_which_nothing_is_remembered_is_let_go_of(world: World) -> None:
    del world.platform.applied[("document", "desk")]["~fingerprint"]
    world.documents.edit("by hand", later=60)
    assert not (await world.planned(desk())).foreign
    world.platform.objects["document"].clear()
    assert (await world.synced(desk())).ok
    assert world.docs() == []


@pytest.mark.parametrize("way", ["let go of", "taken on"])
async def test_what_is_edited_while_a_person_decides_is_not_exchanged(world: World, way: str) -> None:
    hall = desk(DOCUMENT, key="hall")
    wanted = [desk()] if way == "let go of" else [OWN, desk(DOCUMENT), hall]
    found = await world.planned(*wanted)
    assert not found.foreign
    world.documents.edit("by hand", later=60)
    done = await world.applied(found)
    assert [(one.ref.kind, type(one.error)) for one in done.failures] == [("agent", Stale)]
    assert "document desk was edited at the platform meanwhile" in str(done.failures[0].error)
    assert (world.docs(), world.docs("hall")) == ([world.documents.id], [])
    done = await world.synced(*wanted)
    assert ([one.desired.kind for one in done.held][-1], done.failures) == ("agent", ())
    found = await world.planned(*wanted)
    world.documents.edit("once more", later=60)
    stopped = await world.applied(found, take_ours=True)
    assert [type(one.error) for one in stopped.failures][:1] == [Stale], "the yes was to another edit"
    assert world.documents.texts[world.documents.id] == "once more"
    assert (await world.synced(*wanted, take_ours=True)).ok
    assert len(world.docs("hall")) == (way == "taken on")


@pytest.mark.parametrize("which", ["old", "new"])
async def test_what_is_edited_while_a_gate_decides_stays_with_its_agent(world: World, which: str) -> None:
    world.documents.immutable, world.documents.marks = frozenset({"digest"}), True
    old, news = world.documents.id, {**OWN, "document": {**OWN["document"], "digest": "two"}}

    class Tests:
        async def admit(self, change: Change, remote_id: str, planned: Mapping[str, Any]) -> None:
            (new,) = world.documents.texts.keys() - {old}
            world.documents.texts[old if which == "old" else new] = "by hand"

    found = await world.planned(news, desk(DOCUMENT))
    done = await world.applied(found, gate=Tests())
    assert [type(one.error) for one in done.failures] == [Stale]
    assert (world.docs(), "by hand" in world.documents.texts.values()) == ([old], True)
    done = await world.synced(news, desk(DOCUMENT))
    assert ({one.desired.kind for one in done.held}, world.docs()) == ({"document", "agent"}, [old])


async def test_only_what_is_exchanged_is_looked_at_again(world: World) -> None:
    found = await world.planned(OWN, desk(DOCUMENT, name="Lobby"))
    world.documents.looks.clear()
    assert (await world.applied(found)).ok
    assert world.documents.looks == []
    found = await world.planned(desk(name="Lobby"))
    world.documents.looks.clear()
    assert (await world.applied(found)).ok
    assert world.documents.looks == [world.documents.id]
    new = {"key": "hall", "document": OWN["document"]}
    world.documents.looks.clear()
    assert (await world.synced(new, desk(Ref("document", "hall"), key="hall"))).ok
    made = world.docs("hall")
    assert [one for one in world.documents.looks if one in made] == made, "by its create: it is as it was made"
