"""Knowledge documents: which endpoint, edited in place or replaced, shared or not."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.resources.assistant import Document
from tests.agentctl.resources.contract import assistant, edits, planned, synced

pytestmark = pytest.mark.anyio
TEXT = Document(key="empfang/hours", name="hours", text="Geöffnet von neun bis fünf.")
PDF = Document(
    key="empfang/prices", name="prices", content=b"%PDF-1.4 one", filename="p.pdf", media_type="application/pdf"
)
PAGE = Document(key="empfang/page", name="page", url="https://www.example.org/one")


async def writes(sandbox: Any) -> list[tuple[str, str]]:
    return [(entry["method"], entry["path"]) for entry in await sandbox.log() if entry["method"] != "GET"]


async def documents(sandbox: Any) -> Any:
    return (await sandbox.state())["documents"]


async def test_each_sort_goes_to_its_endpoint_and_a_second_plan_is_empty(kinds: Any, memory: Any, sandbox: Any) -> None:
    wanted = assistant(knowledge=[TEXT, PDF, PAGE])
    assert (await synced(kinds, memory, wanted)).failures == ()
    paths = {path.removeprefix("/v1/convai/knowledge-base/") for _, path in await writes(sandbox)}
    assert {"text", "file", "url"} <= paths
    assert (await planned(kinds, memory, wanted)).empty


async def test_names_carry_project_key_and_digest(kinds: Any, memory: Any, api: Any) -> None:
    await synced(kinds, memory, assistant(knowledge=[TEXT]))
    document = await api.get("/v1/convai/knowledge-base/{i}", i=memory.bindings["knowledge_document", TEXT.key])
    assert document["name"] == f"agentctl/beispiel/production/empfang/hours@{TEXT.digest[:12]}"


@pytest.mark.parametrize(
    ("before", "after", "verb"),
    [
        (TEXT, TEXT.model_copy(update={"text": "Geöffnet von zehn bis vier."}), "PATCH"),
        (PDF, PDF.model_copy(update={"content": b"%PDF-1.4 two"}), "PATCH"),
    ],
)
async def test_edited_content_keeps_its_id_and_needs_no_write_to_the_agent(
    kinds: Any, memory: Any, sandbox: Any, before: Document, after: Document, verb: str
) -> None:
    await synced(kinds, memory, assistant(knowledge=[before]))
    bound = dict(memory.bindings)
    await sandbox.clear_log()
    found = await planned(kinds, memory, assistant(knowledge=[after]))
    assert [path for path, _, _ in edits(found, "knowledge_document")] == ["content"]
    assert (await synced(kinds, memory, assistant(knowledge=[after]))).ok
    assert memory.bindings == bound
    assert {method for method, _ in await writes(sandbox)} == {verb}
    assert not [path for _, path in await writes(sandbox) if "/agents" in path]
    assert (await planned(kinds, memory, assistant(knowledge=[after]))).empty


async def test_a_page_with_another_url_is_created_attached_and_the_old_one_deleted(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, assistant(knowledge=[PAGE]))
    await sandbox.clear_log()
    moved = assistant(knowledge=[PAGE.model_copy(update={"url": "https://www.example.org/two"})])
    assert (await synced(kinds, memory, moved)).failures == ()
    assert [method for method, _ in await writes(sandbox)] == ["POST", "PATCH", "DELETE"]
    assert (await planned(kinds, memory, moved)).empty


async def test_a_shared_document_is_uploaded_once(kinds: Any, memory: Any, sandbox: Any) -> None:
    shared = TEXT.model_copy(update={"key": "shared/hours"})
    both = [assistant(knowledge=[shared]), assistant(key="zentrale", name="Zentrale", knowledge=[shared])]
    assert (await synced(kinds, memory, *both)).ok
    assert [path for _, path in await writes(sandbox)].count("/v1/convai/knowledge-base/text") == 1


async def test_a_document_without_binding_is_found_by_name(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant(knowledge=[TEXT]))
    before = dict(memory.bindings)
    memory.bindings.clear()
    await sandbox.clear_log()
    assert (await synced(kinds, memory, assistant(knowledge=[TEXT]))).ok
    assert memory.bindings == before
    assert await writes(sandbox) == []


async def test_a_document_renamed_by_hand_is_still_ours(kinds: Any, memory: Any, api: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant(knowledge=[TEXT]))
    bound = memory.bindings["knowledge_document", TEXT.key]
    await api.patch("/v1/convai/knowledge-base/{i}", json={"name": "Öffnungszeiten"}, i=bound)
    assert (await synced(kinds, memory, assistant(knowledge=[TEXT]))).ok
    assert memory.bindings["knowledge_document", TEXT.key] == bound
    assert len(await documents(sandbox)) == 1


async def test_a_failed_upload_leaves_the_agent_as_it_was(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant())
    await sandbox.fault(method="POST", path="/v1/convai/knowledge-base/text", status=422, times=1)
    result = await synced(kinds, memory, assistant(name="Neu", knowledge=[TEXT]))
    assert [failure.ref.kind for failure in result.failures] == ["knowledge_document", "agent", "post_call"][
        : len(result.failures)
    ]
    assert (await synced(kinds, memory, assistant(name="Neu", knowledge=[TEXT]))).ok


async def test_what_an_interrupted_replacement_left_behind_is_an_orphan_and_goes_with_prune(
    kinds: Any, memory: Any, api: Any, sandbox: Any
) -> None:
    wanted = assistant(knowledge=[PAGE])
    await synced(kinds, memory, wanted)
    old = {"url": "https://www.example.org/old", "name": "agentctl/beispiel/production/empfang/page@000000000000"}
    await api.post("/v1/convai/knowledge-base/url", json=old)
    found = await planned(kinds, memory, wanted)
    assert [(ref.kind, ref.key) for ref in found.orphans] == [("knowledge_document", "empfang/page@000000000000")]
    assert (await synced(kinds, memory, wanted, prune=True)).ok
    assert len(await documents(sandbox)) == 1
    assert (await planned(kinds, memory, wanted)).empty
