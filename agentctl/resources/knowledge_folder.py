"""Folders of the knowledge base, where a project wants its documents in some. A folder carries our mark in its name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from agentctl.errors import NotFound
from agentctl.resources.answer import having
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant, Document
from agentctl.resources.dependents import dependents, must_be_free
from agentctl.resources.description import described
from agentctl.resources.endpoints import DOCUMENT, KNOWLEDGE
from agentctl.resources.mark import listed, prefix, searches
from agentctl.resources.place import Place
from agentctl.sync.kind import Desired, Keyed, Observed, Ref, Scope, Sighting, Traits, User
from agentctl.sync.target import Target

KIND = "knowledge_folder"
SHARED = "shared"


def folder_of(assistant: Assistant, document: Document) -> dict[str, Ref | None]:
    """The field of a document that says where it lies: in a folder, in none, or (empty) wherever it is."""
    shared = document.key.startswith(f"{SHARED}/")
    base = assistant.knowledge_base
    key = _key(base.shared_folder, SHARED) if shared else _key(base.folder, assistant.key)
    return {} if key is None else {"folder": Ref(KIND, key) if key else None}


class KnowledgeFolder:
    """A folder that one assistant's documents, several assistants' or the shared ones lie in."""

    name = KIND
    traits = Traits(marks=frozenset({"name"}), mark="its name")
    lists: Mapping[str, Keyed] = {}

    def __init__(self, api: Api, scope: Scope, target: Target | None = None) -> None:
        self._api = api
        self._prefix = prefix(scope)
        self._target = target

    @classmethod
    def at(cls, place: Place) -> KnowledgeFolder:
        """For one workspace and project."""
        return cls(place.api, place.scope, place.target)

    def desired(self, assistant: Assistant) -> Iterable[Desired]:
        """The folders that the assistant's documents lie in; one that several name is made once."""
        folders = [folder_of(assistant, document).get("folder") for document in assistant.knowledge]
        for ref in dict.fromkeys(folders):
            if ref is not None:
                yield Desired(self.name, ref.key, {"name": self._prefix + ref.key}, "knowledge_base.folder")

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """One list by name prefix; a bound folder that was renamed by hand is looked up by id."""
        if not wanted and not bound:
            return {}
        listing = await listed(self._folders(wanted), self._prefix)
        here = {
            desired.key: await listing.bound(remote_id, self.read)
            for desired in wanted
            if (remote_id := bound.get(desired.key))
        }
        return {**listing.by_key, **here}

    async def _folders(self, wanted: Sequence[Desired]) -> AsyncIterator[Observed]:
        for search in searches(self._prefix, self._target, wanted):
            params = {"search": search, "types": "folder", "page_size": 100}
            async for entry in self._api.pages(KNOWLEDGE, items="documents", params=params):
                if entry.get("type") == "folder":
                    yield _observed(f"GET {KNOWLEDGE}", entry)

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """Nothing to refuse."""

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """A folder is renamed in place."""
        return False

    def felt(self, changed: frozenset[str]) -> bool:
        """A name is nothing that an agent goes by."""
        return False

    async def users(self, remote_id: str) -> Sequence[User]:
        """What lies in it, and the agents that know it as a whole."""
        return [*await self._inside(remote_id), *await dependents(self._api, remote_id)]

    async def _inside(self, remote_id: str) -> list[User]:
        params = {"parent_folder_id": remote_id, "page_size": 100}
        pages = self._api.pages(KNOWLEDGE, items="documents", params=params)
        entries = [having(f"GET {KNOWLEDGE}", entry, "id", "name") async for entry in pages]
        return [User(str(one["id"]), f"{one.get('type', 'document')} {one['name']} in it") for one in entries]

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """A folder at the top level."""
        made = await self._api.post(f"{KNOWLEDGE}/folder", json={"name": body["name"]})
        return str(having(f"POST {KNOWLEDGE}/folder", made, "id")["id"])

    async def read(self, remote_id: str) -> Observed:
        """The folder's name."""
        return _observed(f"GET {DOCUMENT}", await self._api.get(DOCUMENT, document_id=remote_id))

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """Another name. A lost answer is AnswerLost: somebody may rename it before it is sent again."""
        there = await self._api.patch(DOCUMENT, json={"name": desired.body["name"]}, once=True, document_id=remote_id)
        return _observed(f"PATCH {DOCUMENT}", there)

    async def delete(self, remote_id: str) -> None:
        """Only an empty one, and never with force, which would delete what is in it."""
        must_be_free(f"knowledge_folder {remote_id}", await self.users(remote_id))
        try:
            await self._api.delete(DOCUMENT, document_id=remote_id)
        except NotFound:
            return


def _key(setting: bool | str | None, owner: str) -> str | None:
    """The folder's key; empty: no folder; None: not declared."""
    if setting is None or setting is False:
        return None if setting is None else ""
    return owner if setting is True else setting


def _observed(request: str, answer: object) -> Observed:
    entry = having(request, answer, "id", "name")
    made = (entry.get("metadata") or {}).get("created_at_unix_secs")
    return Observed(str(entry["id"]), {"name": entry["name"]}, told=described(entry["name"], made))
