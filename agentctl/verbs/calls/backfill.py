"""Fetch the conversations and recordings that no webhook brought."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agentctl.calls import backfill as calls
from agentctl.calls import missing_sound
from agentctl.calls.backfill import CaughtUp as CaughtUp
from agentctl.wiring import Control


async def backfill(control: Control, since: datetime | None = None) -> CaughtUp:
    """Enter what is missing since the last look, or since `since` (an aware time) where that is earlier.

    Recordings are looked for among the calls of the last seven days that have been here for half an hour.
    What it enters is processed by the next worker. Raises ConfigurationError without a key, ApiError, Unreachable,
    StoreError.
    """
    store = await control.store()
    found = await calls.catch_up(control.api, store, workspace(control), since=since)
    return replace(found, sounds=tuple(await missing_sound.fetch(control.api, store, found.agents)))


def workspace(control: Control) -> str:
    """What watermarks are kept for: the project's workspace; the host alone where there are only settings."""
    return control.scope.workspace if control.has_project else control.settings.workspace
