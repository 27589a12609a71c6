"""Entries with an owner, over a platform in memory: merged maps, replaced maps, refs among one kind, what destroys."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.errors import AnswerLost, Blocked, Ignored, Rejected, Stale
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit, contains
from agentctl.sync.entries import edited, postponed
from agentctl.sync.kind import Desired, Keyed, Observed, Peril, Ref, Scope
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Plan
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio
SCOPE = Scope("shop", "production", "api.example.org")
LISTS = {
    "items": Keyed(owned=True, whole=True),
    "tools": Keyed(owned=True),
    "rules": Keyed(by="id", owned=True),
}
PERIL = Peril(at=("privacy",), destroys=lambda before, after: "old letters" if after.get("shred") else "")


@dataclass
class Desk(Thing):
    """A kind whose maps `items` and `tools` have entries of several owners. `maps`: what a PATCH does to `items`."""

    lists: Mapping[str, Keyed] = field(default_factory=lambda: LISTS)
    maps: str = "replaced"

    def desired(self, spec: Mapping[str, Any]) -> Any:
        yield Desired(
            self.name, spec["key"], spec["body"], "desk.toml", perils=(PERIL,), partial=spec.get("partial", False)
        )

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        if self.maps == "merged, null refused" and None in (patch.get("items") or {}).values():
            raise Rejected("items.x: Input should be a valid dictionary", status=422)
        observed = await super().update(remote_id, desired, patch)
        mine = self.platform.objects[self.name][remote_id]
        if self.maps == "replaced" and "items" in patch:
            mine["items"] = copy.deepcopy(dict(patch["items"]))
        for name in ("items", "tools"):
            mine[name] = {key: value for key, value in (mine.get(name) or {}).items() if value is not None}
        return replace(observed, body=copy.deepcopy(mine))


@dataclass
class Losing(Desk):
    """Loses the answer to the first null, which has arrived or not; `meanwhile` is what somebody writes then."""

    maps: str = "merged"
    arrives: bool = False
    meanwhile: Mapping[str, Any] = field(default_factory=dict)
    nulls: int = 0

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        asked = None in (patch.get("items") or {}).values()
        self.nulls += asked
        if not asked or self.nulls > 1:
            return await super().update(remote_id, desired, patch)
        if self.arrives:
            await super().update(remote_id, desired, patch)
        self.platform.objects[self.name][remote_id].update(self.meanwhile)
        raise AnswerLost("no answer to the null")


async def planned(platform: Platform, *specs: Any, maps: str = "replaced") -> Plan:
    return await plan([Desk("desk", platform, maps=maps)], specs, await Bindings(platform, SCOPE).load())


async def synced(platform: Platform, *specs: Any, maps: str = "replaced", **how: bool) -> Applied:
    found = await planned(platform, *specs, maps=maps)
    return await apply(found, [Desk("desk", platform, maps=maps)], await Bindings(platform, SCOPE).load(), **how)


def desk(key: str = "front", **body: Any) -> dict[str, Any]:
    return {"key": key, "body": {"name": key, **body}}


def there(platform: Platform, key: str = "front") -> dict[str, Any]:
    return platform.objects["desk"][platform.bindings["desk", key]]


@pytest.mark.parametrize("maps", ["replaced", "merged"])
async def test_an_entry_that_is_declared_no_longer_goes_whatever_a_patch_does_to_a_map(maps: str) -> None:
    platform = Platform()
    await synced(platform, desk(items={"a": {"n": 1}, "b": {"n": 2}}, tools={"x": {"n": 1}}), maps=maps)
    there(platform)["items"] |= {"theirs": {"n": 9}, "b": {"n": 2, "colour": "red"}}
    there(platform)["tools"]["theirs"] = {"n": 9}
    less = desk(items={"b": {"n": 3}})
    assert [edit.path for edit in (await planned(platform, less, maps=maps)).changes[0].edits] == [
        "items.b.n",
        "items.a",
        "tools.x",
    ]
    assert (await synced(platform, less, maps=maps)).ok
    assert there(platform)["items"] == {"theirs": {"n": 9}, "b": {"n": 3, "colour": "red"}}
    assert there(platform)["tools"] == {"theirs": {"n": 9}}
    assert (await planned(platform, less, maps=maps)).empty
    there(platform)["items"]["a"] = {"n": 1}
    assert (await planned(platform, less, maps=maps)).empty, "somebody else's now"


async def test_an_entry_that_the_platform_does_not_let_go_of_is_an_error_every_time() -> None:
    platform, maps = Platform(), "merged, null refused"
    await synced(platform, desk(items={"a": {"n": 1}}), maps=maps)
    for _ in range(2):
        (failure,) = (await synced(platform, desk(), maps=maps)).failures
        assert isinstance(failure.error, Ignored)
        assert "does not let go of items.a" in failure.error.message


@pytest.mark.parametrize(
    ("arrives", "meanwhile", "nulls"),
    [(False, {}, 2), (True, {}, 1), (True, {"colour": "red"}, 1), (False, {"colour": "red"}, 1)],
)
async def test_a_null_whose_answer_was_lost_is_looked_for_and_sent_again_only_over_what_was_seen(
    arrives: bool, meanwhile: Mapping[str, Any], nulls: int
) -> None:
    platform = Platform()
    await synced(platform, desk(items={"a": {"n": 1}}), maps="merged")
    there(platform)["colour"] = "blue"
    kind = Losing("desk", platform, arrives=arrives, meanwhile=meanwhile)
    bindings = await Bindings(platform, SCOPE).load()
    found = await plan([kind], [desk(name="new")], bindings)
    applied = await apply(found, [kind], bindings, patience=Patience(pauses=(0,)))
    assert (kind.nulls, there(platform)["items"]) == (nulls, {} if arrives or not meanwhile else {"a": {"n": 1}})
    assert [type(failure.error) for failure in applied.failures] == ([Stale] if meanwhile and not arrives else [])
    assert (await synced(platform, desk(name="new"), maps="merged")).ok
    assert there(platform) == {"name": "new", "items": {}, "tools": {}, "colour": "blue", **meanwhile}


async def test_a_list_that_is_declared_no_longer_loses_our_entries_only() -> None:
    platform = Platform()
    await synced(platform, desk(rules=[{"id": "ours", "n": 1}]))
    there(platform)["rules"].append({"id": "theirs"})
    assert (await synced(platform, desk())).ok
    assert there(platform)["rules"] == [{"id": "theirs"}]
    assert (await planned(platform, desk())).empty


async def test_an_entry_that_was_changed_there_stays_and_is_named() -> None:
    platform = Platform()
    await synced(platform, desk(items={"a": {"n": 1}}, tools={"x": {"n": 1}}))
    there(platform)["items"]["a"]["n"] = 5
    (held,) = (await synced(platform, desk())).held
    assert [edit.path for edit in held.foreign] == ["items.a"]
    assert (there(platform)["items"], there(platform)["tools"]) == ({"a": {"n": 5}}, {})
    assert (await synced(platform, desk(), take_ours=True)).ok
    assert there(platform)["items"] == {}


async def test_what_went_on_both_sides_is_not_ours_any_more() -> None:
    platform = Platform()
    await synced(platform, desk(items={"a": {"n": 1}}, rules=[{"id": "ours"}]))
    there(platform).update(items={}, rules=[])
    assert (await synced(platform, desk())).plan.empty
    there(platform).update(items={"a": {"n": 1}}, rules=[{"id": "ours"}])
    assert (await planned(platform, desk())).empty


async def test_what_was_never_applied_here_is_never_taken_away() -> None:
    platform = Platform()
    await synced(platform, desk())
    there(platform).update(items={"a": {"n": 1}}, tools={"x": {}}, rules=[{"id": "theirs"}])
    assert (await planned(platform, desk())).empty
    await synced(platform, desk(items={"a": {"n": 1}}))
    part = {**desk(items={}), "partial": True}
    assert (await planned(platform, part)).empty, "what is declared in part says nothing of the rest"


async def test_two_that_refer_to_each_other_are_made_and_then_completed() -> None:
    platform = Platform()
    a = desk("a", items={"call": {"to": Ref("desk", "b")}, "other": {"n": 1}}, next=[Ref("desk", "b")])
    b = desk("b", items={"call": {"to": Ref("desk", "a")}})
    assert (await synced(platform, a, b)).ok
    verbs = sorted(write[:1] + write[2:] for write in platform.writes)
    assert verbs == [("create", "a"), ("create", "b"), ("update", "a"), ("update", "b")]
    ids = {key: platform.bindings["desk", key] for key in "ab"}
    assert there(platform, "a")["items"] == {"call": {"to": ids["b"]}, "other": {"n": 1}}
    assert there(platform, "a")["next"] == [ids["b"]]
    assert there(platform, "b")["items"] == {"call": {"to": ids["a"]}}
    assert (await planned(platform, a, b)).empty


async def test_one_that_is_there_waits_for_the_new_one_that_it_refers_to() -> None:
    platform = Platform()
    await synced(platform, desk("a"))
    assert (await synced(platform, desk("a", next=[Ref("desk", "b")]), desk("b"))).ok
    assert there(platform, "a")["next"] == [platform.bindings["desk", "b"]]


async def test_when_the_other_one_fails_the_first_is_made_and_the_next_run_completes_it() -> None:
    platform = Platform()
    platform.failing.add(("desk", "b"))
    pair = desk("a", items={"call": {"to": Ref("desk", "b")}}), desk("b", next=[Ref("desk", "a")])
    done = await synced(platform, *pair)
    assert {failure.ref.key for failure in done.failures} == {"a", "b"}
    (blocked,) = [failure.error for failure in done.failures if failure.ref.key == "a"]
    assert isinstance(blocked, Blocked)
    assert blocked.message == "desk a was made without items.call, because desk b was not"
    platform.failing.clear()
    assert (await synced(platform, *pair)).ok
    assert len(platform.objects["desk"]) == 2
    assert (await planned(platform, *pair)).empty


async def test_what_refers_to_one_that_was_deleted_there_is_held_back_with_it() -> None:
    platform = Platform()
    trio = desk("a", next=[Ref("desk", "b")]), desk("b"), desk("c", next=[Ref("desk", "a")])
    await synced(platform, desk("b"))
    del platform.objects["desk"][platform.bindings["desk", "b"]]
    done = await synced(platform, *trio)
    assert sorted(change.desired.key for change in done.held) == ["a", "b", "c"]
    assert platform.objects["desk"] == {}
    assert (await synced(platform, *trio, take_ours=True)).ok
    assert (await planned(platform, *trio)).empty


async def test_one_that_cannot_be_planned_blocks_those_of_its_kind_that_need_it() -> None:
    platform = Platform(objects={"desk": {"b#1": {}, "b#2": {}}})
    trio = desk("a", next=[Ref("desk", "b")]), desk("b"), desk("c", next=[Ref("desk", "a")])
    found = await planned(platform, *trio)
    assert found.changes == ()
    assert {failure.ref.key for failure in found.failures} == {"a", "b", "c"}


def test_a_part_that_waits_is_an_entry_or_a_field() -> None:
    later = {Ref("desk", "b")}
    body = {
        "items": {"call": {"deep": {"to": Ref("desk", "b")}}, "n": {}},
        "deep": {"next": [Ref("desk", "b")], "n": 1},
    }
    assert postponed(body, later, LISTS) == (("items", "call"), ("deep", "next"))
    assert postponed(body, set(), LISTS) == ()


async def test_what_destroys_needs_a_yes_of_its_own_and_the_rest_is_done() -> None:
    platform = Platform()
    shred = {"privacy": {"shred": True, "days": 3}}
    assert (await synced(platform, desk("new", **shred))).ok, "a new one has nothing to lose"
    await synced(platform, desk(privacy={"days": 9}))
    wanted = desk(**shred) | {"body": {"name": "Front desk", **shred}}
    found = await planned(platform, wanted)
    assert [change.destroys for change in found.destructive] == [("old letters",)]
    for how in ({}, {"take_ours": True}):
        done = await synced(platform, wanted, **how)
        assert [change.desired.key for change in done.held] == ["front"]
        assert there(platform)["privacy"] == {"days": 9}
        assert there(platform)["name"] == "Front desk"
    done = await synced(platform, wanted, destroy=True)
    assert (done.ok, done.held) == (True, ())
    assert there(platform)["privacy"] == {"shred": True, "days": 3}
    assert (await planned(platform, wanted)).empty


async def test_a_part_that_can_destroy_is_written_as_it_was_judged_or_not_at_all() -> None:
    platform = Platform()
    await synced(platform, desk(privacy={"days": -1}))
    there(platform)["privacy"]["days"] = 5  # by hand, for those to come; with "shred" it would hold for the old ones
    wanted = desk(privacy={"days": -1, "shred": True})
    done = await synced(platform, wanted, destroy=True)
    assert there(platform)["privacy"] == {"days": 5}, "nobody has said yes to letters older than 5 days"
    assert [change.desired.key for change in done.held] == ["front"]
    assert (await synced(platform, wanted, destroy=True, take_ours=True)).ok
    assert there(platform)["privacy"] == {"days": -1, "shred": True}


NAMES = st.sampled_from(["a", "b", "c"])
ENTRY = st.dictionaries(st.sampled_from(["n", "m"]), st.integers(0, 2) | st.none(), min_size=1)
BODY = st.fixed_dictionaries(
    {}, optional={"items": st.dictionaries(NAMES, ENTRY), "tools": st.dictionaries(NAMES, ENTRY)}
)


@settings(max_examples=300, deadline=None)
@given(first=BODY, theirs=BODY, then=BODY, maps=st.sampled_from(["replaced", "merged"]))
async def test_in_any_world_ours_go_theirs_stay_and_the_next_plan_is_empty(
    first: Any, theirs: Any, then: Any, maps: str
) -> None:
    platform = Platform()
    await synced(platform, desk(**first), maps=maps)
    for name, entries in theirs.items():
        there(platform).setdefault(name, {}).update(copy.deepcopy(entries))
    before = copy.deepcopy(there(platform))
    done = await synced(platform, desk(**then), maps=maps, take_ours=True)
    assert done.ok
    after = there(platform)
    for name in ("items", "tools"):
        declared, had = then.get(name, {}), first.get(name, {})
        assert contains(declared, after.get(name, {}))
        assert set(after.get(name, {})) == set(declared) | (set(before.get(name, {})) - set(had))
        others = set(before.get(name, {})) - set(had) - set(declared)
        assert all(after[name][other] == before[name][other] for other in others)
    writes = len(platform.writes)
    assert (await synced(platform, desk(**then), maps=maps)).plan.empty
    assert len(platform.writes) == writes


def test_a_body_with_its_edits_made_has_what_stays_and_not_what_goes() -> None:
    body = {"name": "Desk", "items": {"ours": 1, "theirs": 2, "old": 3}, "rules": [{"id": "a"}], "tools": {"end": {}}}
    edits = (
        Edit(("name",), "Desk", "Night"),
        Edit(("items", "old"), 3, None, removes=True),
        Edit(("items", "new"), None, {"x": 1}),
        Edit(("rules",), [{"id": "a"}], [], removes=True),
        Edit(("tools", "end"), {}, None),
    )
    assert edited(body, edits) == {
        "name": "Night",
        "items": {"ours": 1, "theirs": 2, "new": {"x": 1}},
        "rules": [],
        "tools": {"end": None},
    }
    assert edited(body, ()) == body
