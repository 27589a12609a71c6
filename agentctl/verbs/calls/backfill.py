"""Fetch the conversations and recordings that no webhook brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import reduce

from agentctl.calls import backfill as calls
from agentctl.calls import missing_sound
from agentctl.calls.backfill import CaughtUp as CaughtUp
from agentctl.calls.tenant import OPERATOR
from agentctl.verbs.places import Everywhere, in_each, is_shut
from agentctl.wiring import Control


async def backfill(control: Control, since: datetime | None = None) -> CaughtUp:
    """Enter what is missing since the last look, or since `since` (an aware time) where that is earlier.

    In each workspace, those of tenants too: what cannot be had in one keeps nothing from being had in another.
    Recordings are looked for among the calls of the last seven days that have been here for half an hour.
    What it enters is processed by the next worker. Raises ConfigurationError without a key, Elsewhere with that of
    another workspace, ApiError, Unreachable, StoreError.
    """
    return together((await look(control, since)).checked())


async def look(
    control: Control, since: datetime | None = None, *, mailed_until: datetime | None = None
) -> Everywhere[CaughtUp]:
    """As `backfill`, with what came of it in each workspace, whatever kept it from its end in another.

    `mailed_until`: of calls that were over by then people have been told elsewhere, and nobody is mailed about them
    when they are fetched, now or later. The store keeps it.
    """
    if mailed_until is not None:
        await (await control.store()).call("told_until", {"until": mailed_until.isoformat()})
    return await in_each(control, lambda there: _caught_up(there, since))


def together(found: Sequence[CaughtUp]) -> CaughtUp:
    """What came of it in all of them; there is at least one."""
    return reduce(_joined, found)


async def _caught_up(control: Control, since: datetime | None) -> CaughtUp | None:
    if await is_shut(control):
        return None
    store, owner = await control.store(), control.access.workspace or OPERATOR
    key = control.settings.place("elevenlabs_api_key")
    found = await calls.catch_up(control.api, store, control.workspace, owner=owner, key=key, since=since)
    return replace(found, sounds=tuple(await missing_sound.fetch(control.api, store, found.agents, owner=owner)))


def _joined(one: CaughtUp, more: CaughtUp) -> CaughtUp:
    names = [each.name for each in fields(one) if each.name != "since"]
    return CaughtUp(min(one.since, more.since), **{name: getattr(one, name) + getattr(more, name) for name in names})
