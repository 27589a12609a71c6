"""What a search has hit, in all of a call: the store says which words these are, around some of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

BEGIN, END = "\x01", "\x02"  # around each hit, as the store has it
_HIT = re.compile(f"{BEGIN}([^{END}]+){END}")


def lit(call: Mapping[str, Any], snippet: str) -> dict[str, Any]:
    """The call with such marks around every one of the words that `snippet` has hit."""
    words = sorted(map(re.escape, set(_HIT.findall(snippet))), key=len, reverse=True)
    found = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else None

    def marked(text: str | None) -> str | None:
        plain = text and text.replace(BEGIN, "").replace(END, "")  # what somebody said has none
        return found.sub(rf"{BEGIN}\g<0>{END}", plain) if found and plain else plain

    turns = [{**turn, "message": marked(turn["message"])} for turn in call["turns"]]
    return {**call, "turns": turns, "summary": marked(call["summary"])}


def first(call: Mapping[str, Any]) -> int | None:
    """The place of the turn with the first one."""
    return next((turn["position"] for turn in call["turns"] if BEGIN in (turn["message"] or "")), None)
