"""The last failed delivery, which is all that the platform tells: whether it is still trouble."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from agentctl.resources.post_call import WEBHOOK
from agentctl.resources.webhook import Webhook
from agentctl.sync.bindings import Bindings
from agentctl.wiring import Control

# The platform tells the last failure alone; two looks of a worker's watch are in this.
FAILING_SECONDS = 1800
_PAST = "failure_past"  # with what was applied to the webhook: when the last failure was that is over
_NEWEST = 20  # events among which one from the webhook is looked for; others may be fetched ones


def past(webhook: Webhook) -> dict[str, Any]:
    """What to remember of a webhook whose last failure is over: it is registered anew, or its door answers again."""
    return {_PAST: webhook.failed_at or 0}


async def failing(control: Control, webhook: Webhook | None, bindings: Bindings) -> bool:
    """Whether the last delivery failed lately, is not over, and nothing has arrived since. Raises StoreError."""
    if webhook is None or webhook.failed_at is None or webhook.failed_at <= time.time() - FAILING_SECONDS:
        return False
    if webhook.failed_at <= int(bindings.applied(WEBHOOK).get(_PAST) or 0):
        return False
    newest = await (await control.store()).call("list_events", {"states": None, "limit": _NEWEST})
    arrived = [datetime.fromisoformat(one["received_at"]).timestamp() for one in newest if one["source"] == "webhook"]
    return max(arrived, default=0.0) <= webhook.failed_at
