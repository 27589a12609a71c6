"""A plan as a page shows it: fields with what stands there and what would, without any secret."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from agentctl.console.telling import failed, told
from agentctl.resources.assistant import Document
from agentctl.secrecy.secret import Keys
from agentctl.secrecy.shown import both_shown, rewritten
from agentctl.secrecy.veil import Veil
from agentctl.sync.diff import Edit, Origin
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Change, Plan

_ACTIONS = {"create": 0, "update": 1, "delete": 2}
_CONTENT = ("content",)
_LONG = 80  # characters: what is longer, or has lines, is shown as lines that go and come
_ROOM = 20_000  # characters of one side: a page is read by a person


@dataclass(frozen=True)
class TextLine:
    """`sign`: `-` goes, `+` comes, a blank stays, `@` leaves something out."""

    sign: Literal["-", "+", " ", "@"]
    text: str


@dataclass(frozen=True)
class Field:
    """One field. `lines` of a text; else what stands there and what would. `hidden`: a secret in it differs."""

    path: str
    origin: Origin
    before: str | None
    after: str | None
    lines: tuple[TextLine, ...] = ()
    hidden: bool = False


@dataclass(frozen=True)
class Part:
    """One resource to write. `notes`: what a person should know of it. `ticked`: it is written only by a tick of its
    own, `partly`: some of it is; `barred`: by none.
    """

    action: str
    kind: str
    key: str
    fields: tuple[Field, ...]
    vanished: bool = False
    destroys: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ticked: bool = False
    partly: bool = False
    barred: bool = False


@dataclass(frozen=True)
class Shown:
    """A workspace's part of a plan; `workspace`: the tenant whose it is; `waiting`: what a person has to do first."""

    workspace: str
    mark: str
    parts: tuple[Part, ...]
    failures: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    unchanged: int = 0
    drifted: bool = False
    destroys: bool = field(default=False)


def shown(workspace: str, mark: str, plan: Plan, veil: Veil) -> Shown:
    """`plan`, fit to be shown; `veil` knows the secrets of its project."""
    return Shown(
        workspace,
        mark,
        tuple(_part(change, veil) for change in plan.changes),
        tuple(failed(one, veil) for one in plan.failures),
        tuple(dict.fromkeys(told(one, veil) for one in plan.notices)),
        tuple(dict.fromkeys(failed(one, veil) for one in plan.waiting)),
        plan.unchanged,
        bool(plan.foreign),
        bool(plan.destructive),
    )


def counted(parts: Iterable[Shown]) -> list[tuple[str, str, int]]:
    """Action, kind and how many writes, what is deleted last: what the plan comes to at a glance."""
    found = Counter((one.action, one.kind) for part in parts for one in part.parts if not one.barred)
    return sorted(((action, kind, many) for (action, kind), many in found.items()), key=lambda one: _ACTIONS[one[0]])


def _part(change: Change, veil: Veil) -> Part:
    held = change.held(take_ours=False, destroy=False)
    whole = change.action != "update" or change.vanished or bool(change.doubt)
    partly = not whole and 0 < len(held) < len(change.edits)
    notes = [one for one in (change.barred, change.doubt, change.others and f"also used by {change.others}") if one]
    return Part(
        change.action,
        change.desired.kind,
        change.desired.key,
        tuple(_field(_legible(change, edit), veil) for edit in change.edits),
        change.vanished,
        change.destroys,
        tuple(map(veil, notes)),
        ticked=not change.barred and not partly and (bool(held) or change.stays(take_ours=False)),
        partly=not change.barred and partly,
        barred=bool(change.barred),
    )


def _legible(change: Change, edit: Edit) -> Edit:
    """Of a document's text a plan has digests: what would stand there instead. What stands there is not at hand."""
    document = change.desired.payload
    if edit.keys != _CONTENT or not isinstance(document, Document) or document.text is None or edit.after is None:
        return edit
    return replace(edit, before=None, after=document.text)


def _field(edit: Edit, veil: Veil) -> Field:
    return replace(beside(edit.path, edit.before, edit.after, veil, edit.keys), origin=edit.origin)


def beside(path: str, before: Any, after: Any, veil: Veil, keys: Keys = ()) -> Field:
    """What stands at `path` and what would; None: nothing."""
    one, other = both_shown(before, after, keys, veil)
    old, new = (None if side is None else _written(side) for side in (one, other))
    hidden = old == new and before != after
    if _is_long(old) or _is_long(new):
        return Field(path, "here", old, new, tuple(_lines(old or "", new or "")), hidden)
    return Field(path, "here", old, new, hidden=hidden)


def _is_long(text: str | None) -> bool:
    return text is not None and (len(text) > _LONG or "\n" in text)


def _written(value: Any) -> str:
    if isinstance(value, str):
        return _cut(value)
    plain = rewritten(value, lambda one: str(one) if isinstance(one, Ref) else one)
    return _cut(json.dumps(plain, ensure_ascii=False, indent=2, default=str))


def _cut(text: str) -> str:
    return text if len(text) <= _ROOM else f"{text[:_ROOM]} …"


def _lines(before: str, after: str) -> Iterator[TextLine]:
    for line in list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]:
        sign = line[0]
        if sign == "@":
            yield TextLine("@", "")
        elif sign in ("-", "+"):
            yield TextLine("-" if sign == "-" else "+", line[1:])
        else:
            yield TextLine(" ", line[1:])
