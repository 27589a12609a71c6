"""Examine everything that has to be right before a call, each with its remedy. Nothing is changed anywhere."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from agentctl.errors import AgentctlError
from agentctl.verbs import own_side, vendor_side
from agentctl.verbs.finding import Examination, Finding
from agentctl.wiring import Control


@dataclass(frozen=True)
class Part:
    """One examination, and the subjects that must be usable for it to make sense."""

    subject: str
    examination: Examination
    needs: tuple[str, ...] = ()


async def examine(control: Control) -> AsyncIterator[Finding]:
    """Every finding, one after the other. What is broken is a finding and keeps nothing else from being examined."""
    unusable: set[str] = set()
    for part in PARTS:
        lacking = [need for need in part.needs if need in unusable]
        if lacking:
            yield Finding(part.subject, "skipped", f"not examined: it needs {' and '.join(lacking)}")
            continue
        async for finding in _findings(part, control):
            if finding.blocks:
                unusable.add(part.subject)
            yield finding


async def _findings(part: Part, control: Control) -> AsyncIterator[Finding]:
    try:
        async for finding in part.examination(control):
            yield finding
    except AgentctlError as error:
        yield Finding(part.subject, "broken", error.message, error.hint, blocks=True)
    except Exception as error:  # noqa: BLE001 - a server that answers nonsense must not end the whole examination
        place = traceback.extract_tb(error.__traceback__)[-1]
        what = f"could not be examined: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        yield Finding(part.subject, "broken", what, "An answer was not what was expected of it.", blocks=True)


_PLATFORM = ("project", "store", "elevenlabs")
PARTS = (
    Part("project", own_side.project),
    Part("settings", own_side.settings),
    Part("store", own_side.store),
    Part("queue", own_side.queue, needs=("store",)),
    Part("elevenlabs", vendor_side.key),
    Part("voices", vendor_side.voices, needs=("elevenlabs",)),
    Part("agents", vendor_side.agents, needs=_PLATFORM),
    Part("webhook", vendor_side.webhook, needs=_PLATFORM),
    Part("door", own_side.door),
    Part("twilio", vendor_side.twilio),
    Part("numbers", vendor_side.numbers, needs=_PLATFORM),
    Part("mail", own_side.mail),
    Part("digest", own_side.digest),
)
