"""Look at how the platform sees our webhook, and tell people once when that changes, for the worse or the better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from agentctl.verbs.directed import whose
from agentctl.verbs.post_call import webhook
from agentctl.verbs.upkeep import alert
from agentctl.wiring import Control

SUBJECT = "delivery"


async def watch(control: Control, to: Sequence[str]) -> bool:
    """Queue one mail per address if what keeps calls away is another than was last told; whether that was so.

    A project without a webhook has its calls fetched, which is no trouble. Raises what `webhook.status` raises.
    """
    found = await webhook.status(control)
    watched = found.webhook_id is not None and found.agents
    problems = found.problems if watched else ()
    told = "\n".join(sorted(problems))
    message = alert.of_delivery(control, [*map(await whose(control), problems)])
    return await alert.tell(control, asdict(control.scope), SUBJECT, told, message, to)
