"""Which knowledge documents of agents become files, and where: one's own, in shared/, or left at the platform."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentctl.resources import knowledge
from agentctl.secrecy.secret import masked
from agentctl.sources.knowledge import SHARED, TEXT_ENDINGS, slug
from agentctl.sources.loaded import Loaded
from agentctl.sources.written import NewDocument
from agentctl.sync.bindings import Bindings
from agentctl.verbs.pulling.candidates import called
from agentctl.verbs.pulling.fetching import Unfetchable, fetch
from agentctl.wiring import Control

Locators = Mapping[str, Sequence[Mapping[str, Any]]]
"""The knowledge of each agent, by the key that it is to have."""


@dataclass(frozen=True)
class Shelf:
    """The documents of one assistant. `ids`: the id of each. `raw`: why they stay at the platform; empty: they do not.

    `all_shared`: it has everything in shared/knowledge/.
    """

    documents: tuple[NewDocument, ...] = ()
    ids: tuple[str, ...] = ()
    all_shared: bool = True
    raw: str = ""


async def shelves(control: Control, loaded: Loaded, bindings: Bindings, locators: Locators) -> Mapping[str, Shelf]:
    """What becomes of each agent's documents. Reads every one of them once."""
    ids = {str(one["id"]) for entries in locators.values() for one in entries}
    found = dict(zip(ids, await asyncio.gather(*(_fetched(control, one) for one in ids)), strict=True))
    library = _Library(loaded, bindings, found)
    raw: dict[str, str] = {}
    while True:
        users = _users(locators, raw)
        reasons = {
            key: why
            for key, entries in locators.items()
            if key not in raw and (why := next(filter(None, (library.why_not(one, users) for one in entries)), ""))
        }
        if not reasons:
            break
        raw |= reasons
    shared = library.shared | {library.name(one) for one, keys in users.items() if library.is_shared(one, keys)}
    return {
        key: Shelf(raw=raw[key], all_shared=not shared)
        if key in raw
        else library.shelf(entries, users, shared)
        for key, entries in locators.items()
    }  # fmt: skip


async def _fetched(control: Control, document_id: str) -> NewDocument | Unfetchable:
    try:
        return await fetch(control, document_id)
    except Unfetchable as error:
        return error


def _users(locators: Locators, raw: Iterable[str]) -> dict[str, set[str]]:
    users: dict[str, set[str]] = {}
    for key, entries in locators.items():
        for one in entries:
            if key not in raw:
                users.setdefault(str(one["id"]), set()).add(key)
    return users


class _Library:
    """Every document that was fetched, beside what the project has already."""

    def __init__(self, loaded: Loaded, bindings: Bindings, found: Mapping[str, NewDocument | Unfetchable]) -> None:
        declared = {document.key for assistant in loaded.assistants for document in assistant.knowledge}
        self._found = found
        self._alone = not loaded.assistants
        bound = bindings.of(knowledge.KIND)
        self._declared = {remote_id: key for key, remote_id in bound.items() if key in declared}
        self._root = loaded.project.root / SHARED
        self._files = _shared_files(self._root)
        self.shared = set(self._files)

    def why_not(self, locator: Mapping[str, Any], users: Mapping[str, set[str]]) -> str:
        """Why this document cannot be a file of an assistant; empty if it can."""
        document_id, name = str(locator["id"]), called(masked(locator.get("name")))
        if key := self._declared.get(document_id):
            there = key.startswith("shared/") and key.partition("/")[2] in self._files
            return "" if there else f"{name} is declared as {key} already"
        found = self._found[document_id]
        if isinstance(found, Unfetchable):
            return f"{name} ({document_id}): {found}"
        if len(users[document_id]) > 1 and not self.is_shared(document_id, users[document_id]):
            return f"{name} is used by several agents, and shared/knowledge/ would give it to all assistants"
        return ""

    def is_shared(self, document_id: str, users: set[str]) -> bool:
        """Whether it is to lie in shared/knowledge/: several have it, and nobody else would get it by that."""
        found = self._found[document_id]
        if document_id in self._declared or isinstance(found, Unfetchable):
            return False
        as_file = found.type == "file" and found.ending in TEXT_ENDINGS
        return len(users) > 1 and self._alone and found.url is None and not as_file

    def name(self, document_id: str) -> str:
        """Its name in shared/knowledge/, unlike every other there; the same again where a cut-off pull left it."""
        found = self._found[document_id]
        assert isinstance(found, NewDocument)
        others = [
            one.name
            for other, one in self._found.items()
            if other < document_id and isinstance(one, NewDocument)
        ]  # fmt: skip
        there = {name for name, file in self._files.items() if not _holds(self._root / file, found.content)}
        return _unlike(found.name, document_id, {*there, *others})

    def shelf(
        self, entries: Sequence[Mapping[str, Any]], users: Mapping[str, set[str]], shared: set[str]
    ) -> Shelf:  # fmt: skip
        """The documents of one agent as files."""
        documents: dict[str, NewDocument] = {}
        for locator in entries:
            document_id, usage = str(locator["id"]), str(locator.get("usage_mode") or "auto")
            if key := self._declared.get(document_id):
                name = key.partition("/")[2]
                there = NewDocument(name, "text", shared=True, file=self._files[name])
                documents[document_id] = replace(there, usage=usage)
                continue
            found = self._found[document_id]
            assert isinstance(found, NewDocument)
            if self.is_shared(document_id, users[document_id]):
                made = replace(found, name=self.name(document_id), shared=True)
            else:
                taken = {one.name for one in documents.values() if not one.shared}
                made = replace(found, name=_unlike(found.name, document_id, taken))
            documents[document_id] = replace(made, usage=usage)
        mine = {one.name for one in documents.values() if one.shared}
        return Shelf(tuple(documents.values()), tuple(documents), all_shared=mine == shared)


def _holds(path: Path, content: bytes | None) -> bool:
    return path.is_file() and path.read_bytes() == content


def _shared_files(folder: Path) -> dict[str, str]:
    paths = sorted(folder.iterdir()) if folder.is_dir() else ()
    return {slug(path.stem): path.name for path in paths if not path.name.startswith(".")}


def _unlike(name: str, document_id: str, taken: Iterable[str]) -> str:
    return name if name not in set(taken) else f"{name[:50].strip('-')}-{slug(document_id[-8:])}"
