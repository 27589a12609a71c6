"""A write whose answer was lost: what it said is our own word, and only that may be written over without a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Keyed, Ref, Scope, Traits
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Plan
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio
TRANSFERS = {"to": Keyed(owned=True)}
TOOLS = {"tools": Keyed(by="name", open=True, owned=True), **TRANSFERS}
DESK, NIGHT = Ref("agent", "desk"), Ref("agent", "night")


def kinds(platform: Platform, *, free: bool = True) -> list[Any]:
    return [
        Thing("document", platform),
        Thing("agent", platform, lists=TOOLS, free=free),
        Thing("row", platform, traits=Traits(internal=True)),
    ]


async def planned(platform: Platform, specs: Sequence[Any], *, free: bool = True) -> Plan:
    bindings = await Bindings(platform, Scope("p", "e", "w")).load()
    return await plan(kinds(platform, free=free), specs, bindings, patience=Patience(()))


async def synced(platform: Platform, specs: Sequence[Any], *, take_ours: bool = False, free: bool = True) -> Applied:
    bindings = await Bindings(platform, Scope("p", "e", "w")).load()
    found = await planned(platform, specs, free=free)
    return await apply(found, kinds(platform), bindings, take_ours=take_ours, patience=Patience(()))


async def cut_off(specs: Sequence[Any], *kinds: str) -> Platform:
    """A world in which the creates of some kinds had no answer."""
    platform = Platform(lost={(kind, spec["key"]) for spec in specs for kind in kinds})
    assert not (await synced(platform, specs)).ok
    platform.lost.clear()
    return platform


def held(applied: Applied) -> list[str]:
    return [edit.path for one in applied.held for edit in one.held(take_ours=False, destroy=False)]


def desk(name: str = "ours", **more: Any) -> dict[str, Any]:
    return {"key": "desk", "agent": {"name": name, "voice": {"id": "v"}, **more}}


def agent(platform: Platform, key: str = "desk") -> dict[str, Any]:
    (found,) = (body for name, body in platform.objects["agent"].items() if name.startswith(f"{key}#"))
    return found


async def test_an_edit_made_there_since_is_held_back_for_as_long_as_nobody_decides() -> None:
    platform = await cut_off([desk()], "agent")
    agent(platform)["voice"]["id"] = "theirs"
    found = await planned(platform, [desk()])
    assert [(edit.path, edit.origin) for edit in found.changes[0].edits] == [("voice.id", "there")]
    for _ in range(2):
        applied = await synced(platform, [desk()])
        assert ([one.desired.key for one in applied.held], applied.done) == (["desk"], ())
        assert agent(platform) == {"name": "ours", "voice": {"id": "theirs"}}
    # By then it is drift like any other, beside which a change made here is written.
    applied = await synced(platform, [desk("new")])
    assert agent(platform) == {"name": "new", "voice": {"id": "theirs"}}
    assert (await synced(platform, [desk("new")], take_ours=True)).ok
    assert agent(platform) == {"name": "new", "voice": {"id": "v"}}


async def test_what_nobody_changed_is_taken_up_as_it_is() -> None:
    platform = await cut_off([desk()], "agent")
    found = await planned(platform, [desk()])
    assert (found.changes, found.notices) == ((), ())
    assert (await synced(platform, [desk()])).ok
    assert platform.intents == set()
    assert (await planned(platform, [desk("new")])).changes[0].edits[0].origin == "here"


async def test_a_file_that_changed_since_is_told_from_what_somebody_changed_there() -> None:
    platform = await cut_off([desk()], "agent")
    agent(platform)["voice"]["id"] = "theirs"
    applied = await synced(platform, [desk("new")])
    assert (held(applied), len(applied.done)) == (["voice.id"], 1)
    assert agent(platform) == {"name": "new", "voice": {"id": "theirs"}}


async def test_of_two_attempts_the_one_that_was_made_is_what_was_said() -> None:
    platform = Platform(failing={("agent", "desk")})
    assert not (await synced(platform, [desk("one")])).ok
    platform.failing.clear()
    platform.lost.add(("agent", "desk"))
    assert not (await synced(platform, [desk("two")])).ok
    platform.lost.clear()
    applied = await synced(platform, [desk("three")])
    assert (applied.held, agent(platform)["name"]) == ((), "three")


async def test_what_such_a_create_could_not_say_is_said_now() -> None:
    both = [
        {"key": "desk", "agent": {"name": "d", "to": {"other": {"id": NIGHT}}}},
        {"key": "night", "agent": {"name": "n", "to": {"other": {"id": DESK}}}},
    ]
    platform = Platform(lost={("agent", "desk")})
    assert not (await synced(platform, both)).ok
    platform.lost.clear()
    assert "to" not in agent(platform)
    applied = await synced(platform, both)
    assert (applied.ok, applied.held) == (True, ())
    assert agent(platform)["to"] == {"other": {"id": platform.bindings["agent", "night"]}}
    assert (await planned(platform, both)).empty
    # Declared since, and not there: neither a field nor what it refers to.
    platform = await cut_off([desk()], "agent")
    menu = {"key": "menu", "document": {"digest": "1"}}
    more = desk(docs=[{"id": Ref("document", "menu")}], greeting="hello")
    applied = await synced(platform, [menu, more])
    assert (applied.ok, applied.held) == (True, ())
    assert agent(platform)["docs"] == [{"id": platform.bindings["document", "menu"]}]


async def test_what_nobody_else_writes_is_a_change_made_here() -> None:
    def spec(text: str) -> dict[str, Any]:
        return {"key": "menu", "document": {"digest": text}, "row": {"to": text}}

    platform = await cut_off([spec("one")], "document", "row")
    applied = await synced(platform, [spec("two")])
    assert (applied.ok, applied.held) == (True, ())
    assert [*platform.objects["document"].values()] == [{"digest": "two"}]
    assert [*platform.objects["row"].values()] == [{"to": "two"}]


async def edited(before: dict[str, Any], after: dict[str, Any], *, arrives: bool = True) -> Platform:
    """A world in which an edit had no answer, whether or not it arrived."""
    platform = Platform()
    assert (await synced(platform, [before])).ok
    platform.lost |= {("agent", "desk")} if arrives else set()
    platform.failing |= set() if arrives else {("agent", "desk")}
    assert not (await synced(platform, [after])).ok
    platform.lost.clear()
    platform.failing.clear()
    return platform


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_field_may_be_edited_again_after_an_edit_without_an_answer(arrives: bool) -> None:
    platform = await edited(desk("one"), desk("two"), arrives=arrives)
    applied = await synced(platform, [desk("three")])
    assert (applied.ok, applied.held, agent(platform)["name"]) == (True, (), "three")
    platform = await edited(desk("one"), desk("two"), arrives=arrives)
    assert (await synced(platform, [desk("one")])).ok
    assert (agent(platform)["name"], (await planned(platform, [desk("one")])).empty) == ("one", True)


@pytest.mark.parametrize("arrives", [True, False])
async def test_what_somebody_changed_there_after_such_an_edit_is_held_back(arrives: bool) -> None:
    platform = await edited(desk("one"), desk("two"), arrives=arrives)
    agent(platform)["voice"]["id"] = "theirs"
    applied = await synced(platform, [desk("three")])
    assert (held(applied), agent(platform)) == (
        ["voice.id"],
        {"name": "three", "voice": {"id": "theirs"}},
    )
    platform = await edited(desk("one"), desk("two"), arrives=arrives)
    agent(platform)["name"] = "theirs"
    for name in ("three", "three", "one"):
        assert (await synced(platform, [desk(name)])).held
        assert agent(platform)["name"] == "theirs"


async def test_what_was_said_once_is_not_ours_for_ever() -> None:
    platform = await edited(desk("one"), desk("two"), arrives=False)
    assert (await synced(platform, [desk("one")])).ok
    agent(platform)["name"] = "two"
    assert (await synced(platform, [desk("one")])).held


def tools(*names: str, **to: Any) -> dict[str, Any]:
    return desk(**({"tools": [{"name": name} for name in names]} if names else {}), **({"to": to} if to else {}))


@pytest.mark.parametrize("arrives", [True, False])
async def test_entries_are_ours_and_go_also_after_such_an_edit(arrives: bool) -> None:
    none, some = tools(), tools("a", "b", x={"id": 1}, y={"id": 2})
    one, other = tools("a", x={"id": 1}), tools("b", y={"id": 2})
    for first, lost, last in ((none, some, one), (some, one, none), (some, none, other), (one, other, some)):
        platform = await edited(first, lost, arrives=arrives)
        agent(platform).setdefault("tools", []).append({"name": "theirs"})
        applied = await synced(platform, [last])
        assert (applied.ok, applied.held) == (True, ()), (first, lost, last)
        wanted = last["agent"]
        there = agent(platform)
        assert sorted(entry["name"] for entry in there["tools"]) == sorted(
            [*(entry["name"] for entry in wanted.get("tools", ())), "theirs"]
        )
        assert {k: v for k, v in there.get("to", {}).items() if v is not None} == wanted.get("to", {})
        assert (await planned(platform, [last])).empty


async def test_what_was_made_and_bound_but_never_looked_at_is_as_a_create_without_an_answer() -> None:
    platform = Platform(unreadable={"agent"})
    assert not (await synced(platform, [desk()])).ok
    assert ("agent", "desk") in platform.bindings
    platform.unreadable.clear()
    agent(platform)["name"] = "theirs"
    for _ in range(2):
        assert held(await synced(platform, [desk()])) == ["name"]
    assert held(await synced(platform, [desk("new")])) == ["name"]
    assert agent(platform)["name"] == "theirs"
    agent(platform)["name"] = "ours"
    assert not (await synced(platform, [desk("new")])).held
    assert agent(platform)["name"] == "new"


async def test_what_somebody_took_away_after_such_a_create_stays_away() -> None:
    platform = await cut_off([desk(to={"x": {"id": 1}})], "agent")
    agent(platform).update(to={}, voice=None)
    for _ in range(2):
        assert held(await synced(platform, [desk(to={"x": {"id": 1}})])) == ["voice.id", "to.x.id"]
    assert agent(platform) == {"name": "ours", "voice": None, "to": {}}


@pytest.mark.parametrize("last", [{"greeting": "two", "to": {"x": {"id": 1, "n": 2}}}, {"greeting": "three"}, {}])
async def test_what_such_an_edit_declared_first_and_somebody_changed_there_is_held_back(last: dict[str, Any]) -> None:
    platform = await edited(desk(), desk(greeting="two", to={"x": {"id": 1, "n": 2}}))
    agent(platform)["greeting"] = "theirs"
    agent(platform)["to"]["x"]["n"] = 3
    before = agent(platform).copy()
    for _ in range(2):
        applied = await synced(platform, [desk(**last)])
        assert set(held(applied)) >= {"to.x.n"} if "to" in last else {"to.x"}
        assert ("greeting" in held(applied)) == ("greeting" in last)
        assert agent(platform) == before


async def test_what_such_an_edit_declared_first_and_never_arrived_is_ours_to_write() -> None:
    platform = await edited(desk(), desk(greeting="two", to={"x": {"id": 1}}), arrives=False)
    applied = await synced(platform, [desk(greeting="three", to={"x": {"id": 2}})])
    assert (applied.ok, applied.held) == (True, ())
    assert (agent(platform)["greeting"], agent(platform)["to"]) == ("three", {"x": {"id": 2}})


STRANGERS: dict[str, Any] = {"name": "theirs", "voice": {"id": "v"}}


async def taken_over(*, arrives: bool) -> Platform:
    """A world in which somebody said that ours counts for what others use, and had no answer."""
    platform = Platform(objects={"agent": {"desk#0": {**STRANGERS}}})
    platform.lost |= {("agent", "desk")} if arrives else set()
    platform.failing |= set() if arrives else {("agent", "desk")}
    assert not (await synced(platform, [desk("one")], take_ours=True, free=False)).ok
    assert platform.bindings == {}
    platform.lost.clear()
    platform.failing.clear()
    return platform


async def test_what_was_taken_over_is_ours_although_nobody_heard_the_answer() -> None:
    platform = await taken_over(arrives=True)
    applied = await synced(platform, [desk("two")], free=False)
    assert (applied.ok, applied.held, agent(platform)["name"]) == (True, (), "two")
    assert platform.bindings == {("agent", "desk"): "desk#0"}
    assert platform.intents == set()


@pytest.mark.parametrize(("arrives", "name"), [(False, "theirs"), (False, "new"), (True, "theirs"), (True, "new")])
async def test_what_was_not_taken_or_taken_back_since_is_theirs(arrives: bool, name: str) -> None:
    platform = await taken_over(arrives=arrives)
    agent(platform)["name"] = name
    for _ in range(2):
        assert held(await synced(platform, [desk("two")], free=False)) == ["name"]
        assert (agent(platform)["name"], platform.bindings) == (name, {})
    assert (await synced(platform, [desk("two")], take_ours=True, free=False)).ok
    assert agent(platform)["name"] == "two"


async def test_what_was_not_taken_and_is_gone_since_is_made_as_if_it_never_had_been_there() -> None:
    platform = await taken_over(arrives=False)
    platform.objects["agent"].clear()
    assert (await synced(platform, [desk("two")], free=False)).ok
    assert agent(platform)["name"] == "two"


async def test_what_was_made_and_never_heard_of_is_ours_where_others_may_use_it() -> None:
    platform = await cut_off([desk("one")], "agent")
    applied = await synced(platform, [desk("two")], free=False)
    assert (applied.ok, applied.held, agent(platform)["name"]) == (True, (), "two")
    platform = await cut_off([desk("one")], "agent")
    agent(platform)["name"] = "theirs"
    assert held(await synced(platform, [desk("two")], free=False)) == ["name"]
