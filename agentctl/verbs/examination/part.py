"""Examinations one after the other. What one finds broken keeps nothing from being examined but what needs it."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentctl.errors import AgentctlError, Problem
from agentctl.settings import Settings
from agentctl.verbs.examination.finding import Examination, Finding
from agentctl.wiring import Control


@dataclass(frozen=True)
class Part:
    """One examination, and what must be usable for it to make sense: subjects, and settings by the names' beginnings.

    Without its own settings it would look at something else than what is meant, such as at another store.
    """

    subject: str
    examination: Examination
    needs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    def lacks(self, control: Control, problems: Sequence[Problem]) -> list[str]:
        """The variables among `problems` that it needs; all of them may be lacking where .env has a wrong line."""
        known = {control.settings.variable(name): name for name in Settings.model_fields}
        wanted = [problem.where for problem in problems if known.get(problem.where, "").startswith(self.settings)]
        unread = bool(self.settings) and any(problem.where not in known for problem in problems)
        return wanted if self.settings and wanted else [".env"] if unread else []


async def examined(parts: Sequence[Part], control: Control, problems: Sequence[Problem] = ()) -> AsyncIterator[Finding]:
    """Every finding of these. `problems`: the settings that cannot be used."""
    unusable: set[str] = set()
    for part in parts:
        lacking = [*part.lacks(control, problems), *(need for need in part.needs if need in unusable)]
        if lacking:
            unusable.add(part.subject)
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
