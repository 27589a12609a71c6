"""Indexes for retrieval: one per document and embedding model, asked for where an assistant's `[rag]` wants it.

The platform does not tell of what content an index is, so that is remembered in the binding's id:
`<document>/<index>/<digest of the content>/<model>`. Whether it is there still is looked at. It is made of a document,
and nobody edits it: one that is gone, as after every new content that the platform takes, is asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentctl.errors import AgentctlError, AnswerLost, NotFound, Rejected, SyncError, Unauthorized
from agentctl.resources import knowledge
from agentctl.resources.answer import having, listing, odd
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant
from agentctl.resources.dependents import must_be_free
from agentctl.resources.endpoints import DOCUMENT, KNOWLEDGE
from agentctl.resources.mark import short
from agentctl.resources.place import Place
from agentctl.resources.retrieval import readers
from agentctl.sync.kind import Desired, Keyed, Observed, Ref, Sighting, Traits, User

INDEXES = f"{DOCUMENT}/rag-index"
INDEX = f"{DOCUMENT}/rag-index/{{index_id}}"
BATCH = f"{KNOWLEDGE}/rag-index"
KIND = "rag_index"
_MOST = 100  # indexes that one request of BATCH tells of
# Below 500 bytes nothing is indexed; such a document goes into the prompt as a whole.
SUCCEEDED, TOO_SMALL = "succeeded", "document_too_small"
DONE = frozenset({SUCCEEDED, TOO_SMALL})
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


Index = Mapping[str, Any]
Found = Index | None | AgentctlError
"""An index as the platform has it; None: there is none; or why it could not be asked for."""


@dataclass(frozen=True)
class _Bound:
    """What a binding's id says; no `index` and no `content`: it was found missing, no `model`: an older id."""

    document: str
    index: str
    content: str
    model: str = ""

    @classmethod
    def of(cls, remote_id: str) -> _Bound:
        # Whatever another version has added to it stands at its end.
        document, index, content, model = [*remote_id.split("/"), "", "", ""][:4]
        return cls(document, index, content, model)

    def observed(self) -> Observed:
        remote_id = "/".join((self.document, self.index, self.content, self.model))
        return Observed(remote_id, {"document": self.document, "model": self.model, "content": self.content or None})

    def seen(self, model: str, found: Found) -> Sighting:
        """What is there of it. One that has not ended well, or not ended, is asked for again, and awaited."""
        if isinstance(found, AgentctlError):
            return found
        if found is None or found.get("status") not in DONE:
            return (_Bound(self.document, "", "", model).observed(),)
        return (_Bound(self.document, str(found["id"]), self.content, model).observed(),)


class RagIndex:
    """The index of one document by one model. To ask for one that is there only tells how far it is."""

    name = KIND
    traits = Traits(repeatable=True, part_of="document")
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
                body = {
                    "document": Ref(knowledge.KIND, document.key),
                    "model": assistant.rag.model,
                    "content": short(document.digest),
                }
                yield Desired(self.name, f"{document.key}@{assistant.rag.model}", body, document.key, follows=True)

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """Those that are bound, by `indexes`; what nobody needs any more is not looked at."""
        known = {one.key: _Bound.of(bound[one.key]) for one in wanted if one.key in bound}
        pairs = {key: (one.document, model_of(key)) for key, one in known.items()}
        found = await indexes(self._api, set(pairs.values()))
        return {key: one.seen(pairs[key][1], found[pairs[key]]) for key, one in known.items()}

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """Nothing to refuse."""

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """The platform indexes anew by itself; it is only asked and awaited."""
        return False

    def felt(self, changed: frozenset[str]) -> bool:
        """An index of another content is what the edit of the content has led to already."""
        return False

    async def users(self, remote_id: str) -> Sequence[User]:
        """The agents that have its document and look things up by its model; ours too, whatever is declared of them."""
        bound = _Bound.of(remote_id)
        return await readers(self._api, bound.document, bound.model)

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """Ask for the index and wait until it has ended. Raises SyncError where it has not ended well, or in time."""
        document_id, model = str(body["document"]), str(body["model"])
        index = await self._ended(desired.key, document_id, model)
        return _Bound(document_id, str(index["id"]), str(body["content"]), model).observed().remote_id

    async def read(self, remote_id: str) -> Observed:
        """What is remembered: `create` has awaited it."""
        return _Bound.of(remote_id).observed()

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """The same for another document or another content, or once more."""
        body = {**_Bound.of(remote_id).observed().body, **patch}
        return await self.read(await self.create(desired, body))

    async def renew(self, key: str, remote_id: str) -> Observed:
        """Ask once more for the index of what is bound, whose document has another content now. Raises as `create`."""
        bound = _Bound.of(remote_id)
        index = await self._ended(key, bound.document, model_of(key))
        return _Bound(bound.document, str(index["id"]), bound.content, model_of(key)).observed()

    async def delete(self, remote_id: str) -> None:
        """Give its room back, unless somebody looks things up in it. It may have been made anew under another id.

        Raises InUse, with the names of those who do.
        """
        bound = _Bound.of(remote_id)
        name = f"rag_index of document {bound.document} by {bound.model or 'its model'}"
        must_be_free(name, await self.users(remote_id), otherwise="Switch retrieval off there, or to another model")
        for index in await _of_document(self._api, bound.document):
            if index["id"] == bound.index or index["model"] == bound.model:
                await self._gone(bound.document, str(index["id"]))

    async def _gone(self, document_id: str, index_id: str) -> None:
        try:
            await self._api.delete(INDEX, document_id=document_id, index_id=index_id)
        except NotFound:
            return

    async def _ended(self, key: str, document_id: str, model: str) -> Mapping[str, Any]:
        answer = await self._api.post(INDEXES, json={"model": model}, document_id=document_id)
        what = f"POST {INDEXES} (rag_index {key})"
        index: Index = having(what, answer, "id", "status") if answer else await self._look(document_id, model)
        waited, pause, told = 0.0, self._pace.first, ""
        while (status := str(index.get("status"))) not in DONE:
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

    async def _look(self, document_id: str, model: str) -> Index:
        found = _by(model, await _of_document(self._api, document_id))
        if not isinstance(found, Mapping):
            raise odd(f"GET {INDEXES}", f"the index by {model} that was asked for is not among them")
        return found


