"""Which duties a worker of this project has, by what is configured."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator, Sequence

from pydantic import SecretStr

from agentctl.calls.duty import Duty, DutyJob
from agentctl.verbs.calls import backfill, retain
from agentctl.verbs.places import in_each, is_keyed, is_shut
from agentctl.verbs.upkeep import alert, changes, dead_letters, delivery, sealing
from agentctl.wiring import Control

BACKFILL_SECONDS = 900.0
WATCH_SECONDS = 900.0
ALERT_SECONDS = 60.0
CHANGES_SECONDS = 60.0
HEARTBEAT_SECONDS = 60.0
SEAL_SECONDS = 60.0
RETENTION_SECONDS = 3600.0
SPARING_SECONDS = 900.0
_HOST = re.compile(r"https?://([\w.-]+|\[[\w:.]+\])(:\d+)?(?=[/?#]|$)[^@]*$", re.IGNORECASE)


async def job(control: Control, wake: asyncio.Event | None = None) -> DutyJob:
    """The job that does them; `wake` is set when it has made work for the others. Raises StoreError."""
    return DutyJob(await control.store(), duties(control, wake))


def duties(control: Control, wake: asyncio.Event | None = None) -> list[Duty]:
    """Fetching what no webhook brought and watching the webhook need a key, which may come later, as a tenant's does;
    telling people, somebody to tell.

    What is older than its project keeps it is erased by every worker, and every one closes what lies open in the store.
    """
    settings, to = control.settings, alert.recipients(control)

    async def fetch() -> None:
        news = await backfill.look(control)
        if any(one.entered or one.sounds for one in news.results) and wake is not None:
            wake.set()
        news.checked()

    async def beat() -> None:
        from agentctl.clients.heartbeat import beat

        assert settings.heartbeat_url is not None
        await beat(settings.heartbeat_url)

    found = [Duty("backfill", control.workspace, BACKFILL_SECONDS, fetch, lambda: is_keyed(control))]
    found += _of_project(control, to) if control.has_project else ()
    if to:
        found.append(Duty("alert", "", ALERT_SECONDS, lambda: dead_letters.tell(control, to)))
    found.append(Duty("rights", "", SEAL_SECONDS, lambda: sealing.seal(control, to)))
    if settings.heartbeat_url is not None:
        found.append(Duty("heartbeat", told(settings.heartbeat_url), HEARTBEAT_SECONDS, beat))
    # In each place where recordings are kept, somebody who can reach them.
    place = control.workshop.recordings.place
    found.append(Duty("retention", place, RETENTION_SECONDS, lambda: retain.retain(control)))
    found.append(Duty("recordings", place, SPARING_SECONDS, lambda: retain.spare(control)))
    return found


def _of_project(control: Control, to: Sequence[str]) -> Iterator[Duty]:
    async def watch() -> None:
        (await in_each(control, lambda there: _watched(there, to))).checked()

    place = f"{control.scope.project}/{control.scope.environment}"
    if to:
        there = f"{place} {control.scope.workspace}"
        yield Duty("delivery", there, WATCH_SECONDS, watch, lambda: is_keyed(control))
    if control.project.table:
        yield Duty("changes", place, CHANGES_SECONDS, lambda: changes.watch(control, to))


async def _watched(there: Control, to: Sequence[str]) -> bool:
    return not await is_shut(there) and await delivery.watch(there, to)


def told(url: SecretStr) -> str:
    """What tells one secret URL from another, for people: its host, and a digest of all of it."""
    digest = hashlib.sha256(url.get_secret_value().encode()).hexdigest()[:8]
    host = _HOST.match(url.get_secret_value())  # none where a name or a password may stand before it
    return f"{host[1].lower()} {digest}" if host else digest
