"""Fetch the conversations that no webhook brought."""

from __future__ import annotations

from datetime import datetime

from agentctl.calls import backfill as calls
from agentctl.calls.backfill import CaughtUp as CaughtUp
from agentctl.wiring import Control


async def backfill(control: Control, since: datetime | None = None) -> CaughtUp:
    """Enter what is missing since the last look, or since `since` (an aware time) where that is earlier.

    What it enters is processed by the next worker. Raises ConfigurationError without a key, ApiError, Unreachable,
    StoreError.
    """
    return await calls.catch_up(control.api, await control.store(), workspace(control), since=since)


def workspace(control: Control) -> str:
    """What watermarks are kept for: the project's workspace; the host alone where there are only settings."""
    return control.scope.workspace if control.has_project else control.settings.workspace
