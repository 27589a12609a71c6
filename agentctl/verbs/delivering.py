"""Which webhook the calls of each assistant's agent are delivered to now."""

from __future__ import annotations

from collections.abc import Sequence

from agentctl.errors import AgentctlError
from agentctl.resources import webhook as resource
from agentctl.resources.agent import KIND as AGENT
from agentctl.resources.assistant import Assistant
from agentctl.resources.post_call import WEBHOOK
from agentctl.resources.webhook import AgentWebhook
from agentctl.sync.bindings import Bindings
from agentctl.sync.elsewhere import must_be_here
from agentctl.wiring import Control

_ID = "post_call_webhook_id"


async def delivering(control: Control, assistants: Sequence[Assistant], bindings: Bindings) -> dict[str, str | None]:
    """Assistant -> the webhook that its agent delivers to now; without those that choose one of their own.

    Raises Elsewhere where every bound agent was looked for and none of several is there.
    """
    kind = AgentWebhook.of(control.api, control.scope)
    wanted = [desired for assistant in assistants for desired in kind.desired(assistant)]
    wanted = [desired for desired in wanted if resource.agent_binding(desired.body).get(_ID) == WEBHOOK]
    found: dict[str, str | None] = {}
    seen = await kind.observe(wanted, bindings.of(AGENT))
    if not bindings.of(AGENT).keys() - seen.keys():
        must_be_here(AGENT, {desired.key: desired for desired in wanted}, seen, bindings)
    for key, sighting in seen.items():
        if isinstance(sighting, AgentctlError):
            raise sighting
        bound = bindings.of(AGENT).get(key)
        # Beside the bound one there may be others that claim to be it; they are nobody's business here.
        for observed in [one for one in sighting if bound in (None, one.remote_id)]:
            found[key] = resource.bound_to(resource.agent_binding(observed.body))
    return found
