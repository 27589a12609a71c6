"""A row of our own table as a form has it, and back: what nobody touched is written as it stood, whatever its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.datastructures import FormData

from agentctl.sources.spelling import snake
from agentctl.sources.table.knowledge import entries
from agentctl.sources.table.values import Unusable

TEXTS = ("name", "first_message", "language", "prompt")
AFTERWARDS = ("mail_to", "outcomes", "summary_language", "timezone", "action_items")
_LISTS = ("mail_to", "outcomes")
_VOICE = ("id", "voice_id")


@dataclass(frozen=True)
class Piece:
    """One piece of knowledge."""

    title: str = ""
    text: str = ""
    url: str = ""
    usage: str = "auto"

    @property
    def is_blank(self) -> bool:
        """Whether nothing was written into it."""
        return not (self.title.strip() or self.text.strip() or self.url.strip())


@dataclass(frozen=True)
class Draft:
    """What the form shows. Lists are texts, one of them in a line; `action_items`: `yes` or `no`."""

    name: str = ""
    first_message: str = ""
    language: str = ""
    prompt: str = ""
    voice: str = ""
    knowledge: tuple[Piece, ...] = ()
    mail_to: str = ""
    outcomes: str = ""
    summary_language: str = ""
    timezone: str = ""
    action_items: str = "yes"


def of_row(row: Mapping[str, Any]) -> Draft:
    """What is stored."""
    texts = {name: _text(row.get(name)) for name in TEXTS}
    after = _afterwards(row.get("post_call"))
    lists = {name: "\n".join(_listed(after.get(name))) for name in _LISTS}
    plain = {name: _text(after.get(name)) for name in ("summary_language", "timezone")}
    items = "no" if after.get("action_items") is False else "yes"
    knowledge = tuple(piece for piece, _ in _pieces(row.get("knowledge")))
    return Draft(**texts, **lists, **plain, voice=_voice(row.get("voice")), knowledge=knowledge, action_items=items)


def of_form(form: FormData) -> Draft:
    """What was typed. A field that was not sent is empty."""
    said: dict[str, Any] = {name: _text(form.get(name)) for name in (*TEXTS, "voice", *AFTERWARDS)}
    whole = Draft(**said)
    columns = [[_text(one) for one in form.getlist(f"knowledge_{name}")] for name in ("title", "text", "url", "usage")]
    knowledge = tuple(piece for piece in (Piece(*one) for one in zip(*columns, strict=False)) if not piece.is_blank)
    return replace(whole, knowledge=knowledge, action_items="yes" if whole.action_items else "no")


def fields(row: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    """The columns that are to be written, as they are to be; those in which nothing was changed are left out."""
    stored = of_row(row)
    found: dict[str, Any] = {}
    for name in TEXTS:
        if (said := getattr(draft, name)) != getattr(stored, name):
            found[name] = said if said.strip() or name in ("name", "prompt") else None
    if draft.voice != stored.voice:
        found["voice"] = _with_voice(row.get("voice"), draft.voice.strip())
    if draft.knowledge != stored.knowledge:
        known = dict(_pieces(row.get("knowledge")))
        found["knowledge"] = [known.get(one, _told(one)) for one in draft.knowledge] or None
    if changed := [name for name in AFTERWARDS if getattr(draft, name) != getattr(stored, name)]:
        found["post_call"] = _with_afterwards(row.get("post_call"), draft, changed)
    return found


def compared(stored: Draft, typed: Draft) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Each field that differs: its name, the title of a piece of knowledge, what is stored and what was typed."""
    for name in (*TEXTS[:3], "voice", "prompt"):
        if (one := _pair(stored, typed, name)) is not None:
            yield name, "", *one
    before, after = ({piece.title: piece for piece in side.knowledge} for side in (stored, typed))
    for title in {**before, **after}:
        old, new = before.get(title), after.get(title)
        if old != new:
            yield "knowledge", title, _content(old), _content(new)
    for name in AFTERWARDS:
        if (one := _pair(stored, typed, name)) is not None:
            yield name, "", *one


def _pair(stored: Draft, typed: Draft, name: str) -> tuple[str | None, str | None] | None:
    old, new = getattr(stored, name), getattr(typed, name)
    return (old or None, new or None) if old != new else None


def _content(piece: Piece | None) -> str | None:
    return None if piece is None else "\n".join(one for one in (piece.url, piece.text) if one)


def _text(value: object) -> str:
    """As a browser sends it: the lines of a text end otherwise there (HTML, 4.10.22.4)."""
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else ""


def _listed(value: object) -> list[str]:
    many = [value] if isinstance(value, str) else value
    return [_text(one) for one in many] if isinstance(many, list) else []


def _voice(value: object) -> str:
    if isinstance(value, Mapping):
        return next((_text(one) for name, one in value.items() if snake(str(name)) in _VOICE), "")
    return _text(value)


def _with_voice(value: object, voice: str) -> Any:
    """Another voice, spoken as the one before."""
    rest = {name: one for name, one in value.items() if snake(name) not in _VOICE} if isinstance(value, Mapping) else {}
    return {**({"id": voice} if voice else {}), **rest} or None


def _pieces(value: Any) -> Iterator[tuple[Piece, Any]]:
    """What is known, each with how it stands there; nothing of what nobody can read."""
    said = value if isinstance(value, list) else [value]
    kept = [one for one in said if one and not (isinstance(one, str) and not one.strip())]
    try:
        found = entries(value, "knowledge")
    except Unusable:
        return
    for one, stands in zip(found, kept, strict=True):
        title, text, url, usage = (_text(one.get(name)) for name in ("name", "text", "url", "usage"))
        yield Piece(title, text, url, usage or "auto"), stands


def _told(piece: Piece) -> dict[str, str]:
    parts = {"title": piece.title.strip(), "text": piece.text, "url": piece.url.strip()}
    usage = {} if piece.usage == "auto" else {"usage": piece.usage}
    return {**{name: one for name, one in parts.items() if one.strip()}, **usage}


def _afterwards(value: object) -> dict[str, Any]:
    if isinstance(value, str):
        return {"mail_to": value}  # its first field alone
    return {snake(str(name)): one for name, one in value.items()} if isinstance(value, Mapping) else {}


def _with_afterwards(value: object, draft: Draft, changed: list[str]) -> Any:
    kept = {name: one for name, one in _afterwards(value).items() if name not in changed}
    for name in changed:
        said = getattr(draft, name)
        if name in _LISTS:
            kept[name] = [line.strip() for line in said.splitlines() if line.strip()]
        else:
            kept[name] = said == "yes" if name == "action_items" else said.strip()
    return {name: one for name, one in kept.items() if one not in ("", [])} or None
