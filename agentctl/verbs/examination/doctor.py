"""Examine everything that has to be right before a call, each with its remedy. Nothing is changed anywhere."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentctl.errors import AgentctlError, Problem
from agentctl.settings import Settings
from agentctl.verbs import tenants
from agentctl.verbs.examination import own_side, vendor_side
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


async def examine(control: Control, problems: Sequence[Problem] = ()) -> AsyncIterator[Finding]:
    """Every finding, one after the other. What is broken is a finding and keeps nothing else from being examined.

    `problems`: the settings that cannot be used, and have their defaults instead.
    """
    hint = f"Set it in the environment or in {control.directory / '.env'}; .env.example explains each."
    for problem in sorted(problems):
        yield of_settings(problem, hint)
    unusable: set[str] = set()
    for part in PARTS:
        lacking = [*part.lacks(control, problems), *(need for need in part.needs if need in unusable)]
        if lacking:
            unusable.add(part.subject)
            yield Finding(part.subject, "skipped", f"not examined: it needs {' and '.join(lacking)}")
            continue
        async for finding in _findings(part, control):
            if finding.blocks:
                unusable.add(part.subject)
            yield finding


def of_settings(problem: Problem, hint: str) -> Finding:
    """What is wrong with one setting."""
    return Finding("settings", "broken", str(problem), hint, blocks=True)


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
    Part("store", own_side.store, settings=("database_url", "supabase_", "agentctl_pg_bin")),
    Part("queue", own_side.queue, needs=("store",)),
    Part("sink", own_side.sink, needs=("project", "store")),
    Part("elevenlabs", vendor_side.key, settings=("elevenlabs_api_key", "elevenlabs_base_url")),
    Part("voices", vendor_side.voices, needs=("elevenlabs",)),
    Part("agents", vendor_side.agents, needs=_PLATFORM),
    Part("webhook", vendor_side.webhook, needs=_PLATFORM),
    Part("door", own_side.door, settings=("public_url", "elevenlabs_webhook_secret")),
    Part("twilio", vendor_side.twilio, settings=("twilio_",)),
    Part("numbers", vendor_side.numbers, needs=_PLATFORM),
    Part("tenants", tenants.check, needs=("store",)),
    Part("mail", own_side.mail, settings=("smtp_url", "resend_", "mail_from")),
    Part("digest", own_side.digest, settings=("llm_",)),
)
