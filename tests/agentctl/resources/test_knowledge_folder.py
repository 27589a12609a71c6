"""Folders: made once, documents made in them and moved into them, removed when empty and undeclared."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.errors import Stale
from agentctl.resources.assistant import Assistant, Document
from tests.agentctl.resources.contract import assistant, edited_between_attempts, planned, synced

pytestmark = pytest.mark.anyio
OWN = Document(key="empfang/hours", name="hours", text="Geöffnet von neun bis fünf.")
PDF = Document(
    key="empfang/prices", name="prices", content=b"%PDF-1.4 one", filename="p.pdf", media_type="application/pdf"
)
PAGE = Document(key="empfang/page", name="page", url="https://www.example.org/one")
FIRM = Document(key="shared/firm", name="firm", text="Die Firma.")


def placed(folder: Any = None, shared_folder: Any = None, **fields: Any) -> Assistant:
    base = {"folder": folder, "shared_folder": shared_folder}
    return assistant(**{"knowledge": [OWN, FIRM], "knowledge_base": base, **fields})


async def places(sandbox: Any) -> dict[str, str | None]:
    """Key of each document -> name of its folder."""
    rows = (await sandbox.state())["documents"]
    return {
        row["name"].removeprefix("agentctl/beispiel/production/").partition("@")[0]: (
            rows[row["parent"]]["name"] if row["parent"] else None
        )
        for row in rows.values()
        if row["type"] != "folder"
    }


async def folders(sandbox: Any) -> list[str]:
    return sorted(row["name"] for row in (await sandbox.state())["documents"].values() if row["type"] == "folder")


async def test_documents_are_made_in_folders_that_carry_the_project_and_are_made_once(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    own = placed(folder=True, shared_folder=True, knowledge=[OWN, PDF, PAGE, FIRM])
    other = placed(folder=True, shared_folder=True, knowledge=[FIRM], key="zentrale", name="Zentrale")
    team = [own, other]
    assert (await synced(kinds, memory, *team)).ok
    prefix = "agentctl/beispiel/production/"
    assert await folders(sandbox) == [f"{prefix}empfang", f"{prefix}shared"]
    found = await places(sandbox)
    assert {key: found[key] for key in (OWN.key, PDF.key, PAGE.key)} == dict.fromkeys(
        (OWN.key, PDF.key, PAGE.key), f"{prefix}empfang"
    )
    assert found[FIRM.key] == f"{prefix}shared"
    assert (await planned(kinds, memory, *team)).empty


async def test_what_is_there_is_moved_in_and_with_false_moved_out_and_the_folder_goes_with_prune(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, placed())
    before = dict(memory.bindings)
    assert (await synced(kinds, memory, placed(folder="Empfang und Büro"))).ok
    assert before.items() <= memory.bindings.items()
    name = "agentctl/beispiel/production/Empfang und Büro"
    assert await places(sandbox) == {"empfang/hours": name, "shared/firm": None}
    assert (await planned(kinds, memory, placed(folder="Empfang und Büro"))).empty
    applied = await synced(kinds, memory, placed(folder=False), prune=True)
    assert (applied.ok, applied.left) == (True, ())
    assert await places(sandbox) == {"empfang/hours": None, "shared/firm": None}
    assert await folders(sandbox) == []
    assert (await planned(kinds, memory, placed(folder=False))).empty


async def test_a_folder_in_which_somebody_keeps_something_stays(
    kinds: Any, memory: Any, api: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, placed(folder=True))
    theirs = {"text": "Fremdes.", "name": "Notiz", "parent_folder_id": memory.bindings["knowledge_folder", "empfang"]}
    await api.post("/v1/convai/knowledge-base/text", json=theirs)
    applied = await synced(kinds, memory, placed(folder=False), prune=True)
    assert applied.ok
    assert len(await folders(sandbox)) == 1
    (notice,) = applied.plan.notices
    assert notice.where == "knowledge_folder empfang"
    assert "text Notiz in it" in notice.what


async def test_a_folder_stays_with_a_document_that_somebody_else_uses_and_nothing_is_left_to_do(
    kinds: Any, memory: Any, api: Any, sandbox: Any
) -> None:
    rest = assistant(key="zentrale", name="Zentrale")
    await synced(kinds, memory, placed(folder=True, knowledge=[OWN]), rest)
    used = {"type": "text", "name": "x", "id": memory.bindings["knowledge_document", OWN.key], "usage_mode": "auto"}
    config = {"agent": {"prompt": {"knowledge_base": [used]}}}
    await api.post("/v1/convai/agents/create", json={"name": "Fremd", "conversation_config": config})
    assert (await synced(kinds, memory, rest, prune=True)).ok
    again = (await synced(kinds, memory, rest, prune=True)).plan
    assert (again.changes, again.failures) == ((), ())
    told = {notice.where: notice.what for notice in again.notices}
    assert "is used by agent Fremd" in told["knowledge_document empfang/hours"]
    assert "empfang/hours" in told["knowledge_folder empfang"]
    assert len(await folders(sandbox)) == 1


async def test_a_setting_that_is_only_taken_out_leaves_documents_where_they_are(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    await synced(kinds, memory, placed(folder=True))
    before = await places(sandbox)
    applied = await synced(kinds, memory, placed(), prune=True)
    assert applied.ok
    assert await places(sandbox) == before
    (notice,) = applied.plan.notices
    assert "agentctl/beispiel/production/empfang/hours" in notice.what


async def test_a_folder_without_binding_is_found_by_its_name(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, placed(folder=True))
    before = dict(memory.bindings)
    memory.bindings.clear()
    assert (await synced(kinds, memory, placed(folder=True))).ok
    assert memory.bindings == before
    assert len(await folders(sandbox)) == 1


async def test_a_folder_that_is_renamed_before_its_own_name_is_said_again_keeps_theirs(
    kinds: Any, memory: Any, sandbox: Any, api: Any
) -> None:
    wanted = placed(folder=True)
    assert (await synced(kinds, memory, wanted)).ok
    place = {"path": "/v1/convai/knowledge-base/{i}", "i": memory.bindings["knowledge_folder", "empfang"]}
    await api.patch(**place, json={"name": "Archiv"})
    await sandbox.fault(method="PATCH", path=f"/v1/convai/knowledge-base/{place['i']}", times=1, status=503)

    async def by_hand() -> None:
        await api.patch(**place, json={"name": "Ablage"})

    assert (await edited_between_attempts(kinds, memory, wanted, by_hand))[:1] == [Stale]
    assert await folders(sandbox) == ["Ablage"]


async def test_without_folders_nobody_asks_for_any(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, placed())
    await sandbox.clear_log()
    assert (await planned(kinds, memory, placed())).empty
    lists = [entry for entry in await sandbox.log() if entry["path"] == "/v1/convai/knowledge-base"]
    assert len(lists) == 1
