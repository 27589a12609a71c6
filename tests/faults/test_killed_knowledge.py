"""A sync of changed documents is killed at every request; the next one finishes it, with nothing twice or mixed up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

import httpx
import pytest
from pydantic import SecretStr

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.resources import kinds as all_kinds
from agentctl.resources.assistant import Document
from agentctl.resources.place import Place
from agentctl.resources.rag_index import BATCH
from agentctl.sandbox.harness import Sandbox, running
from agentctl.sync.apply import apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.patience import Patience
from agentctl.sync.planning import plan
from tests.agentctl.resources.contract import SCOPE, Memory, assistant

pytestmark = pytest.mark.anyio
Phase = Literal["before", "applied"]
TEXT = Document(key="shared/hours", name="hours", text="Geöffnet von neun bis fünf.")
PDF = Document(
    key="empfang/prices", name="prices", content=b"%PDF-1.4 (eins) Tj", filename="p.pdf", media_type="application/pdf"
)
NEW_TEXT = TEXT.model_copy(update={"text": "Geöffnet von zehn bis vier."})
NEW_PDF = PDF.model_copy(update={"content": b"%PDF-1.4 (zwei) Tj"})


class Killed(BaseException):
    """The process would be gone."""


class Deadly(httpx.AsyncHTTPTransport):
    """Dies at request number `fatal`, and stays dead. 0: never."""

    def __init__(self, fatal: int, phase: Phase) -> None:
        super().__init__()
        self.sent: list[str] = []
        self._fatal = fatal
        self._phase = phase

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.method)
        number = len(self.sent)
        if self._fatal and (number > self._fatal or (number == self._fatal and self._phase == "before")):
            raise Killed
        answer = await super().handle_async_request(request)
        await answer.aread()
        if number == self._fatal:
            raise Killed
        return answer


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as found:
        yield found


def team(text: Document, pdf: Document) -> list[Any]:
    rag = {"enabled": True}
    return [
        assistant(knowledge=[pdf, text], rag=rag, knowledge_base={"folder": pdf is NEW_PDF}),
        assistant(key="zentrale", name="Zentrale", knowledge=[text], rag=rag),
    ]


async def one_sync(
    sandbox: Sandbox, memory: Memory, specs: list[Any], fatal: int = 0, phase: Phase = "before"
) -> list[str]:
    """Sync once; the method of each request that it took. Raises Killed."""
    transport = Deadly(fatal, phase)
    key = SecretStr(sandbox.key)
    async with ElevenLabs(sandbox.url, key, transport=transport, concurrency=1) as api:
        kinds = all_kinds(Place(api, memory, SCOPE))
        bindings = await Bindings(memory, SCOPE).load()
        found = await plan(kinds, specs, bindings, prune=True, patience=Patience(pauses=(0.01,)))
        applied = await apply(found, kinds, bindings)
        assert (applied.failures, applied.held) == ((), ())
    return transport.sent


async def outcome(sandbox: Sandbox) -> Any:
    """What a person would find in the dashboard, without ids."""
    state = await sandbox.state()
    rows = state["documents"]
    documents = sorted(
        (row["name"], row["type"], row["text"], rows[row["parent"]]["name"] if row["parent"] else None)
        for row in rows.values()
    )
    known = {
        row["name"]: sorted(
            rows[entry["id"]]["text"] for entry in row["conversation_config"]["agent"]["prompt"]["knowledge_base"]
        )
        for row in state["agents"].values()
    }
    return documents, known


@pytest.mark.parametrize("phase", ["before", "applied"])
async def test_killed_at_every_request_of_a_change_of_documents(sandbox: Sandbox, phase: Phase) -> None:
    before, after = team(TEXT, PDF), team(NEW_TEXT, NEW_PDF)
    memory = Memory()
    await one_sync(sandbox, memory, before)
    requests = await one_sync(sandbox, memory, after)
    undisturbed = await outcome(sandbox)
    assert len(undisturbed[0]) == 3
    assert len(requests) > 10
    for fatal, method in enumerate(requests, 1):
        if phase == "applied" and method == "GET":
            continue  # There is nothing to apply: it is killed as it was before it.
        await sandbox.reset()
        memory = Memory()
        await one_sync(sandbox, memory, before)
        with pytest.raises(Killed):
            await one_sync(sandbox, memory, after, fatal, phase)
        await one_sync(sandbox, memory, after)
        assert await outcome(sandbox) == undisturbed, f"killed at request {fatal}: another result"
        await sandbox.clear_log()
        await one_sync(sandbox, memory, after)
        sent = [entry for entry in await sandbox.log() if entry["method"] != "GET" and entry["path"] != BATCH]
        assert not sent, f"killed at request {fatal}"
