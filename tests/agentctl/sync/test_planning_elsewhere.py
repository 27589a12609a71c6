"""What was found without a memory of it, and bindings of which nothing is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agentctl.errors import Elsewhere
from agentctl.sync.apply import apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref, Scope
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Plan
from agentctl.sync.planning import plan
from tests.agentctl.sync.platform import Platform, Thing

pytestmark = pytest.mark.anyio

SPECS = [{"key": key, "agent": {"name": key}, "document": {"text": key}} for key in ("a", "b", "c")]


@pytest.fixture
def platform() -> Platform:
    return Platform()


async def planned(platform: Platform, specs: Sequence[Any] = SPECS, **how: Any) -> Plan:
    kinds = [Thing("document", platform, marks=True), Thing("agent", platform, marks=True)]
    bindings = await Bindings(platform, Scope("p", "e", "w")).load()
    return await plan(kinds, specs, bindings, anchor=how.pop("anchor", "agent"), patience=Patience(()), **how)


async def synced(platform: Platform) -> None:
    kinds = [Thing("document", platform, marks=True), Thing("agent", platform, marks=True)]
    bindings = await Bindings(platform, Scope("p", "e", "w")).load()
    assert (await apply(await planned(platform), kinds, bindings)).ok


async def test_bindings_of_which_nothing_is_there_are_of_another_workspace(platform: Platform) -> None:
    await synced(platform)
    assert (await planned(platform)).empty
    platform.objects["agent"].clear()
    with pytest.raises(Elsewhere, match="none of the 3 agents that are bound in w is there"):
        await planned(platform)
    with pytest.raises(Elsewhere):
        await planned(platform, SPECS[:1], whole=False)
    with pytest.raises(Elsewhere):  # what is new would be made there
        await planned(platform, [{"key": "new", "agent": {"name": "new"}}], whole=False)
    anyhow = await planned(platform, anchor=None)
    assert [change.vanished for change in anyhow.changes] == [True] * 3


async def test_where_nothing_is_declared_any_more_another_workspace_makes_nothing_forgotten(platform: Platform) -> None:
    await synced(platform)
    platform.objects["agent"].clear()
    with pytest.raises(Elsewhere, match="none of the 3 agents that are bound in w is there") as caught:
        await planned(platform, [], prune=True)
    assert caught.value.hint.endswith("agentctl sync --prune --force forgets it.")
    assert not (await planned(platform, [])).lapsed
    lapsed = (await planned(platform, [], prune=True, anchor=None)).lapsed
    assert {ref.kind for ref, _ in lapsed} >= {"agent"}


async def test_one_that_is_left_or_carries_our_mark_proves_the_workspace(platform: Platform) -> None:
    await synced(platform)
    agents = platform.objects["agent"]
    kept = {name: body for name, body in agents.items() if name.startswith("b#")}
    platform.objects["agent"] = dict(kept)
    assert len([change for change in (await planned(platform)).changes if change.vanished]) == 2
    # Seen as a stray where only others are asked for.
    assert len((await planned(platform, SPECS[:1], whole=False)).changes) == 1


async def test_what_another_workspace_of_the_project_has_proves_that_one(platform: Platform) -> None:
    await synced(platform)
    theirs = {"x#1": {"name": "x"}, "b#9": {"name": "b"}}
    platform.objects["agent"], platform.of_others = dict(theirs), {*theirs}
    for specs, whole in ((SPECS, True), (SPECS[:1], False), ([{"key": "new", "agent": {"name": "new"}}], False)):
        with pytest.raises(Elsewhere, match="is bound in another of its workspaces"):
            await planned(platform, specs, whole=whole)
    # What is bound nowhere is ours.
    platform.of_others = {"x#1"}
    assert len((await planned(platform)).changes) == 3
    # Nobody knows anything here, but of another one.
    platform.bindings.clear()
    platform.objects["agent"], platform.of_others = {"x#1": {"name": "x"}}, {"x#1"}
    with pytest.raises(Elsewhere):
        await planned(platform)
    # One of those that are wanted is there: the workspace is called otherwise now.
    platform.objects["agent"], platform.of_others = dict(theirs), {*theirs}
    assert Ref("agent", "b") in (await planned(platform)).adopted


async def test_a_single_one_may_have_been_deleted_by_hand(platform: Platform) -> None:
    kinds = [Thing("agent", platform, marks=True)]
    bindings = await Bindings(platform, Scope("p", "e", "w")).load()
    assert (await apply(await plan(kinds, SPECS[:1], bindings), kinds, bindings)).ok
    platform.objects["agent"].clear()
    found = await plan(kinds, SPECS[:1], bindings, anchor="agent")
    assert [change.vanished for change in found.changes] == [True]
    assert [str(notice) for notice in found.notices] == [
        f"agent {SPECS[0]['key']}: is not in w: it was deleted there, or the key opens another workspace"
    ]
    # With nothing declared any more it would be forgotten, and live on where another key leads.
    with pytest.raises(Elsewhere, match="the only agent that is bound in w is not there") as caught:
        await planned(platform, [], prune=True)
    assert caught.value.hint.endswith("agentctl sync --prune --force forgets it.")
    assert (await planned(platform, [], prune=True, anchor=None)).lapsed
    # Nothing bound, nothing there: a first sync.
    platform.bindings.clear()
    assert {change.action for change in (await planned(platform)).changes} == {"create"}


async def test_what_was_found_without_a_binding_is_named(platform: Platform) -> None:
    await synced(platform)
    assert (await planned(platform)).adopted == ()
    platform.bindings.pop(("agent", "b"))
    found = await planned(platform)
    assert found.adopted == (Ref("agent", "b"),)
    # A create that was cut off is our own, and nobody else has known of it.
    platform.intents.add(("agent", "b"))
    assert (await planned(platform)).adopted == ()


async def test_where_the_only_one_is_gone_nothing_new_is_begun(platform: Platform) -> None:
    kinds = [Thing("document", platform, marks=True), Thing("agent", platform, marks=True)]
    bindings = await Bindings(platform, Scope("p", "e", "w")).load()
    assert (await apply(await plan(kinds, SPECS[:1], bindings), kinds, bindings)).ok
    agents, documents = platform.objects["agent"], platform.objects["document"]
    kept = dict(agents), dict(documents)
    agents.clear()
    # Its document tells that it was the agent that was deleted.
    assert len((await planned(platform, SPECS[:2])).changes) == 3
    documents.clear()
    for specs, whole in ((SPECS[:2], True), (SPECS[1:2], False)):
        with pytest.raises(Elsewhere, match=r"agent a, the only one that is bound in w, is not there.* b is new"):
            await planned(platform, specs, whole=whole)
    assert len((await planned(platform, SPECS[1:2], whole=False, anchor=None)).changes) == 2
    assert [one.vanished for one in (await planned(platform, SPECS[:1])).changes] == [True, True]
    agents |= kept[0]
    assert len((await planned(platform, SPECS[1:2], whole=False)).changes) == 2
    # Its mark was taken off by hand.
    bare = [Thing("document", platform), Thing("agent", platform)]
    assert len((await plan(bare, SPECS[1:2], bindings, whole=False, anchor="agent")).changes) == 2
