"""What remains of a large JSON object when all that is long or deep is left out: read in pieces, held in little memory.

A recording comes as one string of tens of megabytes among a few short fields. Those are all that the door looks at.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from agentctl.errors import Malformed

_MARK = re.compile(rb'["{}\[\]]')
_LEVELS = 2  # the event, and its `data`
_LONGEST = 1024  # bytes of a string that is kept; a longer one becomes an empty one
_MOST = 1024 * 1024  # bytes of what remains


class Skeleton:
    """Fed with all of the text, it has the JSON of the first two levels. `pour` gets what strings under the key
    `poured` in the second level hold, as it is written there.
    """

    def __init__(self, poured: str = "", pour: Callable[[bytes], None] | None = None) -> None:
        self._poured, self._pour = poured.encode(), pour
        self._text = bytearray()
        self._string = bytearray()
        self._last = b""  # the last string that ended, a key if a colon follows
        self._depth = 0
        self._inside = False  # a string
        self._escaped = False  # the next character
        self._pouring = False

    @property
    def text(self) -> bytes:
        """The JSON so far."""
        return bytes(self._text)

    def feed(self, piece: bytes) -> None:
        """Read on. Raises Malformed for what has more fields than any event."""
        at = 0
        while at < len(piece):
            at = self._in_string(piece, at) if self._inside else self._between(piece, at)
        if len(self._text) > _MOST:
            raise Malformed("the body has too many fields")

    def _between(self, piece: bytes, at: int) -> int:
        mark = _MARK.search(piece, at)
        end = mark.start() if mark else len(piece)
        if self._depth <= _LEVELS:
            self._text += piece[at:end]
        if mark is None:
            return end
        if mark[0] == b'"':
            self._inside = True
            key = self._last if self._text.rstrip().endswith(b":") else b""
            self._pouring = self._pour is not None and self._depth == _LEVELS and key == self._poured
        else:
            opens = mark[0] in b"{["
            if self._depth + opens <= _LEVELS + 1:
                self._text += mark[0]
            self._depth += 1 if opens else -1
        return mark.end()

    def _in_string(self, piece: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            self._keep(piece[at : at + 1])
            return at + 1
        quote = piece.find(b'"', at)
        end = quote if quote >= 0 else len(piece)
        part = piece[at:end]
        # An odd number of backslashes before it: what follows is a character of the string.
        odd = (len(part) - len(part.rstrip(b"\\"))) % 2 == 1
        self._keep(part)
        if odd:
            self._escaped = True
        elif quote >= 0:
            self._close()
            return quote + 1
        return end

    def _keep(self, part: bytes) -> None:
        if self._pouring and self._pour is not None:
            self._pour(part)
        if self._depth <= _LEVELS and len(self._string) <= _LONGEST:
            self._string += part[: _LONGEST + 1]

    def _close(self) -> None:
        self._inside = self._pouring = False
        self._last = bytes(self._string) if len(self._string) <= _LONGEST else b""
        self._string.clear()
        if self._depth <= _LEVELS:
            self._text += b'"' + self._last + b'"'
