"""What an answer of the platform must say: JSON that lacks an id, or a list, tells nothing and is not what it seems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentctl.errors import AnswerLost, ApiError

_MADE = "It may have been carried out all the same. Look first, then run the same again."
ODD = "Run the same again; if it stays so, see whether ElevenLabs has trouble (https://status.elevenlabs.io)."


def having(request: str, answer: object, *names: str) -> Mapping[str, Any]:
    """`answer` to `request` (its method and path), or an entry of it, with a text under each of `names`.

    Raises ApiError where one is missing or, unless it is a name, empty; of a POST AnswerLost: it may have been made.
    """
    found = answer if isinstance(answer, Mapping) else {}
    missing = [name for name in names if not _is_told(name, found.get(name))]
    if missing:
        raise odd(request, f"the answer has no {' and '.join(missing)}")
    return found


def listing(request: str, answer: object, name: str = "") -> list[Mapping[str, Any]]:
    """The objects that `answer` lists under `name`, or is itself a list of. Raises as `having` does."""
    found = having(request, answer).get(name) if name else answer
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise odd(request, f"the answer has no {f'list {name!r}' if name else 'list'} of objects")
    return found


def _is_told(name: str, value: object) -> bool:
    # Others may call theirs nothing at all; an id is never empty.
    return isinstance(value, str) and (bool(value) or name == "name")


def odd(request: str, what: str) -> ApiError | AnswerLost:
    """The error for an answer of success that cannot be what the platform says; of a POST it may have been made."""
    message = f"{request}: {what}"
    return AnswerLost(message, _MADE) if request.startswith("POST ") else ApiError(message, ODD, status=200)
