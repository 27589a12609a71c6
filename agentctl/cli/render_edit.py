"""How the values of an edit are shown, so that a person sees what differs: however long they are, and however alike."""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentctl.cli.terminal import paint, plain
from agentctl.cli.veil import both_shown, shown
from agentctl.secrecy.secret import is_secret, seal
from agentctl.secrecy.shown import rewritten
from agentctl.sync.diff import Edit, contains
from agentctl.sync.kind import Ref
from agentctl.verbs.wording import origin

# Characters of a value in one line, of an entry of a list, and of what both sides share before the first difference.
_ROOM, _ENTRY, _BEFORE = 100, 200, 30
# Entries of a list that are paired with their like; beyond that they are shown in order.
_PAIRED = 20
_NONE = object()
_HIDDEN = "(a secret in it differs)"


def edit_lines(real: Edit) -> Iterator[str]:
    """One field: what was there, and what would be. A secret is shown as ***."""
    before, after = both_shown(real.before, real.after, real.keys)
    edit = replace(real, before=before, after=after)
    if edit.origin != "here":
        yield f"      {paint(f'{edit.path} was {origin(edit)}:', 33)}"
    if edit.removes and edit.after is None:
        yield f"      {edit.path}: {paint(_short(edit.before), 31)} is declared no longer, and goes"
    elif edit.before is None:
        yield f"      {edit.path}: {paint(_short(edit.after), 32)}"
    elif isinstance(edit.before, list | tuple) and isinstance(edit.after, list | tuple):
        yield f"      {edit.path}:"
        yield from _list_diff(real)
    elif isinstance(edit.before, str) and isinstance(edit.after, str) and _has_lines(edit.before + edit.after):
        yield f"      {edit.path}:"
        yield from _text_diff(edit.before, edit.after) or [f"        {_HIDDEN}"]
    else:
        before, after = _pair(_written(_in_order(edit.before, edit.after)), _written(edit.after), _ROOM)
        if before == after and not is_secret(edit.keys):
            yield f"      {edit.path}: {paint(after, 33)} {_HIDDEN}"
            return
        yield f"      {edit.path}: {paint(before, 31)} -> {paint(after, 32)}"


def jsonable(value: Any) -> Any:
    """`value` with each Ref in words."""
    return rewritten(value, lambda one: str(one) if isinstance(one, Ref) else one)


def _list_diff(real: Edit) -> Iterator[str]:
    """Entries that go and entries that come, each beside the one that is most like it; else their order differs."""
    # They are told apart as they are, and shown without their secrets, which may be all that differs.
    gone, come = ([shown([one], real.keys)[0] for one in some] for some in _unlike(real.before, real.after))
    if not gone and not come:
        yield "        the same entries in another order:"
        gone, come = [shown(list(real.before), real.keys)], [shown(list(real.after), real.keys)]
    for one, other in _paired(gone, come):
        if one is not _NONE and other is not _NONE and contains(other, one):
            yield f"        {paint(f'! {_window(_written(other), 0, _ENTRY)}', 33)} {_HIDDEN}"
            continue
        one, other = both_shown(one, other)
        left, right = _pair(_written(_in_order(one, other)), _written(other), _ENTRY)
        if one is not _NONE:
            yield f"        {paint(f'- {left}', 31)}"
        if other is not _NONE:
            removed = " (removed at the platform)" if one is _NONE and real.origin == "there" else ""
            yield f"        {paint(f'+ {right}', 32)}{removed}"


def _unlike(before: Sequence[Any], after: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The entries without those that are there as they are declared, whatever the platform adds to them."""
    gone, come = dict(enumerate(before)), []
    places: dict[Hashable, list[int]] = {}  # Of thousands, each is compared with those alone that share a text with it.
    for i, one in gone.items():
        for part in _parts(one, (str, int, Ref)):
            places.setdefault(part, []).append(i)
    for entry in after:
        likely: Collection[int] = min((places.get(part, []) for part in _parts(entry)), key=len, default=gone)
        same = next((i for i in likely if i in gone and contains(entry, gone[i])), None)
        if same is None:
            come.append(entry)
        else:
            del gone[same]
    return list(gone.values()), come


def _parts(entry: Any, kinds: tuple[type, ...] = (str, Ref)) -> Iterator[Hashable]:
    """Its own texts and references, which whatever contains the entry has too. Sealed, as those of one side may be."""
    fields = entry if isinstance(entry, Mapping) else {None: entry}
    yield from ((key, seal(one)) for key, one in fields.items() if isinstance(one, kinds))


def _paired(gone: Sequence[Any], come: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    rest = list(come)
    for one in gone:
        like = max(range(min(len(rest), _PAIRED)), key=lambda i: _likeness(one, rest[i]), default=None)
        yield one, _NONE if like is None else rest.pop(like)
    yield from ((_NONE, other) for other in rest)


def _likeness(one: Any, other: Any) -> tuple[int, int]:
    equal = 0
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        equal = sum(key in one and contains(value, one[key]) for key, value in other.items())
    left, right = _written(_in_order(one, other)), _written(other)
    return equal, _shared(left, right) + _shared(left[::-1], right[::-1])


def _shared(one: str, other: str) -> int:
    """How many characters they begin with alike."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _in_order(one: Any, other: Any) -> Any:
    """`one` with its fields in the order of `other`, so that their texts differ first where they do."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one
    keys = [key for key in other if key in one] + [key for key in one if key not in other]
    return {key: _in_order(one[key], other.get(key)) for key in keys}


def _text_diff(before: str, after: str) -> list[str]:
    show = json.dumps if _alike(before, after) else _line
    old, new = ([show(line) for line in text.split("\n")] for text in (before, after))
    lines = list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]
    return [f"        {paint(line, {'+': 32, '-': 31, '@': 36}.get(line[:1], 0))}" for line in lines]


def _has_lines(text: str) -> bool:
    return "\n" in text or "\r" in text


def _line(text: str) -> str:
    return plain(text.replace("\r", "\\r"))


def _pair(before: str, after: str, room: int) -> tuple[str, str]:
    """Two values in about `room` characters each, cut so that the first difference is seen."""
    if _alike(before, after):
        before, after = (text.encode("ascii", "backslashreplace").decode() for text in (before, after))
    start = 0
    if max(len(before), len(after)) > room:
        start = max(0, _shared(before, after) - _BEFORE)
    return _window(before, start, room), _window(after, start, room)


def _window(text: str, start: int, room: int) -> str:
    if len(text) <= room:
        return plain(text)
    end = start + room
    tail = f"… ({len(text)} characters)" if end < len(text) else f" ({len(text)} characters)"
    return plain(f"{'…' if start else ''}{text[start:end]}{tail}")


def _alike(before: str, after: str) -> bool:
    """Whether they differ only in what nobody sees: spaces, invisible characters, other forms of the same letter."""
    return before != after and _seen(before) == _seen(after)


def _seen(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text)
    return "".join(char for char in normal if not char.isspace() and unicodedata.category(char)[0] != "C")


def _short(value: Any) -> str:
    text = plain(_written(value))
    return text if len(text) <= _ROOM else f"{text[:_ROOM]} ... ({len(text)} characters)"


def _written(value: Any) -> str:
    return "" if value is _NONE else json.dumps(jsonable(value), ensure_ascii=False)
