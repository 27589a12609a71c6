"""Knowledge documents. The platform keeps no metadata with them, names need not be unique, and what is read back is
HTML; so each carries a mark with the digest of its content in its name.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from agentctl.errors import NotFound, Rejected, SyncError
from agentctl.resources.answer import having
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant, Document
from agentctl.resources.dependents import dependents, must_be_free
from agentctl.resources.description import document_described
from agentctl.resources.endpoints import DOCUMENT, KNOWLEDGE
from agentctl.resources.knowledge_folder import folder_of
from agentctl.resources.mark import TOGETHER, listed, marked, parted, prefix, searches, short, version_of
from agentctl.resources.place import Place
from agentctl.sync.kind import Desired, Keyed, Observed, Scope, Sighting, Traits, User
from agentctl.sync.target import Target

KIND = "knowledge_document"
_FINGERPRINT = 32
_TAG = re.compile(r"<[^>]*>")
# What of Markdown is no word, and may come back as a tag or not at all: the mark of an entry, where a link leads to,
# and all that is neither a letter nor a digit, but for what parts digits: 3.50 is not 35.0.
_ENTRY = re.compile(r"^\s*\d{1,3}[.)]\s", re.MULTILINE)
_LINK = re.compile(r"\]\([^)\s]*\)")
_FORM = re.compile(r"[^\w.,:]|_|[.,:](?!\d)|(?<!\d)[.,:]")


class KnowledgeDocument:
    """One text, file or URL of the knowledge base. A text that nobody else uses is edited in place and keeps its id.

    A file is not: new content and the name that tells of it would be two requests, and what a crash leaves between them
    would look like an edit by somebody else.
    """

    name = KIND
    traits = Traits(marks=frozenset({"name"}), mark="its name", opaque="content")
    lists: Mapping[str, Keyed] = {}

    def __init__(self, api: Api, scope: Scope, target: Target | None = None) -> None:
        self._api = api
        self._prefix = prefix(scope)
        self._target = target

    @classmethod
    def at(cls, place: Place) -> KnowledgeDocument:
        """For one workspace and project."""
        return cls(place.api, place.scope, place.target)

    def desired(self, assistant: Assistant) -> Iterable[Desired]:
        """Every document of the assistant; one that several assistants share has one key and is uploaded once."""
        for document in assistant.knowledge:
            body = {
                "name": self._prefix + document.key,
                "type": document_type(document),
                "content": short(document.digest),
                **folder_of(assistant, document),
            }
            where = document.key if document.key.startswith("shared/") else assistant.where
            yield Desired(self.name, document.key, body, where, document, brings=TOGETHER)

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """One list by name prefix; a bound document that was renamed by hand is looked up by id.

        Of several with one key that with the wanted content counts: an interrupted run has made it. What else has the
        key, and was replaced or is to be, is in the answer under its whole name.
        """
        if not wanted and not bound:
            return {}
        listing = await listed(self._documents(wanted), self._prefix)
        found = listing.by_key
        sightings: dict[str, list[Observed]] = {}
        for desired in wanted:
            known = found.pop(desired.key, [])
            here = await listing.bound(remote_id, self.read) if (remote_id := bound.get(desired.key)) else known
            if not any(_same(one, desired) for one in here):
                here = [one for one in known if _same(one, desired)] or here
            sightings[desired.key] = here
            ids = {one.remote_id for one in here}
            for one in known:
                if one.remote_id not in ids:
                    sightings.setdefault(marked(one.body).removeprefix(self._prefix), []).append(one)
        return {**found, **sightings}

    async def _documents(self, wanted: Sequence[Desired]) -> AsyncIterator[Observed]:
        for search in searches(self._prefix, self._target, wanted, "/"):
            params = {"search": search, "page_size": 100}
            async for entry in self._api.pages(KNOWLEDGE, items="documents", params=params):
                if entry.get("type") != "folder":
                    yield _observed(f"GET {KNOWLEDGE}", entry)

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """Nothing to refuse: the source has read and measured the content."""

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """Another type needs a new document, and so does a file, or a page, whose URL cannot be changed."""
        return "type" in changed or (desired.payload.text is None and "content" in changed)

    def reads(self, desired: Desired) -> str:
        """Of a text, and of a page its address: a file is read back as whatever the platform found in it."""
        document: Document = desired.payload
        return _read(document.text or "") or _at(document.url or "")

    def felt(self, changed: frozenset[str]) -> bool:
        """Another content is live at once wherever the document is attached."""
        return "content" in changed

    async def users(self, remote_id: str) -> Sequence[User]:
        """The agents that it is attached to."""
        return await dependents(self._api, remote_id)

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """Text endpoint for text, file endpoint for files, URL endpoint for pages."""
        document: Document = desired.payload
        place = {"name": marked(body)}
        if folder := body.get("folder"):
            place["parent_folder_id"] = folder
        path = f"{KNOWLEDGE}/{document_type(document)}"
        if document.url is not None:
            answer = await self._api.post(path, json={"url": document.url, **place})
        elif document.content is not None:
            answer = await self._api.post(path, files={"file": _upload(document)}, data=place)
        else:
            answer = await self._api.post(path, json={"text": document.text, **place})
        return str(having(f"POST {path}", answer, "id")["id"])

    async def read(self, remote_id: str) -> Observed:
        """The document's name, type and the digest that its name carries.

        Its version is made of these and of the text: an edit in the dashboard leaves the name as it is.
        """
        answer = await self._api.get(DOCUMENT, document_id=remote_id)
        seen = _observed(f"GET {DOCUMENT}", answer)
        return replace(seen, version=version_of({**seen.body, "text": answer.get("extracted_inner_html")}))

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """Content and the name with its digest in one request, so that no crash comes between them; the place apart.

        A lost answer is AnswerLost: somebody may edit the document before it is sent again.
        """
        document: Document = desired.payload
        if "folder" in patch:
            await self._api.post(f"{DOCUMENT}/move", json={"move_to": patch["folder"]}, document_id=remote_id)
        if "folder" in patch and len(patch) == 1:
            return await self.read(remote_id)
        change: dict[str, Any] = {"name": marked(desired.body)}
        if "content" in patch:
            change["content"] = document.text
        answer = await self._api.patch(DOCUMENT, json=change, once=True, document_id=remote_id)
        return _observed(f"PATCH {DOCUMENT}", answer)

    async def delete(self, remote_id: str) -> None:
        """Only what nobody uses, and never with force, which would take it from agents that are not ours.

        The platform refuses as well while an agent uses it. Raises InUse, with the names of the users.
        """
        name = f"knowledge_document {remote_id}"
        must_be_free(name, await self.users(remote_id))
        try:
            await self._api.delete(DOCUMENT, document_id=remote_id)
        except NotFound:
            # One that is there all the same must not be forgotten: nobody would know any more that its text is ours.
            with suppress(NotFound):
                await self.read(remote_id)
                raise SyncError(f"{name} is there, and deleting it was answered 404", "Run it again.") from None
        except Rejected:
            must_be_free(name, await self.users(remote_id))
            raise


def document_type(document: Document) -> str:
    """The platform's word for its sort: url, file or text."""
    return "url" if document.url is not None else "file" if document.content is not None else "text"


