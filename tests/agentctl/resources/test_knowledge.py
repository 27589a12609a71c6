"""Knowledge documents: which endpoint, edited in place or replaced, shared or not."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.errors import Stale
from agentctl.resources.assistant import Document
from agentctl.resources.knowledge import KnowledgeDocument
from agentctl.sync.apply import apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired
from agentctl.sync.patience import Patience
from agentctl.sync.planning import plan
from tests.agentctl.resources.contract import SCOPE, assistant, edited_between_attempts, planned, synced

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


async def test_markdown_that_is_uploaded_as_a_file_goes_as_txt_and_can_be_changed(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    notes = Document(
        key="empfang/notes", name="notes", content=b"# Eins", filename="Notizen.MD", media_type="text/plain"
    )
    assert (await synced(kinds, memory, assistant(knowledge=[notes]))).ok
    (upload,) = [entry["request_form"] for entry in await sandbox.log() if entry["path"].endswith("/file")]
    assert upload["file"] == {"filename": "Notizen.txt", "content_type": "text/plain", "size": len(b"# Eins")}
    edited = notes.model_copy(update={"content": b"# Zwei"})
    assert (await synced(kinds, memory, assistant(knowledge=[edited]))).ok
    assert [(row["type"], row["text"]) for row in (await documents(sandbox)).values()] == [("file", "# Zwei")]
    assert (await planned(kinds, memory, assistant(knowledge=[edited]))).empty


async def foreign_agent(api: Any, document_id: str) -> str:
    """An agent of somebody else that uses the document."""
    entry = {"type": "text", "name": "borrowed", "id": document_id}
    config = {"agent": {"prompt": {"prompt": "Hilf.", "knowledge_base": [entry]}}}
    made = await api.post("/v1/convai/agents/create", json={"name": "Fremd", "conversation_config": config})
    return str(made["agent_id"])


async def attached(sandbox: Any, name: str) -> list[str]:
    """The texts that an agent of this name knows."""
    state = await sandbox.state()
    (agent,) = [one for one in state["agents"].values() if one["name"] == name]
    entries = agent["conversation_config"]["agent"]["prompt"]["knowledge_base"]
    return [state["documents"][entry["id"]]["text"] for entry in entries]


SHARED = TEXT.model_copy(update={"key": "shared/hours"})
CHANGED = SHARED.model_copy(update={"text": "Geöffnet von zehn bis vier."})


def both(document: Document) -> list[Any]:
    return [assistant(knowledge=[document]), assistant(key="zentrale", name="Zentrale", knowledge=[document])]


async def test_of_200_documents_shared_by_two_one_that_changed_is_one_write(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    many = [Document(key=f"shared/d{number}", name=f"d{number}", text=f"Absatz {number}.") for number in range(200)]

    def team(documents: list[Document]) -> list[Any]:
        return [assistant(knowledge=documents), assistant(key="zentrale", name="Zentrale", knowledge=documents)]

    assert (await synced(kinds, memory, *team(many))).ok
    uploads = [path for method, path in await writes(sandbox) if path.endswith("/text")]
    assert len(uploads) == 200
    bound = dict(memory.bindings)
    await sandbox.clear_log()
    many[17] = many[17].model_copy(update={"text": "Neu."})
    assert (await synced(kinds, memory, *team(many))).ok
    one = bound["knowledge_document", "shared/d17"]
    (write,) = [entry for entry in await sandbox.log() if entry["method"] != "GET"]
    assert (write["method"], write["path"]) == ("PATCH", f"/v1/convai/knowledge-base/{one}")
    assert set(write["request_body"]) == {"name", "content"}
    assert memory.bindings == bound
    assert (await planned(kinds, memory, *team(many))).empty


async def test_a_changed_file_is_replaced_so_that_a_crash_never_looks_like_an_edit_there(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, assistant(knowledge=[PDF]))
    await sandbox.clear_log()
    after = assistant(knowledge=[PDF.model_copy(update={"content": b"%PDF-1.4 two"})])
    assert (await synced(kinds, memory, after)).ok
    assert [method for method, _ in await writes(sandbox)] == ["POST", "PATCH", "DELETE"]
    assert len(await documents(sandbox)) == 1
    assert (await planned(kinds, memory, after)).empty


async def test_a_text_that_a_foreign_agent_uses_is_replaced_and_the_old_one_stays_for_it(
    kinds: Any, memory: Any, api: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, *both(SHARED))
    await foreign_agent(api, memory.bindings["knowledge_document", SHARED.key])
    await sandbox.clear_log()
    found = await planned(kinds, memory, *both(CHANGED))
    (change,) = [one for one in found.changes if one.desired.kind == "knowledge_document"]
    assert change.replaces
    assert "Fremd" in change.others
    applied = await synced(kinds, memory, *both(CHANGED))
    assert applied.ok
    assert not [entry for entry in await sandbox.log() if entry["method"] == "DELETE"]
    assert [await attached(sandbox, name) for name in ("Fremd", "Empfang", "Zentrale")] == [
        [SHARED.text],
        [CHANGED.text],
        [CHANGED.text],
    ]
    (left,) = applied.left
    assert "still used by agent Fremd" in str(left.error)


async def test_an_old_document_that_others_use_is_an_orphan_that_prune_spares_and_names(
    kinds: Any, memory: Any, api: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, *both(SHARED))
    stranger = await foreign_agent(api, memory.bindings["knowledge_document", SHARED.key])
    await synced(kinds, memory, *both(CHANGED))
    old = f"shared/hours@{SHARED.digest[:12]}"
    found = await planned(kinds, memory, *both(CHANGED))
    assert [ref.key for ref in found.orphans] == [old]
    spared = await synced(kinds, memory, *both(CHANGED), prune=True)
    assert spared.done == ()
    assert [ref.key for ref in spared.plan.orphans] == [old]
    assert any("is used by agent Fremd" in notice.what for notice in spared.plan.notices)
    await api.delete("/v1/convai/agents/{i}", i=stranger)
    assert (await synced(kinds, memory, *both(CHANGED), prune=True)).ok
    assert len(await documents(sandbox)) == 1


async def test_an_assistant_that_is_not_part_of_the_plan_keeps_the_text_that_it_has(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, *both(SHARED))
    found = await plan(kinds, both(CHANGED)[:1], await Bindings(memory, SCOPE).load(), whole=False)
    assert (await apply(found, kinds, await Bindings(memory, SCOPE).load())).ok
    assert await attached(sandbox, "Empfang") == [CHANGED.text]
    assert await attached(sandbox, "Zentrale") == [SHARED.text]
    assert (await synced(kinds, memory, *both(CHANGED))).ok
    assert await attached(sandbox, "Zentrale") == [CHANGED.text]
    assert (await synced(kinds, memory, *both(CHANGED), prune=True)).ok
    assert len(await documents(sandbox)) == 1


async def test_a_branch_of_our_own_agent_is_somebody_else(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, *both(SHARED)[:1])
    agent_id = memory.bindings["agent", "empfang"]
    known = {"id": agent_id, "name": "Empfang", "created_at_unix_secs": 1, "access_level": "admin", "type": "available"}
    branches = [
        {"agent_id": agent_id, "agent_name": "Empfang", "branch_id": i, "branch_name": name, "is_main": name == "main"}
        for i, name in (("agtbrch_1", "main"), ("agtbrch_2", "probe"))
    ]
    body = {"agents": [known], "branches": branches, "has_more": False}
    await sandbox.fault(path="*/dependent-agents", status=200, body=body, times=1)
    found = await planned(kinds, memory, *both(CHANGED)[:1])
    (change,) = found.changes[:1]
    assert (change.replaces, change.others) == (True, "branch probe of agent Empfang")


async def test_users_that_cannot_be_asked_for_stop_the_edit_and_nothing_else(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, assistant(knowledge=[TEXT]))
    await sandbox.fault(
        path="*/dependent-agents", status=403, body={"detail": {"status": "no", "message": "no"}}, times=1
    )
    edited = TEXT.model_copy(update={"text": "Anders."})
    applied = await synced(kinds, memory, assistant(name="Neu", knowledge=[edited]))
    assert [failure.ref.kind for failure in applied.failures][:1] == ["knowledge_document"]
    assert next(iter((await documents(sandbox)).values()))["text"] == TEXT.text


async def test_what_a_replacement_that_was_cut_off_has_made_is_taken_and_not_made_again(
    kinds: Any, memory: Any, api: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, assistant(knowledge=[PDF]))
    after = PDF.model_copy(update={"content": b"%PDF-1.4 two"})
    name = f"agentctl/beispiel/production/{PDF.key}@{after.digest[:12]}"
    files = {"file": ("p.pdf", b"%PDF-1.4 two", "application/pdf")}
    made = await api.post("/v1/convai/knowledge-base/file", files=files, data={"name": name})
    memory.intents.add(("knowledge_document", PDF.key))
    await sandbox.clear_log()
    assert (await synced(kinds, memory, assistant(knowledge=[after]))).ok
    assert memory.bindings["knowledge_document", PDF.key] == made["id"]
    assert memory.intents == set()
    assert not [path for method, path in await writes(sandbox) if method == "POST"]
    assert (await synced(kinds, memory, assistant(knowledge=[after]), prune=True)).ok
    assert len(await documents(sandbox)) == 1


async def test_a_list_that_lags_behind_a_replacement_is_waited_for(
    kinds: Any, memory: Any, api: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, assistant(knowledge=[PDF]))
    after = PDF.model_copy(update={"content": b"%PDF-1.4 two"})
    memory.intents.add(("knowledge_document", PDF.key))
    name = f"agentctl/beispiel/production/{PDF.key}@{after.digest[:12]}"

    async def shows_up(seconds: float) -> None:
        files = {"file": ("p.pdf", b"%PDF-1.4 two", "application/pdf")}
        await api.post("/v1/convai/knowledge-base/file", files=files, data={"name": name})

    bindings = await Bindings(memory, SCOPE).load()
    patience = Patience(pauses=(1.0,), sleep=shows_up)
    found = await plan(kinds, [assistant(knowledge=[after])], bindings, patience=patience)
    assert [(one.action, one.desired.kind) for one in found.changes] == [
        ("delete", "knowledge_document"),
        ("update", "agent"),
    ]


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
    assert (await synced(kinds, memory, *both(SHARED))).ok
    assert [path for _, path in await writes(sandbox)].count("/v1/convai/knowledge-base/text") == 1


async def test_a_document_without_binding_is_found_by_name(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant(knowledge=[TEXT]))
    before = dict(memory.bindings)
    memory.bindings.clear()
    await sandbox.clear_log()
    assert (await synced(kinds, memory, assistant(knowledge=[TEXT]))).ok
    assert memory.bindings == before
    assert await writes(sandbox) == []


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("# Preise\n\n- Erstens\n- *Zweitens*\n", "<h1>Preise</h1><ul><li>Erstens</li><li><em>Zweitens</em></li></ul>"),
        ("1. Eins\n2. Zwei, 3.50 Euro\n", "<ol><li>Eins</li><li>Zwei, 3.50 Euro</li></ol>"),
        ("Siehe [Seite](https://example.org/a_b).", '<p>Siehe <a href="https://example.org/a_b">Seite</a>.</p>'),
        ("| Tag | Zeit |\n|---|---|\n| Mo | 9-17 |\n",
         "<table><tr><th>Tag</th><th>Zeit</th></tr>" "<tr><td>Mo</td><td>9–17</td></tr></table>"),
        ("Fragen & Antworten: <Name> \"so\"", "<p>Fragen &amp; Antworten: &lt;Name&gt; &quot;so&quot;</p>"),
        ("Zu\u0308rich", "<p>Z\u00fcrich</p>"),
    ],
)  # fmt: skip
async def test_a_text_is_known_in_whatever_form_it_comes_back(source: str, shown: str) -> None:
    class Platform:
        async def get(self, *_: Any, **__: Any) -> Any:
            return {"id": "d", "name": "n", "type": "text", "extracted_inner_html": shown}

    kind: Any = KnowledgeDocument(Platform(), SCOPE)  # type: ignore[arg-type]
    there = (await kind.read("d")).reads
    meant, other = (Desired("", "", {}, "", TEXT.model_copy(update={"text": text})) for text in (source, f"{source} x"))
    assert (kind.reads(meant) == there, kind.reads(other) == there) == (True, False)


@pytest.mark.parametrize(("meant", "other"), [("3.50 Euro", "35.0 Euro"), ("9:30", "93:0"), ("1,5 Liter", "15 Liter")])
async def test_another_number_is_another_text(api: Any, meant: str, other: str) -> None:
    one, two = (Desired("", "", {}, "", TEXT.model_copy(update={"text": text})) for text in (meant, other))
    assert KnowledgeDocument(api, SCOPE).reads(one) != KnowledgeDocument(api, SCOPE).reads(two)


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


async def test_a_renamed_file_is_a_new_document_and_the_old_one_goes_with_prune(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, assistant(knowledge=[TEXT]))
    renamed = assistant(knowledge=[TEXT.model_copy(update={"key": "empfang/zeiten", "name": "zeiten"})])
    await sandbox.clear_log()
    applied = await synced(kinds, memory, renamed)
    assert [ref.key for ref in applied.plan.orphans] == [TEXT.key]
    assert [method for method, _ in await writes(sandbox)] == ["POST", "PATCH"]
    assert await attached(sandbox, "Empfang") == [TEXT.text]
    assert (await synced(kinds, memory, renamed, prune=True)).ok
    assert len(await documents(sandbox)) == 1
    assert (await planned(kinds, memory, renamed)).orphans == ()


async def test_a_deleted_file_is_detached_and_its_document_goes_with_prune(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, assistant(knowledge=[TEXT]))
    await sandbox.clear_log()
    applied = await synced(kinds, memory, assistant(), prune=True)
    assert (applied.ok, applied.left) == (True, ())
    assert [method for method, _ in await writes(sandbox)] == ["PATCH", "DELETE"]
    assert await documents(sandbox) == {}


async def test_a_document_that_is_used_though_the_platform_was_asked_is_named_and_left(
    kinds: Any, memory: Any, api: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, assistant(knowledge=[TEXT]))
    stranger = await foreign_agent(api, memory.bindings["knowledge_document", TEXT.key])
    nobody = {"agents": [], "branches": [], "has_more": False}
    await sandbox.fault(path="*/dependent-agents", status=200, body=nobody, times=2)
    applied = await synced(kinds, memory, assistant(), prune=True)
    assert applied.ok
    assert f"Fremd ({stranger})" in str(applied.left[0].error)
    assert len(await documents(sandbox)) == 1


NOTES = Document(key="empfang/notes", name="notes", content=b"Eins.", filename="notes.txt", media_type="text/plain")
EDITED = {
    TEXT: TEXT.model_copy(update={"text": "Geöffnet von zehn bis vier."}),
    NOTES: NOTES.model_copy(update={"content": b"Zwei."}),
}


def seconds_pass(memory: Any, *documents: Document) -> None:
    """The platform tells the time of a change in whole seconds, and no test waits for the next one."""
    for document in documents:
        memory.applied["knowledge_document", document.key]["~touched"] -= 2


@pytest.mark.parametrize("document", [TEXT, NOTES])
async def test_an_edit_in_the_dashboard_right_after_ours_is_held_back_and_never_overwritten(
    kinds: Any, memory: Any, api: Any, sandbox: Any, document: Document
) -> None:
    await synced(kinds, memory, assistant(knowledge=[document]))
    place = {"path": "/v1/convai/knowledge-base/{i}", "i": memory.bindings["knowledge_document", document.key]}
    await api.patch(**place, json={"content": "Von Hand."})  # which leaves the name as it is
    seconds_pass(memory, document)
    for wanted, origin in ((document, "there"), (EDITED[document], "both")):
        done = await synced(kinds, memory, assistant(knowledge=[wanted]))
        held = next(one for one in done.held if one.desired.kind == "knowledge_document")
        assert (held.desired.key, [(one.path, one.origin) for one in held.edits]) == (
            document.key,
            [("content", origin)],
        )
        assert await attached(sandbox, "Empfang") == ["Von Hand."]
    found = await planned(kinds, memory, assistant(knowledge=[EDITED[document]]))
    assert (await apply(found, kinds, await Bindings(memory, SCOPE).load(), take_ours=True)).ok
    assert await attached(sandbox, "Empfang") == [EDITED[document].text or "Zwei."]
    assert (await planned(kinds, memory, assistant(knowledge=[EDITED[document]]))).empty


async def test_that_the_platform_was_at_a_document_is_no_edit_and_a_page_is_never_looked_into(
    kinds: Any, memory: Any, api: Any, sandbox: Any
) -> None:
    wanted = assistant(knowledge=[TEXT, NOTES, PAGE])
    await synced(kinds, memory, wanted)
    await api.post("/v1/convai/knowledge-base/{i}/refresh", i=memory.bindings["knowledge_document", PAGE.key])
    seconds_pass(memory, TEXT, NOTES)
    looked = [f"/v1/convai/knowledge-base/{memory.bindings['knowledge_document', one.key]}" for one in (TEXT, NOTES)]
    for looks in (looked, []):
        await sandbox.clear_log()
        done = await synced(kinds, memory, wanted)
        assert (done.plan.empty, done.plan.notices) == (True, ())
        asked = [entry["path"] for entry in await sandbox.log() if "/knowledge-base/" in entry["path"]]
        assert sorted(asked) == sorted(looks)


async def test_a_document_moved_by_the_files_keeps_what_somebody_wrote_into_it(
    kinds: Any, memory: Any, api: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, assistant(knowledge=[TEXT]))
    place = {"path": "/v1/convai/knowledge-base/{i}", "i": memory.bindings["knowledge_document", TEXT.key]}
    await api.patch(**place, json={"content": "Von Hand."})
    seconds_pass(memory, TEXT)
    moved = assistant(knowledge=[TEXT], knowledge_base={"folder": True})
    for _ in range(2):
        assert [one.desired.key for one in (await synced(kinds, memory, moved)).held] == [TEXT.key]
    (document,) = [row for row in (await documents(sandbox)).values() if row["type"] == "text"]
    assert (document["text"], bool(document["parent"])) == ("Von Hand.", True)


@pytest.mark.parametrize("fault", [{"drop": "before"}, {"drop": "after"}, {"status": 503}])
async def test_what_somebody_writes_into_a_document_before_its_edit_is_sent_again_stays(
    kinds: Any, memory: Any, sandbox: Any, api: Any, fault: dict[str, Any]
) -> None:
    assert (await synced(kinds, memory, assistant(knowledge=[TEXT]))).ok
    place = {"path": "/v1/convai/knowledge-base/{i}", "i": memory.bindings["knowledge_document", TEXT.key]}
    await sandbox.fault(method="PATCH", path=f"/v1/convai/knowledge-base/{place['i']}", times=1, **fault)

    async def by_hand() -> None:
        await api.patch(**place, json={"content": "Von Hand."})  # which leaves the name as it is

    edited = TEXT.model_copy(update={"text": "Geöffnet von zehn bis vier."})
    failures = await edited_between_attempts(kinds, memory, assistant(knowledge=[edited]), by_hand)
    assert failures[:1] == ([] if fault == {"drop": "after"} else [Stale])
    assert [row["text"] for row in (await documents(sandbox)).values()] == ["Von Hand."]


async def test_an_edit_that_nobody_came_between_is_sent_again(kinds: Any, memory: Any, sandbox: Any, api: Any) -> None:
    assert (await synced(kinds, memory, assistant(knowledge=[TEXT]))).ok
    await sandbox.fault(method="PATCH", path="/v1/convai/knowledge-base/*", times=1, status=503)

    async def nothing() -> None:
        """Nobody is there."""

    edited = assistant(knowledge=[TEXT.model_copy(update={"text": "Geöffnet von zehn bis vier."})])
    assert await edited_between_attempts(kinds, memory, edited, nothing) == []
    assert (await planned(kinds, memory, edited)).empty
