"""Fetch the knowledge documents that an agent has, so that they can be files here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from agentctl.clients.download import download
from agentctl.errors import AgentctlError
from agentctl.resources.answer import having
from agentctl.resources.endpoints import DOCUMENT
from agentctl.resources.mark import owner, prefix
from agentctl.secrecy.secret import secrets
from agentctl.sources.html_text import text_of
from agentctl.sources.knowledge import FILE_TYPES, MAX_DOCUMENT_BYTES, TEXT_ENDINGS, slug
from agentctl.sources.written import NewDocument
from agentctl.wiring import Control

_LONGEST = 60
_ENDING = {".htm": ".html"}


class Unfetchable(Exception):
    """A document that no file can hold; never leaves this package."""


async def fetch(control: Control, document_id: str) -> NewDocument:
    """The document with its content. Raises Unfetchable with the reason.

    A text comes back as HTML and is read from it, a file as it was uploaded, of a page only its address counts.
    """
    try:
        told = await control.api.get(DOCUMENT, document_id=document_id)
        if whose := _foreign(control, str(told.get("name") or "")):
            raise Unfetchable(f"it belongs to another project or environment: {whose}")
        kind, name = str(told.get("type")), short(_plain_name(control.veil(str(told.get("name") or "document"))))
        if any(secrets(told.get("name"))):
            raise Unfetchable("its name looks like an address with a secret in it")
        if kind == "url":
            return NewDocument(name, "url", url=_open(str(having(f"GET {DOCUMENT}", told, "url")["url"])))
        if kind == "text":
            content, _ = await control.api.get_bytes(f"{DOCUMENT}/content", document_id=document_id)
            return NewDocument(name, "text", content=_text(content, told))
        if kind == "file":
            return await _file(control, document_id, name, told)
    except AgentctlError as error:
        raise Unfetchable(error.message) from None
    raise Unfetchable(f"a {kind} cannot be a file here")


def short(name: str) -> str:
    """A slug that is its own slug and fits into every key."""
    found = slug(name)
    if len(found) <= _LONGEST:
        return found
    return f"{found[: _LONGEST - 9].strip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


async def _file(control: Control, document_id: str, name: str, told: Mapping[str, Any]) -> NewDocument:
    filename = str(told.get("filename") or told.get("name"))
    ending = PurePosixPath(filename).suffix.lower()
    ending = _ENDING.get(ending, ending)
    if ending not in FILE_TYPES and ending not in TEXT_ENDINGS:
        raise Unfetchable(f"a file of the type {ending or 'unknown'} cannot be knowledge here")
    source = await control.api.get(f"{DOCUMENT}/source-file-url", document_id=document_id)
    what = f"the source of knowledge document {document_id}"
    content = await download(str(source.get("signed_url")), what=what, limit=MAX_DOCUMENT_BYTES)
    if not content.strip():
        raise Unfetchable("it is empty")
    return NewDocument(short(_without(name, ending)), "file", content=content, ending=ending)


def _without(name: str, ending: str) -> str:
    """The slug of `Preise.pdf` is `preise-pdf`, and the file would be `preise-pdf.pdf`."""
    return name.removesuffix(f"-{ending[1:]}") or name


def _open(url: str) -> str:
    """The address, unless it lets in who has it: a file is no place for that."""
    if any(secrets(url)):
        raise Unfetchable("its address holds what looks like a secret, which stays at the platform alone")
    return url


def _foreign(control: Control, name: str) -> str:
    """Whose mark a document's name carries, unless it is ours. Renamed by us, it would be drift to its owner."""
    whose = owner(name)
    return whose[0] if whose and not name.startswith(prefix(control.scope)) else ""


def _plain_name(name: str) -> str:
    """The name that a person gave it; of one that carries our mark, the part that is its own."""
    whose = owner(name)
    return PurePosixPath(whose[1]).name if whose else name


def _text(content: bytes, told: Mapping[str, Any]) -> bytes:
    text = content.decode("utf-8", "replace")
    if told.get("content_format", "html") == "html":
        text = text_of(text)
    if not text.strip():
        raise Unfetchable("it has no text")
    return text.replace("\r\n", "\n").replace("\r", "\n").encode()