def _upload(document: Document) -> tuple[str, bytes, str]:
    """The platform goes by the ending, and takes PDF, TXT, DOCX, HTML and EPUB (its documentation): no Markdown."""
    path = PurePath(document.filename or document.name)
    name = path.with_suffix(".txt").name if path.suffix.lower() == ".md" else path.name
    return (name, document.content or b"", document.media_type or "")


def _same(observed: Observed, desired: Desired) -> bool:
    return all(observed.body.get(field) == desired.body[field] for field in ("content", "type"))


def _observed(request: str, answer: object) -> Observed:
    entry = having(request, answer, "id", "name")
    # A page is fetched by the platform, so that its time tells nothing of people.
    updated = 0 if entry.get("type") == "url" else (entry.get("metadata") or {}).get("last_updated_at_unix_secs")
    place = {"type": entry.get("type"), "folder": entry.get("folder_parent_id") or None}
    body = {**parted(str(entry["name"])), **place}
    touched = updated if isinstance(updated, int) else 0
    shown, told = _shown(entry), document_described(entry)
    fingerprint = version_of({"text": shown})[:_FINGERPRINT] if shown else ""
    reads = _read(html.unescape(_TAG.sub("\n", shown))) or _at(str(entry.get("url") or ""))
    return Observed(str(entry["id"]), body, touched=touched, told=told, fingerprint=fingerprint, reads=reads)


def _shown(entry: Mapping[str, Any]) -> str:
    """The text as the platform gives it back, which is not what was sent. The list has none of it."""
    return str(entry.get("extracted_inner_html") or "") if entry.get("type") != "url" else ""


def _read(text: str) -> str:
    """Of all words that are said, without whatever of their form may be lost on the way there and back."""
    words = _FORM.sub("", _ENTRY.sub("", _LINK.sub("]", _TAG.sub("\n", unicodedata.normalize("NFC", text)))))
    return version_of({"said": words})[:_FINGERPRINT] if words else ""


def _at(url: str) -> str:
    return version_of({"url": url})[:_FINGERPRINT] if url else ""
