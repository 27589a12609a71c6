"""A create whose answer was lost: what is otherwise at what it made is somebody else's, and is not written over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Keyed, Ref, Scope
from agentctl.sync.plan import Plan
from agentctl.sync.planning import Patience, plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio
TRANSFERS = {"to": Keyed(owned=True)}
DESK, NIGHT = Ref("agent", "desk"), Ref("agent", "night")


@dataclass
class File(Thing):
    """Its content is told by a digest in its name."""

    stamps: frozenset[str] = field(default=frozenset({"digest"}))


@dataclass
class Row(Thing):
    """What lies in our own store."""

    internal: bool = True


def kinds(platform: Platform) -> list[Any]:
    return [File("document", platform), Thing("agent", platform, lists=TRANSFERS), Row("row", platform)]


async def planned(platform: Platform, specs: Sequence[Any]) -> Plan:
    bindings = await Bindings(platform, Scope("p", "e", "w")).load()
    return await plan(kinds(platform), specs, bindings, patience=Patience(()))


async def synced(platform: Platform, specs: Sequence[Any], *, take_ours: bool = False) -> Applied:
    bindings = await Bindings(platform, Scope("p", "e", "w")).load()
    return await apply(await planned(platform, specs), kinds(platform), bindings, take_ours=take_ours)


async def cut_off(specs: Sequence[Any], *kinds: str) -> Platform:
    """A world in which the creates of some kinds had no answer."""
    platform = Platform(lost={(kind, spec["key"]) for spec in specs for kind in kinds})
    assert not (await synced(platform, specs)).ok
    platform.lost.clear()
    return platform


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
    assert [str(notice) for notice in found.notices] == [
        "agent desk: the sync that made it never learned of it; what differs counts as changed at the platform since"
    ]
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


async def test_whether_a_file_changed_or_somebody_there_cannot_be_told() -> None:
    platform = await cut_off([desk()], "agent")
    assert (await synced(platform, [desk("new")])).held
    assert agent(platform)["name"] == "ours"


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
