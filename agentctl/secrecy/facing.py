"""What stands in a hidden secret's place on the other side of a pair: a former or a foreign secret, in all likelihood.

A secret that was rotated in the files is known there no more, and what was put in its place at the platform never was.
So the two texts are laid beside each other, word by word, and what faces *** is not shown either. Of what faces the
password of an address only what looks like a secret: one that stood in its place is hidden for that already. Pure.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, cast

from agentctl.secrecy.secret import HIDDEN, in_addresses

# Words and their places. What joins a name to its value is no part of either.
_WORD = re.compile(r"[^\s=:,;\"'()<>\[\]{}&?#/|\\]+")
# By these fields entries of a list are told apart, as far as they have one.
_NAMES = ("id", "name", "key", "type")
# Characters from which on a word with letters and digits is no word of a language, and from which on none is.
_SOME, _LONG = 8, 24
_MANY = 2000  # words from which on those that are in every sentence say nothing of where two texts agree


def faced(before: Any, after: Any) -> tuple[Any, Any]:
    """Both sides of what is shown as a change, each without what faces a *** of the other. Both are veiled already."""
    if isinstance(before, str) and isinstance(after, str):
        return _texts(before, after)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        pairs = {key: faced(before[key], after[key]) for key in before if key in after}
        return (
            {key: pairs[key][0] if key in pairs else value for key, value in before.items()},
            {key: pairs[key][1] if key in pairs else value for key, value in after.items()},
        )
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        left, right = list(before), list(after)
        for i, j in _paired(before, after):
            left[i], right[j] = faced(before[i], after[j])
        return left, right
    return before, after


def former(before: Any, after: Any) -> Iterator[str]:
    """What of both sides faces a *** and looks like a secret by itself, wherever else it stands."""
    for some, others in zip((before, after), faced(before, after), strict=True):
        yield from _lost(some, others)


def _lost(some: Any, shown: Any) -> Iterator[str]:
    if isinstance(some, str) and some != shown:
        left = set(_words(shown))
        yield from (word for word in _words(some) if word not in left and _is_odd(word) and HIDDEN not in word)
    elif isinstance(some, Mapping):
        for key, one in some.items():
            yield from _lost(one, shown[key])
    elif isinstance(some, list | tuple):
        for one, other in zip(some, shown, strict=True):
            yield from _lost(one, other)


def _paired(before: Sequence[Any], after: Sequence[Any]) -> Iterator[tuple[int, int]]:
    """The entries that differ, each with that of the same name, or the next one that has none.

    In one pass over each side: a list of thousands may have been replaced by another, as a row's documents are.
    """
    forms = [_form(one) for one in before], [_form(one) for one in after]
    known = set(forms[0]), set(forms[1])
    right: dict[str | None, deque[int]] = {}
    for j, form in enumerate(forms[1]):
        if form not in known[0]:
            right.setdefault(_name(after[j]), deque()).append(j)
    for i, form in enumerate(forms[0]):
        if form not in known[1] and (named := right.get(_name(before[i]))):
            yield i, named.popleft()


def _form(value: Any) -> Hashable:
    """What is equal where the values are, and can be looked up."""
    if isinstance(value, Mapping):
        return Mapping, frozenset((key, _form(one)) for key, one in value.items())
    if isinstance(value, list | tuple):
        return list if isinstance(value, list) else tuple, tuple(map(_form, value))
    return cast(Hashable, value)


def _name(entry: Any) -> str | None:
    if not isinstance(entry, Mapping):
        return None
    return next((entry[name] for name in _NAMES if isinstance(entry.get(name), str)), "")


def _texts(before: str, after: str) -> tuple[str, str]:
    if before == after or (HIDDEN not in before and HIDDEN not in after):
        return before, after  # So are nearly all.
    places = [[word.span() for word in _WORD.finditer(text)] for text in (before, after)]
    words = [list(_words(text)) for text in (before, after)]
    of_addresses = _of_addresses(before, places[0]), _of_addresses(after, places[1])
    hidden: tuple[set[int], set[int]] = set(), set()
    # Whether a *** of the other side faces nothing, so that it may face anything; or what is no secret: it stands where
    # an address has one, and what stood there on this side is hidden already.
    moved = [False, False]
    changed: tuple[list[int], list[int]] = [], []
    for what, i, k, j, m in SequenceMatcher(None, words[0], words[1], max(map(len, words)) > _MANY).get_opcodes():
        if what == "equal":
            continue
        stretches = range(i, k), range(j, m)
        for side, other in ((0, 1), (1, 0)):
            changed[side].extend(stretches[side])
            facing = {at for at in stretches[other] if HIDDEN in words[other][at]}
            if facing - of_addresses[other]:
                hidden[side].update(stretches[side])
            moved[side] |= bool(facing) and (not stretches[side] or facing <= of_addresses[other])
    for side in (0, 1):
        if moved[side]:
            hidden[side].update(at for at in changed[side] if _is_odd(words[side][at]))
    return _without(before, places[0], hidden[0]), _without(after, places[1], hidden[1])


def _of_addresses(text: str, places: Sequence[tuple[int, int]]) -> set[int]:
    """The words with a *** that an address shows for its own secret, and with no other."""
    # As letters: of asterisks it is not known whether they are those of the sentence around the address.
    lettered = text.replace(HIDDEN, "x" * len(HIDDEN))
    own = [(start, end) for start, end in in_addresses(lettered) if text[start:end] == HIDDEN]
    return {
        at
        for at, (start, end) in enumerate(places)
        if (count := text.count(HIDDEN, start, end))
        and count == sum(start <= one and other <= end for one, other in own)
    }


def _words(text: str) -> Iterator[str]:
    return (word[0] for word in _WORD.finditer(text))


def _is_odd(word: str) -> bool:
    """Whether it is no word of any language."""
    mixed = any(map(str.isalpha, word)) and any(map(str.isdigit, word))
    return len(word) >= _LONG or (mixed and len(word) >= _SOME)


def _without(text: str, places: Sequence[tuple[int, int]], hidden: set[int]) -> str:
    """`text`, in as many lines as before, with *** for these words."""
    shown, end = "", 0
    for at in sorted(hidden):
        start, stop = places[at]
        shown += text[end:start] + HIDDEN
        end = stop
    return shown + text[end:]
