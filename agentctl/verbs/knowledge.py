"""The knowledge base beyond sync: what is there and who uses it, and pages that are fetched again."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from agentctl.errors import AgentctlError, UsageError
from agentctl.resources import knowledge, rag_index
from agentctl.resources.answer import having
from agentctl.resources.assistant import Assistant, Document
from agentctl.resources.endpoints import DOCUMENT, KNOWLEDGE
from agentctl.resources.mark import marked, parted, prefix
from agentctl.resources.rag_index import RagIndex
from agentctl.secrecy.secret import masked
from agentctl.settings import nearest
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.sync import load
from agentctl.wiring import Control

MISSING = "missing"
REFRESH = f"{DOCUMENT}/refresh"


@dataclass(frozen=True)
class Listed:
    """One document of ours at the platform. `size` in bytes; `models`: those by which it is indexed.

    `indexes`: by model what the platform says of each that is declared or bound, MISSING for none. `declared`: the
    files have it still. `used_by`: names of agents, ours and others.
    """

    key: str
    type: str
    document_id: str
    size: int
    used_by: tuple[str, ...]
    models: tuple[str, ...]
    declared: bool
    indexes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refreshed:
    """One page that was to be fetched again; `error` None: it was, and what was indexed of it is so again.

    `url` is fit to be shown: without what it holds of credentials.
    """

    key: str
    url: str
    error: AgentctlError | None = None


async def documents(control: Control) -> tuple[Listed, ...]:
    """Every document that carries this project's mark, by key; raises as `plan` does.

    One request per hundred documents, and one per model and hundred indexes.
    """
    loaded = await load(control)
    bindings = await control.bindings()
    declared = {document.key for assistant in loaded.assistants for document in assistant.knowledge}
    mark = prefix(control.scope)
    pages = control.api.pages(KNOWLEDGE, items="documents", params={"search": mark})
    found = [_listed(entry, mark, bindings, declared) async for entry in pages if entry.get("type") != "folder"]
    found = await _with_indexes(control, loaded.assistants, bindings, found)
    return tuple(sorted(found, key=lambda one: one.key))


async def _with_indexes(
    control: Control, assistants: Sequence[Assistant], bindings: Bindings, found: Sequence[Listed]
) -> list[Listed]:
    kind = RagIndex(control.api)
    keys = {one.key for assistant in assistants for one in kind.desired(assistant)} | bindings.of(kind.name).keys()
    models: dict[str | None, set[str]] = defaultdict(set)
    for key in sorted(keys):
        name, _, model = key.rpartition("@")
        models[bindings.get(Ref(knowledge.KIND, name))].add(model)
    wanted = {(one.document_id, model) for one in found for model in models[one.document_id]}
    states = {pair: _state(index) for pair, index in (await rag_index.indexes(control.api, wanted)).items()}

    def told(one: Listed) -> Listed:
        indexes = {model: states[one.document_id, model] for model in sorted(models[one.document_id])}
        ready = tuple(model for model, state in indexes.items() if state == rag_index.SUCCEEDED)
        return replace(one, indexes=indexes, models=ready)

    return [told(one) for one in found]


def _state(index: rag_index.Found) -> str:
    if isinstance(index, AgentctlError):
        raise index
    return str(index.get("status")) if index else MISSING


async def refresh(control: Control, only: Sequence[str] = ()) -> tuple[Refreshed, ...]:
    """Have ElevenLabs fetch the pages of `url` documents again; `only`: globs of document keys, none: all pages.

    What an agent knows of a page changes at once, wherever it is attached. What was indexed of it is asked for again
    and awaited, since the platform may drop an index with the content that it is of. One that fails stops no other.
    Raises UsageError for a glob that means no page, or one that was never synced, Busy while a sync runs, and as `load`
    does.
    """
    loaded = await load(control)
    pages = _chosen(loaded.assistants, only)
    async with exclusive(control):
        bindings = await control.bindings()
        unsynced = [key for key in pages if bindings.get(Ref(knowledge.KIND, key)) is None]
        if unsynced:
            raise UsageError(f"not at ElevenLabs yet: {', '.join(unsynced)}", "Sync first: agentctl sync")
        index = RagIndex(control.api, control.tell)
        return tuple(await asyncio.gather(*(_refreshed(control, index, bindings, page) for page in pages.values())))


async def _refreshed(control: Control, index: RagIndex, bindings: Bindings, page: Document) -> Refreshed:
    document_id = bindings.get(Ref(knowledge.KIND, page.key))
    assert document_id is not None
    assert page.url is not None
    shown = str(masked(page.url))
    try:
        await control.api.post_repeatable(REFRESH, document_id=document_id)
        for key, remote_id in bindings.of(index.name).items():
            if key.rpartition("@")[0] == page.key and rag_index.document_of(remote_id) == document_id:
                now = await index.renew(key, remote_id)
                await bindings.bind(Ref(index.name, key), now.remote_id, now.body)
    except AgentctlError as error:
        return Refreshed(page.key, shown, error)
    return Refreshed(page.key, shown)


def _chosen(assistants: Sequence[Assistant], only: Sequence[str]) -> dict[str, Document]:
    every = {document.key: document for assistant in assistants for document in assistant.knowledge}
    pages = {key: document for key, document in every.items() if document.url is not None}
    for glob in only:
        if any(fnmatchcase(key, glob) for key in pages):
            continue
        if glob in every:
            raise UsageError(f"{glob} is no page: only what has a url is fetched", "A changed file needs a sync.")
        guess = nearest(glob, list(pages))
        hint = f"Did you mean {guess}?" if guess else f"There are: {', '.join(pages) or 'none'}."
        raise UsageError(f"no page matches {glob!r}", hint)
    return {key: one for key, one in pages.items() if not only or any(fnmatchcase(key, glob) for glob in only)}


def _listed(entry: Mapping[str, Any], mark: str, bindings: Bindings, declared: set[str]) -> Listed:
    asked = f"GET {KNOWLEDGE}"
    own = parted(str(having(asked, entry, "name")["name"]).removeprefix(mark))
    name = str(own["name"])
    document_id = str(having(f"{asked} ({knowledge.KIND} {name})", entry, "id")["id"])
    users = [having(f"{asked} ({knowledge.KIND} {name})", one, "id") for one in entry.get("dependent_agents") or ()]
    current = bindings.get(Ref(knowledge.KIND, name)) == document_id
    return Listed(
        # One that was replaced and stays, since others use it, is told apart as a plan does it.
        key=name if current or name not in declared else marked(own),
        type=str(entry.get("type")),
        document_id=document_id,
        size=int((entry.get("metadata") or {}).get("size_bytes") or 0),
        # The list still carries them, though it says that it will not for ever; the plan asks the endpoint of its own.
        used_by=tuple(str(one.get("name") or one["id"]) for one in users),
        models=(),
        declared=name in declared and current,
    )
