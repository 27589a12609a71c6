"""Who read or erased what: one row for each, which nothing here can change."""

from __future__ import annotations

import os
import platform
import pwd
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from agentctl.errors import StoreError
from agentctl.wiring import Control

# What may be kept of the filters of a list as it was given; of all others, such as a number, only that it was.
_HARMLESS = frozenset(
    {"assistant", "since", "until", "outcome", "status", "state", "items", "limit", "before", "which", "format"}
)


# In whose name a server works just now, where it is somebody else's than its own.
_ACTING: ContextVar[str | None] = ContextVar("acting", default=None)


@contextmanager
def acting(person: str) -> Iterator[None]:
    """In the block, rows are in the name of `person`."""
    before = _ACTING.set(person)
    try:
        yield
    finally:
        _ACTING.reset(before)


async def note(control: Control, action: str, **subject: Any) -> None:
    """Add a row. `subject`: ids of conversations, counts, and filters as `asked` makes them. Raises StoreError."""
    await _add(control, action, subject)


@asynccontextmanager
async def noted(control: Control, action: str, **subject: Any) -> AsyncIterator[dict[str, Any]]:
    """Add a row of what is done in the block, before it begins, and what came of it once it is over; what is put into
    the mapping goes into it. Raises StoreError.

    What did not come to its end may be done in part: the row has an `outcome` then, the name of the error alone. Of a
    process that was killed the row itself says so.
    """
    row = await _add(control, action, subject, begun=True)
    try:
        yield subject
    except BaseException as error:
        with suppress(StoreError):  # what the block raised tells more
            await _add(control, action, {**subject, "outcome": type(error).__name__}, ends=row)
        raise
    await _add(control, action, subject, ends=row)


async def _add(control: Control, action: str, subject: Mapping[str, Any], **how: Any) -> int:
    row = {"actor": actor(control), "action": action, "subject": subject, **how}
    return int((await (await control.store_of_calls()).call("audit", row))["id"])


async def audit(control: Control, *, since: datetime | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """The newest rows first, of all tenants unless one was named: at, tenant, actor, action, subject. `since`: an aware
    time. Raises StoreError.
    """
    asked = {"since": since.isoformat() if since else None, "limit": limit}
    rows: list[dict[str, Any]] = await (await control.store_of_queues()).call("list_audit", asked)
    return rows


def asked(**filters: object) -> dict[str, object]:
    """The filters of a list without what is personal in them."""
    given = {name: value for name, value in filters.items() if value not in (None, (), [])}
    return {name: str(value) if name in _HARMLESS else True for name, value in given.items()}


def actor(control: Control) -> str:
    """Whoever is acted for, else AGENTCTL_ACTOR, else the user of the operating system and the machine."""
    if person := _ACTING.get():
        return person
    if control.settings.agentctl_actor:
        return control.settings.agentctl_actor
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        user = str(os.getuid())
    return f"{user}@{platform.node()}"
