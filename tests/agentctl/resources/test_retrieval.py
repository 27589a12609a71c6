"""An index stays for as long as an agent at the platform looks things up in it, whatever is declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agentctl.errors import NotPassed
from agentctl.resources.assistant import Assistant, Document
from agentctl.resources.retrieval import looks_up
from agentctl.sync.apply import apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.plan import Change
from agentctl.sync.planning import plan
from tests.agentctl.resources.contract import SCOPE, assistant, synced

pytestmark = pytest.mark.anyio
E5, WIDE = "e5_mistral_7b_instruct", "multilingual_e5_large_instruct"


class Refusing:
    """A gate that lets no agent through."""

    async def admit(self, change: Change, remote_id: str, planned: Mapping[str, Any]) -> None:
        if change.desired.kind == "agent":
            raise NotPassed("its tests did not pass")


HOURS = Document(key="empfang/hours", name="hours", text="Von neun bis fünf.")


def looking_up(**fields: Any) -> Assistant:
    return assistant(**{"knowledge": [HOURS], "rag": {"enabled": True}, **fields})


async def indexes(sandbox: Any) -> list[str]:
    return sorted(model for row in (await sandbox.state())["documents"].values() for model in row["rag"])


async def foreign(api: Any, memory: Any, usage: str = "auto", **rag: Any) -> str:
    """An agent of somebody else that has the document; its name and id."""
    entry = {"type": "text", "name": "x", "id": memory.bindings["knowledge_document", HOURS.key], "usage_mode": usage}
    prompt = {"prompt": "Hilf.", "knowledge_base": [entry], "rag": rag}
    body = {"name": "Fremd", "conversation_config": {"agent": {"prompt": prompt}}}
    return f"agent Fremd ({(await api.post('/v1/convai/agents/create', json=body))['agent_id']})"


async def test_a_section_that_was_taken_out_resets_nothing_so_its_index_stays(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, looking_up())
    for _ in range(2):
        applied = await synced(kinds, memory, assistant(knowledge=[HOURS]), prune=True)
        assert (applied.ok, applied.plan.changes) == (True, ())
        assert [ref.kind for ref in applied.plan.orphans] == ["rag_index"]
        (notice,) = applied.plan.notices
        assert "stays since it is used by agent Empfang" in notice.what
        assert await indexes(sandbox) == [E5]
    assert (await synced(kinds, memory, assistant(knowledge=[HOURS], rag={"enabled": False}), prune=True)).ok
    assert await indexes(sandbox) == []


async def test_an_agent_that_is_written_and_still_looks_things_up_keeps_it_too(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, looking_up())
    applied = await synced(kinds, memory, assistant(knowledge=[HOURS], prompt="Hilf gern."), prune=True)
    assert applied.ok
    (left,) = applied.left
    assert "is still used by agent Empfang" in str(left.error)
    assert "Switch retrieval off there" in left.error.hint
    assert await indexes(sandbox) == [E5]


@pytest.mark.parametrize("gated", [False, True], ids=["refused", "gate"])
async def test_a_change_of_model_that_did_not_go_through_keeps_the_old_index(
    kinds: Any, memory: Any, sandbox: Any, gated: bool
) -> None:
    await synced(kinds, memory, looking_up())
    wide = looking_up(rag={"enabled": True, "embedding_model": WIDE})
    if not gated:
        await sandbox.fault(method="PATCH", path="/v1/convai/agents/*", status=422)
    gate = Refusing() if gated else None
    found = await plan(kinds, [wide], await Bindings(memory, SCOPE).load(), prune=True)
    applied = await apply(found, kinds, await Bindings(memory, SCOPE).load(), gate=gate)
    assert [failure.ref.kind for failure in applied.failures] == ["agent"]
    assert await indexes(sandbox) == [E5, WIDE]
    assert [one.ref.key for one in applied.left] == [f"{HOURS.key}@{E5}"]
    await sandbox.clear_faults()
    applied = await synced(kinds, memory, wide, prune=True)
    assert (applied.ok, applied.left) == (True, ())
    assert await indexes(sandbox) == [WIDE]


@pytest.mark.parametrize(
    ("usage", "rag", "stays"),
    [
        ("auto", {"enabled": True}, True),
        ("auto", {"enabled": True, "embedding_model": WIDE}, False),
        ("auto", {"enabled": False}, False),
        ("prompt", {"enabled": True}, False),
    ],
)
async def test_a_foreign_agent_keeps_it_where_it_looks_things_up_by_that_model(
    kinds: Any, memory: Any, sandbox: Any, api: Any, usage: str, rag: dict[str, Any], stays: bool
) -> None:
    await synced(kinds, memory, looking_up())
    name = await foreign(api, memory, usage, **rag)
    applied = await synced(kinds, memory, assistant(knowledge=[HOURS], rag={"enabled": False}), prune=True)
    assert applied.ok
    assert await indexes(sandbox) == ([E5] if stays else [])
    assert any(name in notice.what for notice in applied.plan.notices) is stays


async def test_an_agent_that_cannot_be_seen_counts_as_one_that_looks_things_up(
    kinds: Any, memory: Any, sandbox: Any, api: Any
) -> None:
    await synced(kinds, memory, looking_up())
    unknown = {"agents": [{"type": "unknown", "id": "agent_hidden"}], "branches": [], "has_more": False}
    await sandbox.fault(method="GET", path="*/dependent-agents", status=200, body=unknown)
    applied = await synced(kinds, memory, assistant(knowledge=[HOURS], rag={"enabled": False}), prune=True)
    assert await indexes(sandbox) == [E5]
    assert any("agent_hidden" in notice.what for notice in applied.plan.notices)


async def test_a_branch_is_looked_at_as_it_is(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, looking_up())
    (agent_id,) = (await sandbox.state())["agents"]
    branch = {"agent_id": agent_id, "agent_name": "Empfang", "branch_id": "b1", "branch_name": "new", "is_main": False}
    answer = {"agents": [], "branches": [branch], "has_more": False}
    await sandbox.fault(method="GET", path="*/dependent-agents", status=200, body=answer)
    await sandbox.clear_log()
    await synced(kinds, memory, assistant(knowledge=[HOURS], rag={"enabled": False}), prune=True)
    asked = [entry["query"] for entry in await sandbox.log() if entry["path"].endswith(agent_id)]
    assert {"branch_id": ["b1"]} in asked


def node(**rag: Any) -> dict[str, Any]:
    return {"type": "override_agent", "conversation_config": {"agent": {"prompt": {"rag": rag}}}}


@pytest.mark.parametrize(
    ("main", "nodes", "entries", "reads"),
    [
        ({"enabled": True, "embedding_model": E5}, [node()], ["doc"], True),
        ({"enabled": True, "embedding_model": WIDE}, [node(), {"type": "end"}], ["doc"], False),
        ({"enabled": True, "embedding_model": WIDE}, [node(embedding_model=E5)], ["doc"], True),
        ({"enabled": False}, [node(enabled=True)], [], True),
        ({"enabled": True}, [], [], True),
    ],
    ids=["same model", "another", "a node by that model", "a node alone", "by a way that is not seen"],
)
def test_nodes_of_a_workflow_count(
    main: dict[str, Any], nodes: Sequence[dict[str, Any]], entries: list[str], reads: bool
) -> None:
    base = [{"type": "text", "id": one, "usage_mode": "auto"} for one in entries]
    agent = {
        "conversation_config": {"agent": {"prompt": {"rag": main, "knowledge_base": base}}},
        "workflow": {"nodes": dict(enumerate(nodes))},
    }
    assert looks_up(agent, "doc", E5) is reads
