"""What is declared no longer: it is deleted as it was left, or when ours counts; what is gone is said to be gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from agentctl.errors import UsageError
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.departure import staying
from agentctl.sync.kind import Keyed, Observed, Ref, Scope, Traits
from agentctl.sync.plan import Plan
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio
SCOPE = Scope("shop", "production", "api.example.org")
AGENT, DOCUMENT = Ref("agent", "desk"), Ref("document", "desk")
LISTS = {"docs": Keyed(by="id")}


class Row(Thing):
    """What our own store says of an agent; its id is a word."""

    async def create(self, desired: Any, body: Any) -> str:
        made = await super().create(desired, body)
        mine = self.platform.objects[self.name]
        mine[desired.key] = mine.pop(made)
        return str(desired.key)


def kinds(platform: Platform) -> list[Any]:
    return [
        Thing("document", platform, marks=True),
        Thing("index", platform, traits=Traits(part_of="of")),
        Thing("agent", platform, lists=LISTS, marks=True),
        Thing("bell", platform, traits=Traits(prunable=False)),
        Row("row", platform, traits=Traits(internal=True)),
    ]


DESK = {
    "key": "desk",
    "document": {"text": "nine to five"},
    "index": {"of": DOCUMENT},
    "agent": {"name": "Desk", "note": None, "docs": [{"id": DOCUMENT}]},
    "row": {"of": AGENT},
}
ALL = {"row", "agent", "index", "document"}


async def planned(platform: Platform, *specs: Any, prune: bool = True) -> Plan:
    return await plan(kinds(platform), specs, await Bindings(platform, SCOPE).load(), prune=prune)


async def synced(platform: Platform, *specs: Any, **how: Any) -> Applied:
    return await apply(await planned(platform, *specs), kinds(platform), await Bindings(platform, SCOPE).load(), **how)


async def made() -> Platform:
    platform = Platform()
    assert (await synced(platform, DESK)).ok
    return platform


def the(platform: Platform, kind: str) -> dict[str, Any]:
    (found,) = platform.objects[kind].values()
    return found


def names(changes: Sequence[Any]) -> set[str]:
    return {change.desired.kind for change in changes}


async def test_what_was_edited_there_is_deleted_only_when_ours_counts_and_so_is_what_belongs_to_it() -> None:
    platform = await made()
    the(platform, "agent")["name"] = "By hand"
    found = await planned(platform)
    assert [[(edit.path, edit.before, edit.after) for edit in one.foreign] for one in found.foreign] == [
        [("name", "By hand", "Desk")]
    ]
    before = len(platform.writes)
    for _ in range(2):
        done = await synced(platform)
        assert (done.ok, names(done.held), done.done, done.left) == (True, ALL, (), ())
    assert len(platform.writes) == before
    done = await synced(platform, take_ours=True)
    assert (done.ok, names(done.done)) == (True, ALL)
    assert not any(platform.objects.values())


async def test_what_uses_an_edited_one_goes_without_it() -> None:
    platform = await made()
    the(platform, "document")["text"] = "by hand"
    done = await synced(platform)
    assert (names(done.held), names(done.done)) == ({"document", "index"}, {"agent", "row"})


@pytest.mark.parametrize("why", ["its deletion fails", "others may use it", "it cannot be looked at"])
async def test_what_our_store_says_of_one_goes_after_it_and_stays_where_that_does(why: str) -> None:
    platform = await made()
    agent_id, wrong = platform.bindings["agent", "desk"], {"key": "hall", "agent": {"docs": Ref("document", "none")}}
    platform.failing = {("agent", agent_id)} if why == "its deletion fails" else set()
    platform.unreadable = {"agent"} if why == "it cannot be looked at" else set()
    done = await synced(platform, *([wrong] if why == "others may use it" else []))
    assert not done.ok
    assert {"agent", "row"}.isdisjoint(names(done.done))
    assert (the(platform, "row")["of"], agent_id in platform.objects["agent"]) == (agent_id, True)
    assert "row desk stays, since agent desk does" in [one.error.message for one in done.left]
    platform.failing, platform.unreadable = set(), set()
    assert (await synced(platform)).ok
    mine = [kind for verb, kind, _ in platform.writes if verb == "delete" and kind in ("agent", "row")]
    assert (mine, any(platform.objects.values())) == (["agent", "row"], False)


@pytest.mark.parametrize(("later", "held"), [(600, False), (3600, True)])
async def test_where_only_the_time_tells_of_an_edit_it_counts(later: int, held: bool) -> None:
    platform = Platform(touched=1_000_000)
    assert (await synced(platform, DESK)).ok
    platform.touched += later
    for _ in range(2):
        paths = {edit.path for one in (await planned(platform)).foreign for edit in one.foreign}
        assert paths == ({"touched"} if held else set())
        assert (await synced(platform, DESK)).ok  # a look in between, as cron has it, is no write


async def test_what_a_run_left_that_was_cut_off_was_edited_by_nobody() -> None:
    platform = await made()
    agent = ("agent", "desk")
    # The edit arrived, and its answer did not.
    platform.applied[agent]["~said"] = {"words": {"name": "Lobby"}, "was": {"name": "Desk"}}
    for there in ("Desk", "Lobby"):
        the(platform, "agent")["name"] = there
        assert not (await planned(platform)).foreign
    the(platform, "agent")["name"] = "By hand"
    assert (await planned(platform)).foreign
    # Nothing is remembered of it.
    del platform.bindings[agent]
    assert not (await planned(platform)).foreign


@pytest.mark.parametrize("prune", [False, True])
async def test_what_is_gone_already_is_told_so_and_not_deleted(prune: bool) -> None:
    platform = await made()
    platform.objects["document"].clear()
    the(platform, "agent")["docs"] = []  # as the platform leaves it
    found = await planned(platform, prune=prune)
    refs = {DOCUMENT, Ref("index", "desk")}
    assert (set(found.absent), {ref for ref, _ in found.lapsed}) == ((set(), refs) if prune else (refs, set()))
    assert set(found.absent) <= set(found.orphans)
    assert (names(found.changes), found.foreign) == ({"agent", "row"} if prune else set(), ())
    assert not found.failures


async def test_forgetting_is_not_safer_than_deleting() -> None:
    platform = Platform()
    specs = [{"key": f"desk{n}", "agent": {"name": "a"}} for n in range(12)]
    assert (await synced(platform, *specs)).ok
    for gone in list(platform.objects["agent"])[:6]:
        del platform.objects["agent"][gone]
    with pytest.raises(UsageError, match="6 of 12 agents would be deleted, forgotten or overwritten"):
        (await planned(platform, *specs[6:])).raise_if_unsafe()


async def test_what_led_to_one_that_is_gone_and_undeclared_was_changed_by_nobody() -> None:
    platform = Platform()
    away, here = ({"key": key, "agent": {"name": key}} for key in ("away", "here"))
    assert (await synced(platform, away, here, {"key": "bell", "bell": {"to": Ref("agent", "away")}})).ok
    # We deleted it, and were killed before anything could be remembered of that.
    del platform.objects["agent"][platform.bindings["agent", "away"]]
    the(platform, "bell")["to"] = None
    done = await synced(platform, here, {"key": "bell", "bell": {"to": Ref("agent", "here")}})
    assert (done.ok, done.held) == (True, ())
    assert the(platform, "bell")["to"] == platform.bindings["agent", "here"]


async def test_of_several_that_claim_to_be_one_none_goes_while_another_is_held_back() -> None:
    platform = await made()
    found = await planned(platform)
    (doomed,) = (one for one in found.changes if one.desired.kind == "agent")
    copy = replace(doomed, observed=Observed("copy", {}), doubt="probably not meant")
    both = [doomed, copy]
    assert staying(replace(found, changes=tuple(both)), kinds(platform), lambda one: bool(one.doubt)) == both


async def test_a_word_that_is_the_id_of_what_went_from_our_own_store_stays_a_word() -> None:
    platform = await made()
    other = {
        "key": "other",
        "agent": {"name": "desk", "note": "desk", "docs": []},
        "row": {"of": Ref("agent", "other")},
    }
    assert (await synced(platform, DESK, other)).ok
    assert (await synced(platform, other)).ok
    edited = {**other, "agent": {"name": "Lobby", "note": "desk", "docs": []}}
    done = await synced(platform, edited)
    assert (done.ok, done.held) == (True, ())


async def test_a_deletion_that_failed_is_no_edit_of_somebody_where_the_name_is_the_key() -> None:
    platform = Platform()
    desk = {**DESK, "agent": {"name": "desk", "note": None, "docs": []}}
    assert (await synced(platform, desk)).ok
    (agent_id,) = platform.objects["agent"]
    platform.refusing.add(("agent", agent_id))
    assert not (await synced(platform)).ok
    platform.refusing.clear()
    done = await synced(platform)
    assert (done.ok, done.held) == (True, ())


async def test_a_create_that_was_cut_off_ends_with_the_deletion_of_what_it_had_made() -> None:
    platform = await made()
    del platform.bindings["agent", "desk"]
    platform.intents.add(("agent", "desk"))
    assert (await synced(platform)).ok
    assert (platform.intents, platform.objects["agent"]) == (set(), {})
