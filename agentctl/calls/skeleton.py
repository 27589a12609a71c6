"""What remains of a large JSON object when all that is long or deep is left out: read in pieces, held in little memory.

A recording comes as one string of tens of megabytes among a few short fields. Those are all that the door looks at; of
the rest it is only told whether it is JSON.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from agentctl.calls.grammar import ESCAPE, STRING, Grammar
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
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._grammar = Grammar()
        self._text = bytearray()
        self._string = bytearray()
        self._last = b""  # the last string that ended, a key if a colon follows
        self._named = False  # whether a colon follows it, and nothing else as yet
        self._inside = False  # a string
        self._pouring = False
        self._size = 0
        self._cut = b""  # an escape that has not come whole

    @property
    def text(self) -> bytes:
        """The JSON so far. Where the end is missing, this is none either."""
        return bytes(self._text)

    def feed(self, piece: bytes) -> None:
        """Read on. Raises Malformed for what is no JSON in UTF-8, and for more fields than any event has."""
        try:
            self._decoder.decode(piece)
        except UnicodeDecodeError:
            raise Malformed("the body is not UTF-8") from None
        piece, at = self._cut + piece, 0
        self._cut = b""
        while at < len(piece):
            at = self._in_string(piece, at) if self._inside else self._between(piece, at)
        self._size += len(piece) - len(self._cut)
        if len(self._text) > _MOST:
            raise Malformed("the body has too many fields")

    def _between(self, piece: bytes, at: int) -> int:
        mark = _MARK.search(piece, at)
        end = mark.start() if mark else len(piece)
        if self._grammar.depth <= _LEVELS:
            self._text += piece[at:end]
        if between := piece[at:end].rstrip():
            self._named = between.endswith(b":")
        self._hold(self._grammar.stretch(piece[at:end]), at)
        if mark is None:
            return end
        before = self._grammar.depth
        self._hold(self._grammar.mark(mark[0]), end)
        if mark[0] == b'"':
            self._inside = True
            named = self._named and self._last == self._poured
            self._pouring = self._pour is not None and before == _LEVELS and named
        elif min(before, self._grammar.depth) <= _LEVELS:
            self._text += mark[0]
        self._named = False
        return mark.end()

    def _in_string(self, piece: bytes, at: int) -> int:
        whole = STRING.match(piece, at)
        end = whole.end() if whole else at
        self._keep(piece[at:end])
        if piece[end : end + 1] == b'"':
            self._close()
            return end + 1
        if piece[end : end + 1] == b"\\" and len(piece) - end < ESCAPE:
            self._cut = piece[end:]
            return len(piece)
        self._hold(end == len(piece), end)
        return end

    def _keep(self, part: bytes) -> None:
        if self._pouring and self._pour is not None:
            self._pour(part)
        if self._grammar.depth <= _LEVELS and len(self._string) <= _LONGEST:
            self._string += part[: _LONGEST + 1]

    def _close(self) -> None:
        self._inside = self._pouring = False
        self._last = bytes(self._string) if len(self._string) <= _LONGEST else b""
        self._string.clear()
        self._grammar.string_ended()
        if self._grammar.depth <= _LEVELS:
            self._text += b'"' + self._last + b'"'

    def _hold(self, right: bool, at: int) -> None:
        if not right:
            raise Malformed(f"the body is not JSON (about byte {self._size + at})")
