"""Whether a large text is JSON, told in pieces: what is too large to be parsed is held to the same rules.

Between two marks (a quote, a bracket, a brace) stands little, and what may stand there depends on nothing but what the
last mark was and what it stands in. So each stretch is matched at once, with the mark that ends it, by a pattern. As
everywhere here, NaN and infinities pass: Python writes them, and so may a vendor.
"""

from __future__ import annotations

import re

_LONG = 8 * 1024  # bytes between two marks, from which on what was seen of a list is let go
_MOST = 1024 * 1024  # of anything else between two marks

_SPACE = rb"[ \t\n\r]*+"
_SCALAR = rb"(?:true|false|null|NaN|-?Infinity|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)" + _SPACE
_ITEMS = rb"(?:" + _SCALAR + rb"," + _SPACE + rb')*+(?:["{\[]|' + _SCALAR + rb"\])"  # up to the next mark in a list


def _after(text: bytes) -> re.Pattern[bytes]:
    return re.compile(_SPACE + text)


_BEGIN = re.compile(rb"(?:\xef\xbb\xbf)?" + _SPACE + rb'["{\[]')
_OBJECT = _after(rb'["}]')
_KEY = _after(rb":" + _SPACE + rb'(?:["{\[]|' + _SCALAR + rb"(?:," + _SPACE + rb'"|\}))')
_MEMBER = _after(rb"(?:," + _SPACE + rb'"|\})')
_LIST = _after(rb"(?:\]|" + _ITEMS + rb")")
_ITEM = _after(rb"(?:\]|," + _SPACE + _ITEMS + rb")")
_COMMA = _after(_ITEMS)
_END = re.compile(rb"(?!)")  # no mark follows

# As much of a string as is whole: an escape may be cut at the end of a piece.
STRING = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
ESCAPE = 6  # bytes of the longest one


class Grammar:
    """Told of all stretches and marks outside of strings, it knows whether they can be those of one value."""

    def __init__(self) -> None:
        self._open = bytearray()  # what we are in, outermost first
        self._next = _BEGIN
        self._key = False  # the string that has begun
        self._stretch = b""

    @property
    def depth(self) -> int:
        """How many objects and lists are open."""
        return len(self._open)

    def stretch(self, text: bytes) -> bool:
        """Take what stands between two marks, or a part of it; False for what cannot stand there."""
        self._stretch += text
        if len(self._stretch) > _LONG and self._next in (_LIST, _ITEM, _COMMA):
            seen, comma, rest = self._stretch.rpartition(b",")
            if comma:
                if not self._next.fullmatch(seen + b',"'):
                    return False
                self._next, self._stretch = _COMMA, rest
        return len(self._stretch) <= _MOST

    def mark(self, mark: bytes) -> bool:
        """Take the mark that ends a stretch; of a string, the one that begins it. False where it cannot stand there."""
        if not self._next.fullmatch(self._stretch + mark):
            return False
        if mark == b'"':
            # Behind a key's colon one begins where a comma has ended a number or a word: the next key.
            self._key = self._next in (_OBJECT, _MEMBER) or (self._next is _KEY and b"," in self._stretch)
        elif mark in b"{[":
            self._open += mark
            self._next = _OBJECT if mark == b"{" else _LIST
        else:
            self._open.pop()
            self._close()
        self._stretch = b""
        return True

    def string_ended(self) -> None:
        """The string that the last mark began is over."""
        if self._key:
            self._next = _KEY
        else:
            self._close()

    def _close(self) -> None:
        """A value is over."""
        self._next = _END if not self._open else _MEMBER if self._open[-1:] == b"{" else _ITEM