def model_of(key: str) -> str:
    """The model that the key of an index names."""
    return key.rpartition("@")[2]


def document_of(remote_id: str) -> str:
    """The id of the document that a bound index is of."""
    return _Bound.of(remote_id).document


async def indexes(api: Api, wanted: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Found]:
    """By document and model: what is there. One request for each model and a hundred documents; it makes nothing.

    What that does not tell of a document is asked of it alone: how it tells that there is no index is not documented.
    """
    by_model: dict[str, list[str]] = {}
    for document_id, model in sorted(wanted):
        by_model.setdefault(model, []).append(document_id)
    groups = [(model, ids[at : at + _MOST]) for model, ids in by_model.items() for at in range(0, len(ids), _MOST)]
    found: dict[tuple[str, str], Found] = {}
    for told in await asyncio.gather(*(_told(api, model, ids) for model, ids in groups)):
        found |= told
    untold = sorted({document_id for document_id, model in wanted if (document_id, model) not in found})
    asked = dict(zip(untold, await asyncio.gather(*(_asked(api, one) for one in untold)), strict=True))
    for document_id, model in wanted:
        if (document_id, model) not in found:
            found[document_id, model] = _by(model, asked[document_id])
    return found


async def _told(api: Api, model: str, ids: Sequence[str]) -> dict[tuple[str, str], Index]:
    items = [{"document_id": document_id, "create_if_missing": False, "model": model} for document_id in ids]
    try:
        answer = having(f"POST {BATCH}", await api.post(BATCH, json={"items": items}))
    except (AnswerLost, NotFound, Rejected, Unauthorized):
        return {}  # It is a POST, which is not repeated, and not allowed to every key; a GET is both.
    found = {}
    for document_id in ids:
        entry = answer.get(document_id)
        index = entry.get("data") if isinstance(entry, Mapping) and entry.get("status") == "success" else None
        if isinstance(index, Mapping) and index.get("model") == model and index.get("id") and index.get("status"):
            found[document_id, model] = index
    return found


async def _asked(api: Api, document_id: str) -> Sequence[Index] | AgentctlError:
    try:
        return await _of_document(api, document_id)
    except AgentctlError as error:
        return error


async def _of_document(api: Api, document_id: str) -> Sequence[Index]:
    try:
        answer = await api.get(INDEXES, document_id=document_id)
    except NotFound:
        return ()
    asked = f"GET {INDEXES} (document {document_id})"
    return [having(asked, one, "id", "model", "status") for one in listing(asked, answer, "indexes")]


def _by(model: str, answer: Sequence[Index] | AgentctlError) -> Found:
    if isinstance(answer, AgentctlError):
        return answer
    return next((index for index in answer if index["model"] == model), None)
