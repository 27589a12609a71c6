"""Knowledge documents. The platform keeps no metadata with them, names need not be unique, and what is read back is
HTML; so each carries its scope, key and content digest in its name: `agentctl/<project>/<environment>/<key>@<sha12>`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentctl.errors import NotFound
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant, Document
from agentctl.resources.place import Place
from agentctl.sync.kind import Desired, Keyed, Observed, Scope, Sighting

DOCUMENT = "/v1/convai/knowledge-base/{document_id}"
KIND = "knowledge_document"


class KnowledgeDocument:
    """One text, file or URL of the knowledge base. A text or file is edited in place and keeps its id.

    An edit in place is heard by callers at once; so where changes are `gated`, a new document takes over.
    """

    name = KIND
    prunable = True
    lists: Mapping[str, Keyed] = {}

    def __init__(self, api: Api, scope: Scope, *, gated: bool = False) -> None:
        self._api = api
        self._gated = gated
        self._prefix = f"agentctl/{scope.project}/{scope.environment}/"

    @classmethod
    def at(cls, place: Place) -> KnowledgeDocument:
        """For one workspace and project."""
        return cls(place.api, place.scope, gated=place.gated)

    def desired(self, assistant: Assistant) -> Iterable[Desired]:
        """Every document of the assistant; one that several assistants share has one key and is uploaded once."""
        for document in assistant.knowledge:
            body = {
                "name": self._prefix + document.key,
                "type": document_type(document),
                "content": document.digest[:12],
            }
            where = document.key if document.key.startswith("shared/") else assistant.where
            yield Desired(self.name, document.key, body, where, document)

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """One list by name prefix; a bound document that was renamed by hand is looked up by id.

        A document of ours that a bound one has replaced, and that an interrupted run left behind, is in the answer
        under its whole name.
        """
        if not wanted and not bound:
            return {}
        found: dict[str, list[Observed]] = {}
        by_id: dict[str, Observed] = {}
        params = {"search": self._prefix, "page_size": 100}
        async for entry in self._api.pages("/v1/convai/knowledge-base", items="documents", params=params):
            observed = _observed(entry)
            by_id[observed.remote_id] = observed
            found.setdefault(str(observed.body["name"]).removeprefix(self._prefix), []).append(observed)
        sightings: dict[str, Sighting] = {}
        for desired in wanted:
            remote_id = bound.get(desired.key)
            if remote_id is None:
                sightings[desired.key] = found.get(desired.key, ())
                continue
            here = by_id.get(remote_id)
            sightings[desired.key] = (here,) if here else await self._by_id(remote_id)
            left = [one for one in found.get(desired.key, ()) if one.remote_id != remote_id]
            sightings |= {_remote_name(one.body).removeprefix(self._prefix): (one,) for one in left}
        strays = {key: tuple(found[key]) for key in found if key not in sightings}
        return {**strays, **sightings}

    async def _by_id(self, remote_id: str) -> Sighting:
        try:
            return (await self.read(remote_id),)
        except NotFound:
            return ()

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """Nothing to refuse: the source has read and measured the content."""

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """Another type needs a new document, and so does a page: its URL cannot be changed."""
        return "type" in changed or ((desired.payload.url is not None or self._gated) and "content" in changed)

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """Text endpoint for text, file endpoint for files, URL endpoint for pages."""
        document: Document = desired.payload
        name = _remote_name(body)
        if document.url is not None:
            answer = await self._api.post("/v1/convai/knowledge-base/url", json={"url": document.url, "name": name})
        elif document.content is not None:
            answer = await self._api.post(
                "/v1/convai/knowledge-base/file", files={"file": _upload(document)}, data={"name": name}
            )
        else:
            answer = await self._api.post("/v1/convai/knowledge-base/text", json={"text": document.text, "name": name})
        return str(answer["id"])

    async def read(self, remote_id: str) -> Observed:
        """The document's name, type and the digest that its name carries."""
        return _observed(await self._api.get(DOCUMENT, document_id=remote_id))

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """New content first, the name with its digest last: a crash in between is seen and done again."""
        document: Document = desired.payload
        change: dict[str, Any] = {"name": _remote_name(desired.body)}
        if "content" in patch and document.content is not None:
            await self._api.patch(DOCUMENT + "/update-file", files={"file": _upload(document)}, document_id=remote_id)
        elif "content" in patch:
            change["content"] = document.text
        return _observed(await self._api.patch(DOCUMENT, json=change, document_id=remote_id))

    async def delete(self, remote_id: str) -> None:
        """Never with force: the platform then refuses while an agent still uses it."""
        try:
            await self._api.delete(DOCUMENT, document_id=remote_id)
        except NotFound:
            return


def document_type(document: Document) -> str:
    """The platform's word for its sort: url, file or text."""
    return "url" if document.url is not None else "file" if document.content is not None else "text"


def _remote_name(body: Mapping[str, Any]) -> str:
    return f"{body['name']}@{body['content']}"


def _upload(document: Document) -> tuple[str, bytes, str]:
    return (document.filename or document.name, document.content or b"", document.media_type or "")


def _observed(entry: Mapping[str, Any]) -> Observed:
    name, _, digest = str(entry["name"]).rpartition("@")
    body = {"name": name, "content": digest} if name else {"name": entry["name"], "content": None}
    return Observed(str(entry["id"]), {**body, "type": entry.get("type")})
