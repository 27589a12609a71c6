"""plan and apply together, over a platform in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.errors import (
    AgentctlError,
    Ambiguous,
    Blocked,
    Ignored,
    Stale,
    SyncError,
    Unreachable,
    UsageError,
    Waiting,
)
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Keyed, Observed, Ref, Scope, Traits, User
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Plan
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio
SCOPE = Scope("shop", "production", "api.example.org")
DOC = {"key": "desk", "document": {"name": "hours", "text": "nine to five"}}
DESK = {**DOC, "agent": {"name": "Desk", "tags": ["ours"], "docs": [{"id": Ref("document", "desk")}]}}
LISTS = {"tags": Keyed(open=True), "docs": Keyed(by="id")}


def kinds(platform: Any, **changes: Any) -> list[Any]:
    return [
        Thing("document", platform, immutable=frozenset({"url"}), **changes.get("document", {})),
        Thing("agent", platform, lists=LISTS, **changes.get("agent", {})),
    ]


async def planned(platform: Any, specs: Sequence[Any], *, prune: bool = False, **changes: Any) -> Plan:
    bindings = await Bindings(platform, SCOPE).load()
    return await plan(kinds(platform, **changes), specs, bindings, prune=prune, patience=changes.get("patience"))


async def synced(
    platform: Any, specs: Sequence[Any], *, take_ours: bool = False, prune: bool = False, **changes: Any
) -> Applied:
    found = await planned(platform, specs, prune=prune, **changes)
    return await apply(found, kinds(platform, **changes), await Bindings(platform, SCOPE).load(), take_ours=take_ours)


async def test_a_first_sync_creates_in_order_and_a_second_writes_nothing() -> None:
    platform = Platform()
    first = await synced(platform, [DESK])
    assert first.ok
    assert [write[:2] for write in platform.writes] == [("create", "document"), ("create", "agent")]
    agent = next(iter(platform.objects["agent"].values()))
    assert agent["docs"] == [{"id": platform.bindings["document", "desk"]}]
    second = await synced(platform, [DESK])
    assert second.plan.empty
    assert len(platform.writes) == 2


class Crossing(Platform):
    """The later of two ends first."""

    def __init__(self) -> None:
        super().__init__()
        self.later = asyncio.Event()

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        answer = await super().call(function, args, timeout=timeout)
        if function == "bind":
            if args["key"] == "later":
                self.later.set()
            else:
                await self.later.wait()
        return answer


async def test_what_was_done_is_told_in_the_plans_order_whatever_ends_first() -> None:
    keys = ["earlier", "later"]
    done = await synced(Crossing(), [{"key": key, "agent": {"name": key}} for key in keys])
    assert [change.desired.key for change in done.done] == keys


async def test_a_plan_writes_nothing_and_shows_ids_that_are_not_known_yet() -> None:
    platform = Platform()
    found = await planned(platform, [DESK])
    assert not platform.writes
    assert not platform.bindings
    (edit,) = [edit for edit in found.changes[1].edits if edit.path == "docs"]
    assert edit.after == [{"id": Ref("document", "desk")}]


async def test_an_edit_writes_only_the_field_that_changed() -> None:
    platform = Platform()
    await synced(platform, [DESK])
    changed = {**DESK, "agent": {**DESK["agent"], "name": "Front desk"}}
    found = await planned(platform, [changed])
    assert [(edit.path, edit.before, edit.after) for edit in found.changes[0].edits] == [("name", "Desk", "Front desk")]
    assert (await synced(platform, [changed])).ok
    assert platform.writes[-1] == ("update", "agent", "desk")


async def test_what_is_not_declared_is_left_alone() -> None:
    platform = Platform()
    await synced(platform, [DESK])
    agent = next(iter(platform.objects["agent"].values()))
    agent |= {"voice": "theirs", "tags": ["ours", "theirs"]}
    assert (await planned(platform, [DESK])).empty
    await synced(platform, [{**DESK, "agent": {**DESK["agent"], "tags": ["ours", "more"]}}])
    assert agent["voice"] == "theirs"
    assert agent["tags"] == ["theirs", "ours", "more"]


async def test_an_object_without_binding_is_adopted_instead_of_made_twice() -> None:
    platform = Platform()
    await synced(platform, [DESK])
    platform.bindings.clear()
    again = await synced(platform, [DESK])
    assert again.ok
    assert len(platform.writes) == 2
    assert set(platform.bindings) == {("document", "desk"), ("agent", "desk")}


async def test_two_objects_that_claim_to_be_one_stop_that_resource_and_what_needs_it() -> None:
    platform = Platform(objects={"document": {"desk#1": {"name": "a"}, "desk#2": {"name": "b"}}})
    result = await synced(platform, [DESK, {"key": "other", "document": {"name": "x"}}])
    assert [type(failure.error) for failure in result.failures] == [Ambiguous, Blocked]
    assert "desk#1, desk#2" in str(result.failures[0].error)
    assert platform.writes == [("create", "document", "other")]


async def test_a_failed_write_stops_only_what_refers_to_it() -> None:
    platform = Platform(failing={("document", "desk")})
    result = await synced(platform, [DESK, {**DESK, "key": "lobby", "agent": {"name": "Lobby"}}])
    assert not result.ok
    assert [failure.ref.key for failure in result.failures] == ["desk", "desk"]
    assert [change.desired.key for change in result.done] == ["lobby", "lobby"]
    platform.failing.clear()
    assert (await synced(platform, [DESK])).ok
    assert (await planned(platform, [DESK])).empty


async def test_an_object_deleted_by_hand_is_made_again_only_if_ours_counts() -> None:
    platform = Platform()
    await synced(platform, [DESK])
    platform.objects["agent"].clear()
    held = await synced(platform, [DESK])
    assert [change.desired.key for change in held.held] == ["desk"]
    assert platform.objects["agent"] == {}
    assert (await synced(platform, [DESK], take_ours=True)).ok
    assert len(platform.objects["agent"]) == 1
    assert (await planned(platform, [DESK])).empty


async def test_what_refers_to_something_deleted_there_is_held_back_with_it() -> None:
    platform = Platform()
    await synced(platform, [DESK])
    platform.objects["document"].clear()
    result = await synced(platform, [DESK])
    assert result.ok
    assert [change.desired.kind for change in result.held] == ["document", "agent"]
    assert (await synced(platform, [DESK], take_ours=True)).ok
    assert (await planned(platform, [DESK])).empty


async def test_a_key_that_the_platform_drops_is_an_error_that_names_it() -> None:
    platform = Platform(ignored={"frist_message"})
    wrong = {"key": "desk", "agent": {"name": "Desk", "frist_message": "Hello"}}
    result = await synced(platform, [wrong])
    (failure,) = result.failures
    assert isinstance(failure.error, Ignored)
    assert "frist_message" in str(failure.error)
    assert "desk.toml" in str(failure.error)
    assert platform.bindings["agent", "desk"] in platform.objects["agent"]


async def test_what_cannot_be_edited_is_replaced_create_attach_delete() -> None:
    platform = Platform()
    page = {**DESK, "document": {"name": "page", "url": "https://example.org/1"}}
    await synced(platform, [page])
    old = platform.bindings["document", "desk"]
    moved = {**page, "document": {"name": "page", "url": "https://example.org/2"}}
    result = await synced(platform, [moved])
    assert result.ok
    assert platform.writes[2:] == [
        ("create", "document", "desk"),
        ("update", "agent", "desk"),
        ("delete", "document", old),
    ]
    assert (await planned(platform, [moved])).empty


async def test_a_replaced_object_stays_while_something_still_refers_to_it() -> None:
    platform = Platform()
    page = {**DESK, "document": {"name": "page", "url": "https://example.org/1"}}
    await synced(platform, [page])
    old = platform.bindings["document", "desk"]
    platform.failing.add(("agent", "desk"))
    result = await synced(platform, [{**page, "document": {"name": "page", "url": "https://example.org/2"}}])
    assert not result.ok
    assert old in platform.objects["document"]


async def test_a_resource_that_waits_for_a_person_does_not_fail_the_rest() -> None:
    platform = Platform()
    waiting = {"document": {"refusal": Waiting("not imported", "import it")}}
    found = await planned(platform, [DOC, {"key": "solo", "agent": {"name": "Solo"}}], **waiting)
    assert not found.failures
    assert [(waiting.where, str(waiting.error)) for waiting in found.waiting] == [
        ("desk.toml", "not imported\n  import it")
    ]
    assert [change.desired.key for change in found.changes] == ["solo"]


async def test_the_same_resource_declared_twice_differently_names_both() -> None:
    with pytest.raises(SyncError, match="declared twice and differently"):
        await planned(Platform(), [DOC, {**DOC, "document": {"name": "other"}}])


async def test_bindings_without_a_declaration_are_listed_as_orphans_and_left_alone() -> None:
    platform = Platform()
    await synced(platform, [DESK])
    found = await planned(platform, [])
    assert [str(ref.key) for ref in found.orphans] == ["desk", "desk"]
    assert found.empty


def origins(found: Plan) -> dict[str, str]:
    return {edit.path: edit.origin for change in found.changes for edit in change.edits}


async def agent_of(platform: Any, **fields: Any) -> dict[str, Any]:
    """An agent with these fields, synced once; returns the remote object."""
    assert (await synced(platform, [{"key": "desk", "agent": fields}])).ok
    found: dict[str, Any] = next(iter(platform.objects["agent"].values()))
    return found


async def test_a_plan_tells_changed_here_from_changed_there_and_from_both() -> None:
    platform = Platform()
    remote = await agent_of(platform, here=1, there=1, both=1, same=1)
    remote |= {"there": 2, "both": 2}
    found = await planned(platform, [{"key": "desk", "agent": {"here": 3, "there": 1, "both": 3, "same": 1}}])
    assert origins(found) == {"here": "here", "there": "there", "both": "both"}


async def test_what_was_changed_there_is_held_back_and_the_rest_is_done() -> None:
    platform = Platform()
    remote = await agent_of(platform, here=1, there=1, both=1)
    remote |= {"there": 2, "both": 2}
    wanted = {"key": "desk", "agent": {"here": 3, "there": 1, "both": 3}}
    result = await synced(platform, [wanted])
    assert result.ok
    assert remote == {"here": 3, "there": 2, "both": 2}
    assert [edit.path for edit in result.held[0].foreign] == ["there", "both"]
    assert origins(await planned(platform, [wanted])) == {"there": "there", "both": "both"}
    assert (await synced(platform, [wanted], take_ours=True)).ok
    assert remote == {"here": 3, "there": 1, "both": 3}
    assert (await planned(platform, [wanted])).empty


async def test_a_field_changed_alike_on_both_sides_is_no_conflict_now_or_later() -> None:
    platform = Platform()
    remote = await agent_of(platform, name="a")
    remote["name"] = "b"
    assert (await synced(platform, [{"key": "desk", "agent": {"name": "b"}}])).plan.empty
    assert origins(await planned(platform, [{"key": "desk", "agent": {"name": "c"}}])) == {"name": "here"}


async def test_a_field_that_is_declared_anew_is_a_change_made_here() -> None:
    platform = Platform()
    remote = await agent_of(platform, name="a")
    remote["voice"] = "theirs"
    assert origins(await planned(platform, [{"key": "desk", "agent": {"name": "a", "voice": "ours"}}])) == {
        "voice": "here"
    }


async def test_what_the_platform_did_not_keep_does_not_count_as_applied() -> None:
    platform = Platform(ignored={"frist"})
    for _ in range(2):
        result = await synced(platform, [{"key": "desk", "agent": {"name": "a", "frist": "x"}}])
        assert [type(failure.error) for failure in result.failures] == [Ignored]
        assert not result.held


async def test_a_resource_that_changed_between_plan_and_apply_is_left_alone() -> None:
    platform = Platform()
    await agent_of(platform, name="a")
    platform.versions[platform.bindings["agent", "desk"]] = "v1"
    found = await planned(platform, [{"key": "desk", "agent": {"name": "b"}}])
    platform.versions[platform.bindings["agent", "desk"]] = "v2"
    result = await apply(found, kinds(platform), await Bindings(platform, SCOPE).load())
    assert [type(failure.error) for failure in result.failures] == [Stale]
    assert next(iter(platform.objects["agent"].values()))["name"] == "a"


async def test_two_plans_of_one_create_make_one_object() -> None:
    platform = Platform()
    first, second = [await planned(platform, [DESK]) for _ in range(2)]
    assert (await apply(first, kinds(platform), await Bindings(platform, SCOPE).load())).ok
    late = await apply(second, kinds(platform), await Bindings(platform, SCOPE).load())
    assert [type(failure.error) for failure in late.failures] == [Stale, Blocked]
    assert len(platform.objects["agent"]) == len(platform.objects["document"]) == 1


async def test_a_create_whose_answer_was_lost_is_looked_for_with_patience_and_adopted() -> None:
    platform = Platform(lost={("agent", "desk")})
    assert not (await synced(platform, [DESK])).ok
    platform.lost.clear()
    platform.hidden = 3
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    patience = Patience(pauses=(1, 2, 4, 8), sleep=sleep)
    assert (await synced(platform, [DESK], patience=patience)).ok
    assert pauses == [1, 2, 4]
    assert len(platform.objects["agent"]) == 1
    assert (await planned(platform, [DESK])).empty


async def test_without_a_lost_create_nothing_waits() -> None:
    async def never(seconds: float) -> None:
        raise AssertionError("nothing was begun, so there is nothing to wait for")

    platform = Platform(failing={("agent", "desk")})
    assert (await synced(Platform(), [DESK], patience=Patience(sleep=never))).ok
    assert not (await synced(platform, [DOC], patience=Patience(sleep=never))).failures


async def test_prune_deletes_what_is_ours_and_no_longer_declared_dependents_first() -> None:
    platform = Platform()
    await synced(platform, [DESK, {"key": "lobby", "agent": {"name": "Lobby"}}])
    platform.objects["agent"]["stranger#1"] = {"name": "theirs"}
    assert [ref.key for ref in (await planned(platform, [])).orphans] == ["desk", "desk", "lobby"]
    result = await synced(platform, [{"key": "lobby", "agent": {"name": "Lobby"}}], prune=True)
    assert result.ok
    assert [write[:2] for write in platform.writes[-2:]] == [("delete", "agent"), ("delete", "document")]
    assert {key.partition("#")[0] for key in platform.objects["agent"]} == {"lobby", "stranger"}
    assert set(platform.bindings) == {("agent", "lobby")}


async def test_objects_with_our_mark_that_nobody_bound_are_orphans_too() -> None:
    platform = Platform(objects={"agent": {"old#1": {"name": "left over"}}})
    marks = {"agent": {"marks": True}}
    assert [ref.key for ref in (await planned(platform, [DOC], **marks)).orphans] == ["old"]
    assert (await synced(platform, [DOC], prune=True, **marks)).ok
    assert platform.objects["agent"] == {}


async def test_what_was_found_in_use_and_without_our_mark_is_not_taken_unasked() -> None:
    platform = Platform(objects={"agent": {"desk#1": {"name": "theirs"}}})
    used = {"agent": {"free": False}}
    wanted = [{"key": "desk", "agent": {"name": "ours"}}]
    for _ in range(2):  # that it was seen once makes it no more ours
        assert (await synced(platform, wanted, **used)).held
        assert platform.objects["agent"]["desk#1"] == {"name": "theirs"}
        assert platform.bindings == {}
    assert (await synced(platform, wanted, take_ours=True, **used)).ok
    assert platform.objects["agent"]["desk#1"] == {"name": "ours"}


@pytest.mark.parametrize(("resources", "unsafe"), [(9, False), (12, True)])
async def test_deleting_more_than_a_third_of_at_least_ten_needs_force(resources: int, unsafe: bool) -> None:
    platform = Platform()
    specs = [{"key": f"desk{n}", "agent": {"name": str(n)}} for n in range(resources)]
    await synced(platform, specs)
    found = await planned(platform, specs[: resources // 2], prune=True)
    if unsafe:
        with pytest.raises(UsageError, match="6 of 12 agents"):
            found.raise_if_unsafe()
    else:
        found.raise_if_unsafe()
    (await planned(platform, specs[:-1], prune=True)).raise_if_unsafe()


async def test_overwriting_drift_on_more_than_a_third_needs_force() -> None:
    platform = Platform()
    specs = [{"key": f"desk{n}", "agent": {"name": "a"}} for n in range(12)]
    await synced(platform, specs)
    for remote in platform.objects["agent"].values():
        remote["name"] = "theirs"
    found = await planned(platform, specs)
    found.raise_if_unsafe()
    with pytest.raises(UsageError):
        found.raise_if_unsafe(take_ours=True)


BODIES = st.dictionaries(
    st.sampled_from(["name", "voice", "nested"]),
    st.none()
    | st.integers(0, 2)
    | st.text("ab", max_size=2)
    | st.dictionaries(st.sampled_from("xy"), st.integers(0, 1)),
    min_size=1,
)
WORLDS = st.dictionaries(st.sampled_from(["a", "b", "c"]), BODIES, max_size=3)


@settings(max_examples=150, deadline=None)
@given(wanted=WORLDS, there=WORLDS)
async def test_any_world_converges_in_one_sync_and_foreign_objects_stay(wanted: Any, there: Any) -> None:
    platform = Platform(objects={"agent": {f"{key}#old": dict(body) for key, body in there.items()}})
    foreign = {key: dict(body) for key, body in platform.objects["agent"].items() if key[0] not in wanted}
    specs = [{"key": key, "agent": body} for key, body in wanted.items()]
    assert (await synced(platform, specs)).ok
    assert (await planned(platform, specs)).empty
    assert {key: platform.objects["agent"][key] for key in foreign} == foreign


async def test_a_replacement_that_is_wanted_no_more_is_not_waited_for_for_ever() -> None:
    platform = Platform()
    page = {**DESK, "document": {"name": "page", "url": "https://example.org/1"}}
    await synced(platform, [page])
    platform.failing.add(("document", "desk"))
    assert not (await synced(platform, [{**page, "document": {"name": "page", "url": "https://example.org/2"}}])).ok
    platform.failing.clear()
    assert (await synced(platform, [page], patience=Patience(sleep=no_time))).ok
    assert platform.intents == set()


async def test_a_create_that_was_refused_is_not_looked_for_by_the_next_sync() -> None:
    platform, pauses = Platform(refusing={("document", "desk")}), []
    assert not (await synced(platform, [DESK])).ok
    assert platform.intents == set(), "surely nothing was made"

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    platform.refusing.clear()
    assert (await synced(platform, [DESK], patience=Patience(sleep=pause))).ok
    assert pauses == []


async def test_what_an_earlier_create_may_have_made_is_looked_for_although_another_was_refused() -> None:
    platform = Platform(lost={("document", "desk")}, hidden=100)
    assert not (await synced(platform, [DESK])).ok
    platform.lost.clear()
    platform.refusing.add(("document", "desk"))
    assert not (await synced(platform, [DESK], patience=Patience(sleep=no_time))).ok
    assert ("document", "desk") in platform.intents


async def test_of_two_that_create_at_once_without_a_lease_the_second_stops() -> None:
    platform = Platform()
    plans = [await planned(platform, [DESK]) for _ in range(2)]
    loaded = [await Bindings(platform, SCOPE).load() for _ in range(2)]
    first = await apply(plans[0], kinds(platform), loaded[0])
    late = await apply(plans[1], kinds(platform), loaded[1])
    assert first.ok
    assert [type(failure.error) for failure in late.failures] == [Stale, Blocked]
    platform.bindings.clear()
    platform.objects.clear()
    platform.intents.add(("document", "desk"))
    late = await apply(plans[1], kinds(platform), await Bindings(platform, SCOPE).load())
    assert [type(failure.error) for failure in late.failures] == [Stale, Blocked]


async def test_whoever_sleeps_over_an_edit_leaves_the_memory_of_a_newer_run_alone() -> None:
    platform = Platform()
    await synced(platform, [DOC])

    class Sleeper(Thing):
        async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
            answer = await super().update(remote_id, desired, patch)
            assert (await synced(platform, [{**DOC, "document": {**DOC["document"], "text": "newer"}}])).ok
            return answer

    edited = {**DOC, "document": {**DOC["document"], "text": "older"}}
    found = await planned(platform, [edited])
    done = await apply(found, [Sleeper("document", platform)], await Bindings(platform, SCOPE).load())
    assert [type(failure.error) for failure in done.failures] == [Stale]
    assert platform.applied["document", "desk"]["text"] == "newer"


async def no_time(seconds: float) -> None:
    """A pause that takes none."""


async def test_what_was_touched_there_later_is_told_once_and_overwrites_nothing() -> None:
    platform = Platform()
    platform.touched = 1_000_000
    await synced(platform, [DOC])
    platform.touched += 600  # the platform's own work after our write
    assert (await planned(platform, [DOC])).notices == ()
    platform.touched += 86_400
    found = await planned(platform, [DOC])
    assert found.empty
    (notice,) = found.notices
    assert (notice.where, "touched at the platform on 1970-01-13" in notice.what) == ("document desk", True)
    assert (await synced(platform, [DOC])).ok
    assert (await planned(platform, [DOC])).notices == ()


@dataclass
class Index(Thing):
    """A thing that stands for what its document says, or only comes after it."""

    refers: bool = True

    def desired(self, spec: Mapping[str, Any]) -> Iterable[Desired]:
        for one in super().desired(spec):
            yield replace(one, **{"follows": True} if self.refers else {"after": frozenset({Ref("document", one.key)})})


@pytest.mark.parametrize("refers", [True, False])
@pytest.mark.parametrize("held", [False, True])
async def test_what_follows_another_is_not_written_before_that_is_as_declared(held: bool, refers: bool) -> None:
    platform = Platform()

    def both(text: str) -> list[Any]:
        of = {"of": Ref("document", "desk")} if refers else {}
        return [{"key": "desk", "document": {"text": text}, "index": {**of, "text": text}}]

    async def run(text: str, failing: AgentctlError | None = None) -> Applied:
        document = Asked("document", platform, failing=failing)
        all_kinds = [document, Index("index", platform, refers=refers)]
        found = await plan(all_kinds, both(text), await Bindings(platform, SCOPE).load())
        return await apply(found, all_kinds, await Bindings(platform, SCOPE).load())

    assert (await run("old")).ok
    if held:
        platform.objects["document"][platform.bindings["document", "desk"]]["text"] = "theirs"
    late = await run("new", None if held else Unreachable("no answer"))
    assert (late.ok, len(late.held)) == ((True, 2) if held else (False, 0))
    assert platform.objects["index"][platform.bindings["index", "desk"]]["text"] == "old"


@dataclass
class Asked(Thing):
    """A thing whose users cannot be asked for, for a reason."""

    failing: AgentctlError | None = None

    def felt(self, changed: frozenset[str]) -> bool:
        return bool(changed)

    async def users(self, remote_id: str) -> Sequence[User]:
        if self.failing:
            raise self.failing
        return ()


@pytest.mark.parametrize("how", ["failing", "drifted", "refused"])
async def test_what_is_referred_to_by_one_that_was_not_written_is_not_pruned(how: str) -> None:
    platform = Platform()
    other = {"key": "x", "agent": {"name": "X"}}
    await synced(platform, [{"key": "a", "agent": {"name": "A", "docs": [{"id": Ref("agent", "x")}]}}, other])
    a, x = platform.bindings["agent", "a"], platform.bindings["agent", "x"]
    alone = {"key": "a", "agent": {"name": "A", "docs": []}}
    changes: dict[str, Any] = {}
    if how == "failing":
        platform.failing.add(("agent", "a"))
    elif how == "drifted":
        platform.objects["agent"][a]["docs"].append({"id": "theirs"})
    else:
        changes["agent"] = {"refusal": SyncError("no such voice"), "refuses_changes": True}
    done = await synced(platform, [alone], prune=True, **changes)
    assert x in platform.objects["agent"], "callers are led to it still"
    assert not done.ok or done.held
    platform.failing.clear()
    done = await synced(platform, [alone], prune=True, take_ours=True)
    assert done.ok
    assert list(platform.objects["agent"]) == [a]


async def stale(platform: Platform, specs: Sequence[Any], meanwhile: Any, *, prune: bool = False) -> Applied:
    """Somebody changes something between the plan and the yes to it."""
    found = await planned(platform, specs, prune=prune)
    meanwhile()
    return await apply(found, kinds(platform), await Bindings(platform, SCOPE).load(), take_ours=True)


async def test_what_was_changed_after_the_plan_is_not_written_without_versions_either() -> None:
    platform = Platform()
    await synced(platform, [DESK])
    row = platform.objects["document"][platform.bindings["document", "desk"]]
    edited = {**DESK, "document": {**DOC["document"], "text": "ten to four"}}
    done = await stale(platform, [edited], lambda: row.update(text="by hand"))
    assert [type(failure.error) for failure in done.failures] == [Stale]
    assert row["text"] == "by hand"
    assert (await synced(platform, [edited], take_ours=True)).ok
    assert row["text"] == "ten to four"


@pytest.mark.parametrize("versions", [False, True])
async def test_what_was_changed_after_the_plan_is_not_deleted(versions: bool) -> None:
    platform = Platform()
    await synced(platform, [DESK])
    agent = platform.bindings["agent", "desk"]
    platform.versions |= {agent: "1"} if versions else {}

    def edited() -> None:
        platform.objects["agent"][agent]["name"] = "Mine now"
        platform.versions |= {agent: "2"} if versions else {}

    done = await stale(platform, [], edited, prune=True)
    assert [type(failure.error) for failure in done.failures] == [Stale]
    assert list(platform.objects["agent"]) == [agent]
    assert (await synced(platform, [], prune=True, take_ours=True)).ok
    assert platform.objects["agent"] == {}


async def test_of_a_user_of_what_was_deleted_there_the_rest_is_written() -> None:
    platform = Platform()
    await synced(platform, [DESK])
    platform.objects["document"].clear()
    agent = platform.objects["agent"][platform.bindings["agent", "desk"]]
    agent["docs"] = []
    wanted = {**DESK, "agent": {**DESK["agent"], "name": "Reception"}}
    done = await synced(platform, [wanted])
    assert (agent["name"], agent["docs"]) == ("Reception", []), "an edit must not wait for somebody to look"
    assert {change.desired.kind for change in done.held} == {"document", "agent"}
    before = len(platform.writes)
    await synced(platform, [wanted])
    assert len(platform.writes) == before


async def test_what_only_waits_for_what_is_held_back_is_not_told_as_done() -> None:
    platform = Platform()
    page = {**DESK, "document": {"name": "page", "url": "https://example.org/1"}}
    await synced(platform, [page])
    platform.objects["document"][platform.bindings["document", "desk"]]["url"] = "https://example.org/theirs"
    before = len(platform.writes)
    done = await synced(platform, [page])
    assert (len(platform.writes), done.done) == (before, ())
    assert {change.desired.kind for change in done.held} == {"document", "agent"}


@pytest.mark.parametrize(("there", "held"), [(None, False), ("theirs", True)])
async def test_what_referred_to_something_deleted_by_us_was_not_changed_by_somebody_else(
    there: str | None, held: bool
) -> None:
    platform = Platform()
    bell = Thing("bell", platform, traits=Traits(prunable=False))
    every = [*kinds(platform, agent={"marks": True}), bell]

    async def run(*specs: Any) -> Applied:
        bindings = await Bindings(platform, SCOPE).load()
        return await apply(await plan(every, specs, bindings, prune=True), every, bindings)

    here = {"key": "here", "agent": {"name": "Here"}}
    assert (await run(here, {"key": "away", "agent": {"name": "Away"}})).ok
    assert (await run(here, {"key": "away", "agent": {"name": "Away"}}, _bell("away"))).ok
    assert (await run(here)).ok
    (number,) = platform.objects["bell"].values()
    number["to"] = there
    applied = await run(here, _bell("here"))
    assert (bool(applied.held), number["to"] == there) == (held, held)


def _bell(to: str) -> dict[str, Any]:
    return {"key": "bell", "bell": {"to": Ref("agent", to)}}
