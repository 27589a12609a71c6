"""What a language model is asked about a call, rendered from templates/digest.

A caller can say anything, "ignore your instructions" included. So what was said stands between markers that nothing
inside can contain, on lines that nobody but us begins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agentctl.calls import transcript, zone
from agentctl.calls.answer import SENTIMENTS, Answer, note
from agentctl.calls.call import Call, Wanted

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CALENDAR = 15  # days from the call's own on: models count days badly, and look them up well


@dataclass(frozen=True)
class Question:
    """What one request asks: our words, and the words of others between markers."""

    system: str
    user: str


def questions(call: Call, wanted: Wanted) -> list[Question]:
    """One for each part of the transcript. Raises DigestError for an endless one."""
    parts = transcript.parts(call)
    return [
        _question("part" if len(parts) > 1 else "call", part, call, wanted, number=number, of=len(parts))
        for number, part in enumerate(parts, 1)
    ]


def merging(answers: Sequence[Answer], call: Call, wanted: Wanted) -> Question:
    """What makes one answer of those about the parts. Action items are no part of it: none can get lost here."""
    notes = "\n".join(f"[part {number}] {note(answer)}" for number, answer in enumerate(answers, 1))
    return _question("notes", notes, call, wanted, number=1, of=len(answers))


def fingerprint(call: Call, wanted: Wanted, asked: Sequence[Question]) -> str:
    """SHA-256 of all that is asked about a call: the same where prompts, settings and transcript are the same."""
    whole = hashlib.sha256()
    for question in (*asked, merging((), call, wanted)):
        whole.update(f"{question.system}\0{question.user}\0".encode())
    return whole.hexdigest()


def _question(about: str, said: str, call: Call, wanted: Wanted, *, number: int, of: int) -> Question:
    fence = hashlib.sha256(said.encode()).hexdigest()[:24]
    day = zone.day_of(call.started_at, call.timezone)
    context: dict[str, Any] = {
        "about": about,
        "language": wanted.language,
        "wants_items": wanted.items and about != "notes",
        "outcomes": wanted.outcomes,
        "sentiments": SENTIMENTS,
        "outbound": call.direction == "outbound",
        "began": _began(call) if day else "",
        "calendar": [_named(day + timedelta(ahead)) for ahead in range(_CALENDAR)] if day else [],
        "number": number,
        "of": of,
        "fence": fence,
        "said": said,
    }
    return Question(_template("system.j2").render(context), _template("user.j2").render(context))


def _began(call: Call) -> str:
    assert call.started_at
    local = zone.local(call.started_at, call.timezone)
    return f"{_named(local.date())}, {local:%H:%M} ({local.tzinfo})"


def _named(day: date) -> str:
    return f"{_DAYS[day.weekday()]} {day.isoformat()}"


@cache
def _template(name: str) -> Any:
    folder = Path(__file__).parent.parent / "templates" / "digest"
    # Not HTML: escaping would falsify what the model reads.
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
