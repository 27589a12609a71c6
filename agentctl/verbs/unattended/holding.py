"""Assistants that a rollback holds, as a sync that nobody watches tells of them: at first and daily, not at every run.

A line at each run of a cron job would be read by nobody, and none at all would let a hold be forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase

from agentctl.errors import Problem
from agentctl.sources.files import ASSISTANTS
from agentctl.sync.plan import Plan
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.revisions.hold import Hold
from agentctl.wiring import Control


def left_alone(plan: Plan, only: Sequence[str] = ()) -> tuple[Hold, ...]:
    """The holds by which a sync with this plan leaves files alone that it was asked for."""
    holds = plan.holds if isinstance(plan, ProjectPlan) else ()
    return tuple(one for one in holds if not only or any(fnmatchcase(one.key, glob) for glob in only))


async def notes(control: Control, plan: ProjectPlan, only: Sequence[str] = ()) -> list[Problem]:
    """What this run has to say of holds before anything goes live: which end with it, and which are in force.

    Of those in force that counts as said then, for every run of this day (UTC). Raises StoreError.
    """
    ended = [Problem(f"{ASSISTANTS}/{one.key}", one.end) for one in plan.released]
    found = ended + [Problem(f"{ASSISTANTS}/{one.key}", str(one)) for one in await _due(control, plan, only)]
    return [Problem(one.where, plan.whose(one.what)) for one in found]


async def _due(control: Control, plan: Plan, only: Sequence[str]) -> tuple[Hold, ...]:
    holds, store, today = left_alone(plan, only), await control.store(), _today()
    place = asdict(control.scope)

    async def is_news(hold: Hold) -> bool:
        # Each by itself, so that runs narrowed by --only in turn do not take each other's for another outcome.
        digest = f"{hold.revision} {hold.since} {hold.is_open} {today}"
        row = {**place, "subject": f"hold {hold.key}", "digest": digest, "mails": []}
        return bool((await store.call("notify", row))["new"])

    news = await asyncio.gather(*map(is_news, holds))
    return tuple(hold for hold, is_new in zip(holds, news, strict=True) if is_new)


def _today() -> date:
    return datetime.now(UTC).date()
