"""Indexes: asked for where retrieval is on, awaited to their terminal states, remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.errors import SyncError
from agentctl.resources import kinds as all_kinds
from agentctl.resources.assistant import Assistant, Document
from agentctl.resources.place import Place
from agentctl.resources.rag_index import Pace, RagIndex
from agentctl.sandbox.harness import Sandbox, running
from agentctl.sandbox.options import Options
from tests.agentctl.resources.contract import SCOPE, Memory, assistant, edits, planned, synced

pytestmark = pytest.mark.anyio
LONG = Document(key="empfang/manual", name="manual", text="Ein Satz. " * 100)
SHORT = Document(key="empfang/hours", name="hours", text="Von neun bis fünf.")
ALWAYS = Document(key="empfang/rules", name="rules", text="Eine Regel. " * 100, usage="prompt")
MODEL = "e5_mistral_7b_instruct"
WIDE = "multilingual_e5_large_instruct"
BATCH = "/v1/convai/knowledge-base/rag-index"


def retrieving(*documents: Document, **rag: Any) -> Assistant:
    return assistant(knowledge=documents or (LONG, SHORT, ALWAYS), rag={"enabled": True, **rag})


@pytest.fixture
def options() -> Options:
    return Options(rag_looks=3, rag_bytes=1500)


@pytest.fixture
async def sandbox(options: Options) -> AsyncIterator[Sandbox]:
    async with running(options) as found:
        yield found


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[ElevenLabs]:
    async with ElevenLabs(sandbox.url, SecretStr(sandbox.key)) as client:
        yield client


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def kinds(api: ElevenLabs, memory: Memory, told: list[str]) -> Any:
    """All kinds, with a pace that waits for nothing but counts its seconds."""

    async def at_once(seconds: float) -> None:
        return

    index = RagIndex(api, told.append, Pace(deadline=30.0, sleep=at_once))
    return tuple(index if kind.name == index.name else kind for kind in all_kinds(Place(api, memory, SCOPE)))


async def requests(sandbox: Any, part: str = "rag-index") -> list[tuple[str, str]]:
    return [(entry["method"], entry["path"]) for entry in await sandbox.log() if part in entry["path"]]


async def asked_for(sandbox: Any) -> list[str]:
    """The documents whose index was asked for."""
    return [path.split("/")[4] for method, path in await requests(sandbox) if method == "POST" and path != BATCH]


async def indexed(sandbox: Any) -> list[str]:
    """The models of all indexes."""
    return sorted(model for row in (await sandbox.state())["documents"].values() for model in row["rag"])


async def test_each_document_that_is_looked_up_is_indexed_once_and_then_one_look_tells_of_all(
    kinds: Any, memory: Any, sandbox: Any, told: list[str]
) -> None:
    assert (await synced(kinds, memory, retrieving())).ok
    assert len(await asked_for(sandbox)) == 2  # what is always in the prompt needs no index
    assert {key for kind, key in memory.bindings if kind == "rag_index"} == {
        f"empfang/manual@{MODEL}",
        f"empfang/hours@{MODEL}",
    }
    assert told[0].startswith(f"rag_index empfang/manual@{MODEL}: created")
    assert any("processing" in line for line in told)
    (agent,) = (await sandbox.state())["agents"].values()
    settings = agent["conversation_config"]["agent"]["prompt"]["rag"]
    assert (settings["enabled"], settings["embedding_model"]) == (True, MODEL)
    await sandbox.clear_log()
    assert (await planned(kinds, memory, retrieving())).empty
    assert await requests(sandbox) == [("POST", BATCH)]


async def test_an_edited_text_is_indexed_anew_and_only_that(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, retrieving())
    await sandbox.clear_log()
    edited = LONG.model_copy(update={"text": "Ein anderer Satz. " * 50})
    assert (await synced(kinds, memory, retrieving(edited, SHORT, ALWAYS))).ok
    document = memory.bindings["knowledge_document", LONG.key]
    assert await asked_for(sandbox) == [document]
    assert (await planned(kinds, memory, retrieving(edited, SHORT, ALWAYS))).empty


@pytest.mark.parametrize("options", [Options(rag_looks=1, rag_bytes=900)])
async def test_no_room_for_an_index_is_a_failure_with_a_remedy_and_stops_nothing_else(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    applied = await synced(kinds, memory, retrieving())
    (failure,) = applied.failures
    assert failure.ref.key == f"empfang/manual@{MODEL}"
    assert "rag_limit_exceeded" in failure.error.message
    assert "larger plan" in failure.error.hint
    assert len((await sandbox.state())["agents"]) == 1
    again = await planned(kinds, memory, retrieving())
    assert [change.desired.kind for change in again.changes] == ["rag_index"]


@pytest.mark.parametrize(
    ("status", "says"), [("failed", "text that can be read"), ("cannot_index_folder", "in it one by one")]
)
async def test_other_ends_are_failures_that_say_what_to_do(
    kinds: Any, memory: Any, sandbox: Any, status: str, says: str
) -> None:
    usage = {"used_bytes": 0}
    index = {
        "id": "i1",
        "model": MODEL,
        "status": status,
        "progress_percentage": 0,
        "document_model_index_usage": usage,
    }
    await sandbox.fault(method="POST", path="*/rag-index", status=200, body=index, times=1)
    (failure,) = (await synced(kinds, memory, retrieving(LONG))).failures
    assert says in failure.error.hint


async def test_a_status_that_nobody_knows_is_awaited_to_the_deadline_and_asked_again_by_the_next_sync(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    body = {"indexes": [{"id": "i1", "model": MODEL, "status": "created", "progress_percentage": 1,
             "document_model_index_usage": {"used_bytes": 0}}]}  # fmt: skip
    await sandbox.fault(method="GET", path="*/rag-index", status=200, body=body, times=1000)
    (failure,) = (await synced(kinds, memory, retrieving(LONG))).failures
    assert isinstance(failure.error, SyncError)
    assert "still created after 3" in failure.error.message
    await sandbox.clear_faults()
    assert (await synced(kinds, memory, retrieving(LONG))).ok
    assert (await planned(kinds, memory, retrieving(LONG))).empty


async def test_another_model_leaves_an_index_that_prune_removes(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, retrieving(LONG, embedding_model=WIDE))
    small = LONG.model_copy(update={"text": "Ein Satz. " * 60})
    await synced(kinds, memory, retrieving(small, embedding_model=WIDE))
    found = await planned(kinds, memory, retrieving(small))
    assert [(ref.kind, ref.key) for ref in found.orphans] == [("rag_index", f"empfang/manual@{WIDE}")]
    assert (await synced(kinds, memory, retrieving(small), prune=True)).ok
    (document,) = (await sandbox.state())["documents"].values()
    assert list(document["rag"]) == [MODEL]
    assert (await planned(kinds, memory, retrieving(small))).orphans == ()


async def test_an_answer_that_was_lost_is_asked_for_again_without_looking_for_anything(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await sandbox.fault(method="POST", path="*/rag-index", drop="after", times=1)
    assert [one.ref.kind for one in (await synced(kinds, memory, retrieving(LONG))).failures] == ["rag_index"]
    assert ("rag_index", f"{LONG.key}@{MODEL}") not in memory.intents
    assert (await synced(kinds, memory, retrieving(LONG))).ok
    (document,) = (await sandbox.state())["documents"].values()
    assert list(document["rag"]) == [MODEL]


async def removed(sandbox: Any, memory: Any, key: str = f"{LONG.key}@{MODEL}") -> None:
    """Somebody deletes the index."""
    document, index, *_ = memory.bindings["rag_index", key].split("/")
    async with httpx.AsyncClient(headers={"xi-api-key": sandbox.key}) as client:
        path = f"{sandbox.url}/v1/convai/knowledge-base/{document}/rag-index/{index}"
        (await client.delete(path)).raise_for_status()


async def test_an_index_that_somebody_deleted_is_asked_for_again_and_only_that(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, retrieving())
    await removed(sandbox, memory)
    await sandbox.clear_log()
    found = await planned(kinds, memory, retrieving())
    assert edits(found, "rag_index") == [("content", None, LONG.digest[:12])]
    assert len(found.changes) == 1
    assert found.foreign == ()  # nobody edits an index: what is gone was not taken away as somebody's answer to ours
    assert await asked_for(sandbox) == []
    assert (await synced(kinds, memory, retrieving())).ok
    assert await asked_for(sandbox) == [memory.bindings["knowledge_document", LONG.key]]
    assert (await planned(kinds, memory, retrieving())).empty


async def test_one_that_was_made_anew_by_the_platform_is_remembered_under_its_new_id_and_goes_by_it(
    kinds: Any, memory: Any, sandbox: Any, api: Any
) -> None:
    await synced(kinds, memory, retrieving(LONG))
    await removed(sandbox, memory)
    document = memory.bindings["knowledge_document", LONG.key]
    for _ in range(3):
        made = await api.post("/v1/convai/knowledge-base/{i}/rag-index", json={"model": MODEL}, i=document)
    assert made["status"] == "processing"
    await api.get("/v1/convai/knowledge-base/{i}/rag-index", i=document)
    assert (await synced(kinds, memory, retrieving(LONG))).plan.empty
    assert memory.bindings["rag_index", f"{LONG.key}@{MODEL}"].split("/")[1] == made["id"]
    await removed(sandbox, memory)
    await api.post("/v1/convai/knowledge-base/{i}/rag-index", json={"model": MODEL}, i=document)
    assert (await synced(kinds, memory, assistant(knowledge=[LONG], rag={"enabled": False}), prune=True)).ok
    assert await indexed(sandbox) == []


async def test_one_that_has_failed_since_fails_again_with_its_remedy(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, retrieving(LONG))
    (document,) = (await sandbox.state())["documents"]
    bad = {"id": "i1", "model": MODEL, "status": "failed", "progress_percentage": 0,
           "document_model_index_usage": {"used_bytes": 0}}  # fmt: skip
    await sandbox.fault(method="POST", path=BATCH, status=200, body={document: {"status": "success", "data": bad}})
    await sandbox.fault(method="POST", path=f"*/{document}/rag-index", status=200, body=bad)
    (failure,) = (await synced(kinds, memory, retrieving(LONG))).failures
    assert "text that can be read" in failure.error.hint
    await sandbox.clear_faults()
    assert (await synced(kinds, memory, retrieving(LONG))).ok


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "body": {"detail": {"status": "missing_permissions", "message": "convai_write"}}},
        {"status": 500},
        {"drop": "after"},
        {"status": 200, "body": {}},
    ],
    ids=["read-only key", "500", "lost", "another shape"],
)
async def test_what_the_look_at_all_does_not_tell_is_asked_of_each(
    kinds: Any, memory: Any, sandbox: Any, fault: dict[str, Any]
) -> None:
    await synced(kinds, memory, retrieving())
    await removed(sandbox, memory)
    await sandbox.clear_log()
    await sandbox.fault(method="POST", path=BATCH, times=1, **fault)
    found = await planned(kinds, memory, retrieving())
    assert [change.desired.key for change in found.changes] == [f"{LONG.key}@{MODEL}"]
    assert [method for method, _ in await requests(sandbox)] == ["POST", "GET", "GET"]


async def test_one_look_tells_of_a_hundred(kinds: Any, memory: Any, sandbox: Any) -> None:
    many = [Document(key=f"empfang/d{number}", name=f"d{number}", text=f"Absatz {number}.") for number in range(101)]
    assert (await synced(kinds, memory, retrieving(*many))).ok
    await sandbox.clear_log()
    assert (await planned(kinds, memory, retrieving(*many))).empty
    assert await requests(sandbox) == [("POST", BATCH)] * 2


async def test_an_id_of_an_earlier_version_is_understood_and_completed(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, retrieving(LONG))
    name = ("rag_index", f"{LONG.key}@{MODEL}")
    complete = memory.bindings[name]
    memory.bindings[name] = complete.rpartition("/")[0]
    del memory.applied[name]["model"]
    assert (await synced(kinds, memory, retrieving(LONG))).plan.empty
    assert memory.bindings[name] == complete
    memory.bindings[name] = complete.rpartition("/")[0]
    assert (await synced(kinds, memory, assistant(knowledge=[LONG], rag={"enabled": False}), prune=True)).ok
    assert await indexed(sandbox) == []


async def test_an_id_of_a_later_version_is_understood(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, retrieving(LONG))
    memory.bindings["rag_index", f"{LONG.key}@{MODEL}"] += "/more"
    assert (await synced(kinds, memory, retrieving(LONG))).plan.empty
