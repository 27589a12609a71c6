"""plan and apply together, over a platform in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.errors import Ambiguous, Blocked, Ignored, SyncError, Waiting
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Keyed, Ref, Scope
from agentctl.sync.plan import Plan, plan
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


async def planned(platform: Any, specs: Sequence[Any], **changes: Any) -> Plan:
    return await plan(kinds(platform, **changes), specs, await Bindings(platform, SCOPE).load())


async def synced(platform: Any, specs: Sequence[Any], **changes: Any) -> Applied:
    found = await planned(platform, specs, **changes)
    return await apply(found, kinds(platform, **changes), await Bindings(platform, SCOPE).load())


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


async def test_an_object_deleted_by_hand_is_made_again() -> None:
    platform = Platform()
    await synced(platform, [DESK])
    platform.objects["agent"].clear()
    assert (await synced(platform, [DESK])).ok
    assert len(platform.objects["agent"]) == 1


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
