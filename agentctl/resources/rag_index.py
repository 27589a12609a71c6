"""Indexes for retrieval: one per document and embedding model, asked for where an assistant's `[rag]` wants it.

What is known to be indexed is remembered in the binding's id, `<document>/<index>/<digest of the content>`, so that a
sync in which nothing changed asks for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentctl.errors import ApiError, NotFound, SyncError
from agentctl.resources import knowledge
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant
from agentctl.resources.dependents import dependents
from agentctl.resources.place import Place
from agentctl.sync.kind import Desired, Keyed, Observed, Ref, Sighting, User

INDEXES = "/v1/convai/knowledge-base/{document_id}/rag-index"
INDEX = "/v1/convai/knowledge-base/{document_id}/rag-index/{index_id}"
KIND = "rag_index"
# Below 500 bytes nothing is indexed; such a document goes into the prompt as a whole.
_DONE = frozenset({"succeeded", "document_too_small"})
_REMEDIES = {
    "failed": 'Check that the document has text that can be read; then sync again, or give it usage = "prompt".',
    "rag_limit_exceeded": "The workspace has no room left for indexes: delete some that nobody needs (agentctl sync "
    '--prune removes ours), choose a larger plan, or give this document usage = "prompt".',
    "cannot_index_folder": "A folder has no index of its own; name the documents in it one by one.",
}


@dataclass(frozen=True)
class Pace:
    """How an index is awaited: the pauses between looks grow from `first` to `longest`; seconds, as is `deadline`."""

    first: float = 0.25
    longest: float = 5.0
    deadline: float = 600.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class RagIndex:
    """The index of one document by one model. To ask for one that is there only tells how far it is."""

    name = KIND
    prunable = True
    repeatable = True
    lists: Mapping[str, Keyed] = {}

    def __init__(self, api: Api, tell: Callable[[str], None] = lambda text: None, pace: Pace | None = None) -> None:
        self._api = api
        self._tell = tell
        self._pace = pace or Pace()

    @classmethod
    def at(cls, place: Place) -> RagIndex:
        """For one workspace and project."""
        return cls(place.api, place.tell)

    def desired(self, assistant: Assistant) -> Iterable[Desired]:
        """One for each document that is looked up; what is always in the prompt needs none."""
        for document in assistant.knowledge if assistant.rag.enabled else ():
            if document.usage == "auto":
                body = {"document": Ref(knowledge.KIND, document.key), "content": document.digest[:12]}
                yield Desired(self.name, f"{document.key}@{assistant.rag.model}", body, document.key, follows=True)

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """What is remembered; no request."""
        return {one.key: (_observed(bound[one.key]),) for one in wanted if one.key in bound}

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """Nothing to refuse."""

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """The platform indexes anew by itself; it is only asked and awaited."""
        return False

    def felt(self, changed: frozenset[str]) -> bool:
        """An index of another content is what the edit of the content has led to already."""
        return False

    async def users(self, remote_id: str) -> Sequence[User]:
        """The agents that its document is attached to: any of them may look things up in it."""
        return await dependents(self._api, remote_id.split("/")[0])

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """Ask for the index and wait until it has ended. Raises SyncError where it has not ended well, or in time."""
        model = desired.key.rpartition("@")[2]
        index = await self._ended(desired.key, str(body["document"]), model)
        return f"{body['document']}/{index['id']}/{body['content']}"

    async def read(self, remote_id: str) -> Observed:
        """What is remembered."""
        return _observed(remote_id)

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """The same for another document or another content."""
        return _observed(await self.create(desired, {**_observed(remote_id).body, **patch}))

    async def delete(self, remote_id: str) -> None:
        """Give its room back. Our own agents may still have the document; an index goes with its document as well."""
        document_id, index_id, _ = remote_id.split("/")
        try:
            await self._api.delete(INDEX, document_id=document_id, index_id=index_id)
        except NotFound:
            return

    async def _ended(self, key: str, document_id: str, model: str) -> Mapping[str, Any]:
        index: Mapping[str, Any] = await self._api.post(INDEXES, json={"model": model}, document_id=document_id)
        waited, pause, told = 0.0, self._pace.first, ""
        while (status := str(index.get("status"))) not in _DONE:
            if status in _REMEDIES:
                raise SyncError(f"rag_index {key}: {status}", _REMEDIES[status])
            # A status that is not known yet is one on the way; only the deadline ends it.
            if waited >= self._pace.deadline:
                hint = "ElevenLabs goes on with it; run the same again later, and it is asked for the outcome."
                raise SyncError(f"rag_index {key}: still {status} after {waited:.0f} s", hint)
            state = f"{status} {index.get('progress_percentage') or 0:.0f} %"
            if state != told:
                self._tell(f"rag_index {key}: {state}")
                told = state
            await self._pace.sleep(pause)
            waited, pause = waited + pause, min(pause * 1.6, self._pace.longest)
            index = await self._look(document_id, model)
        return index

    async def _look(self, document_id: str, model: str) -> Mapping[str, Any]:
        answer = await self._api.get(INDEXES, document_id=document_id)
        for index in answer.get("indexes") or ():
            if index.get("model") == model:
                found: Mapping[str, Any] = index
                return found
        raise ApiError(f"GET {INDEXES}: the index by {model} that was asked for is not among them", status=200)


def _observed(remote_id: str) -> Observed:
    document_id, _, digest = remote_id.split("/")
    return Observed(remote_id, {"document": document_id, "content": digest})
