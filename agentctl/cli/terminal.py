"""What a terminal gets: colour where it wants some, and no character that would drive it."""

from __future__ import annotations

import re

from agentctl.settings import wants_colour

# Terminal control and bidirectional overrides: a transcript must not be able to repaint the terminal.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """`text` without characters that a terminal would obey."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def paint(text: str, *codes: int) -> str:
    """`text` in colour where stdout is a terminal that wants it."""
    return f"\x1b[{';'.join(map(str, codes))}m{text}\x1b[0m" if wants_colour() else text
