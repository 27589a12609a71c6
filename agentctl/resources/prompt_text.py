"""The prompt's text as a file gives it: a form at the platform may send other line ends, or a byte order mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PATH = ("conversation_config", "agent", "prompt", "prompt")
_BOM = "\ufeff"


def in_file(text: str) -> str:
    """With plain line ends, and without a byte order mark: no file could say otherwise."""
    return text.removeprefix(_BOM).replace("\r\n", "\n").replace("\r", "\n")


def as_in_file(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """An agent's `body` with its prompt as a file gives it, so that what nobody sees is no difference."""
    parents: list[Mapping[str, Any]] = []
    place: Any = body
    for key in _PATH:
        if not isinstance(place, Mapping) or key not in place:
            return body
        parents.append(place)
        place = place[key]
    if not isinstance(place, str) or place == in_file(place):
        return body
    found: Any = in_file(place)
    for key, parent in zip(reversed(_PATH), reversed(parents), strict=True):
        found = {**parent, key: found}
    return dict(found)
