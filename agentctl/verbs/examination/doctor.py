"""Examine everything that has to be right before a call, each with its remedy. Nothing is changed anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from agentctl.errors import Problem
from agentctl.verbs.examination import numbers, own_side, tenant_side, vendor_side, work_side
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.examination.part import Part, examined
from agentctl.wiring import Control


async def examine(control: Control, problems: Sequence[Problem] = ()) -> AsyncIterator[Finding]:
    """Every finding, one after the other. What is broken is a finding and keeps nothing else from being examined.

    `problems`: the settings that cannot be used, and have their defaults instead.
    """
    hint = f"Set it in the environment or in {control.directory / '.env'}; .env.example explains each."
    for problem in sorted(problems):
        yield of_settings(problem, hint)
    async for finding in examined(PARTS, control, problems):
        yield finding


def of_settings(problem: Problem, hint: str) -> Finding:
    """What is wrong with one setting."""
    return Finding("settings", "broken", str(problem), hint, blocks=True)


_PLATFORM = ("project", "store", "elevenlabs")
PARTS = (
    Part("project", own_side.project),
    Part("settings", own_side.settings),
    Part("store", own_side.store, settings=("database_url", "supabase_", "agentctl_pg_bin")),
    Part("queue", work_side.queue, needs=("store",)),
    Part("sink", work_side.sink, needs=("project", "store")),
    Part("elevenlabs", vendor_side.key, settings=("elevenlabs_api_key", "elevenlabs_base_url")),
    Part("voices", vendor_side.voices, needs=("elevenlabs",)),
    Part("agents", vendor_side.agents, needs=_PLATFORM),
    Part("webhook", vendor_side.webhook, needs=_PLATFORM),
    Part("door", own_side.door, settings=("public_url", "elevenlabs_webhook_secret")),
    Part("twilio", vendor_side.twilio, settings=("twilio_",)),
    Part("numbers", numbers.numbers, needs=_PLATFORM),
    Part("tenants", tenant_side.tenants, needs=("store",)),
    Part("mail", own_side.mail, settings=("smtp_url", "resend_", "mail_from")),
    Part("digest", own_side.digest, settings=("llm_",)),
)
