"""The knowledge of a row: text, a list of texts, or objects with a title and a text or an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentctl.sources.table.values import Unusable

_NAMES = ("name", "title", "heading", "question")
_TEXTS = ("text", "content", "body", "answer", "description")
_ADDRESSES = ("url", "link", "href")
# Each is requests of its own, at every change of the list, and rows are written by people who do not pay for that. The
# platform bounds what the documents come to, not how many there are.
MAX_DOCUMENTS = 500
_WANTED = 'must be text, a list of texts, or a list of {"title", "text" or "url"}'


def entries(value: Any, name: str) -> list[dict[str, Any]]:
    """The entries, as `[[knowledge]]` of an assistant.toml has them. Raises Unusable.

    `name`: what a text is called that has no title; several are numbered. Blank texts are left out, and do not count.
    """
    if _is_blank(value):
        return []
    if isinstance(value, str):
        return [{"name": name, "text": value}]
    if isinstance(value, Mapping):
        return [_entry(value, name, "knowledge")] if value else []
    if not isinstance(value, list):
        raise Unusable("knowledge", _WANTED)
    said = [(index, one) for index, one in enumerate(value) if not _is_blank(one)]
    if len(said) > MAX_DOCUMENTS:
        what = f"has {len(said)} documents; an assistant of a table has at most {MAX_DOCUMENTS}"
        raise Unusable("knowledge", f"{what}: put those that belong together into one")
    found = []
    for index, one in said:
        called, at = (name if len(value) == 1 else f"{name} {index + 1}"), f"knowledge[{index}]"
        found.append(_entry({"text": one} if isinstance(one, str) else one, called, at))
    return found


def _entry(value: Any, name: str, at: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Unusable(at, _WANTED)
    text, url = _first(value, _TEXTS), _first(value, _ADDRESSES)
    if (text is None) == (url is None):
        given = "both" if text is not None else "neither"
        raise Unusable(at, f"needs a text or a url (got {given})")
    title = _first(value, _NAMES)
    content = {"text": text} if url is None else {"url": url}
    usage = {"usage": value["usage"]} if value.get("usage") is not None else {}
    return {"name": name if title is None else title, **content, **usage}


def _first(value: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    given = (value.get(name) for name in names)
    return next((one for one in given if not _is_blank(one)), None)


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
