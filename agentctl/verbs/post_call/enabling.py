"""Switch on again a webhook that ElevenLabs, or a person, has switched off, and fetch what it did not bring."""

from __future__ import annotations

from dataclasses import dataclass

from agentctl.errors import Ignored, NotFound, Unreachable, UsageError
from agentctl.resources import webhook as resource
from agentctl.resources.post_call import WEBHOOK
from agentctl.resources.webhook import Webhook
from agentctl.verbs.calls.backfill import CaughtUp, backfill
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.post_call.failed import past
from agentctl.verbs.post_call.knocking import REFUSED, knock
from agentctl.verbs.post_call.webhook import meaning
from agentctl.wiring import Control


@dataclass(frozen=True)
class Enabled:
    """`before`: the webhook as it was; `fetched`: what came of looking for calls that it did not bring.

    `door`: what keeps its door from taking deliveries, in words; empty where it answers as it should. `known`: whether
    it could be told that the door knows the secret.
    """

    before: Webhook
    fetched: CaughtUp
    door: str
    known: bool

    @property
    def was_off(self) -> bool:
        """Whether there was anything to switch on."""
        return self.before.disabled or self.before.auto_disabled


async def enable(control: Control) -> Enabled:
    """Have the project's webhook deliver, and repeat what fails, then fetch what is missing. Safe to run again.

    Where its door answers, the last failed delivery is past, and no trouble any more.

    Raises UsageError where none is registered, NotFound where it is gone, Ignored where it stays off, Busy while a sync
    runs, ApiError, Unreachable, StoreError.
    """
    async with exclusive(control):
        bindings = await control.bindings()
        webhook_id = bindings.get(WEBHOOK)
        if webhook_id is None:
            raise UsageError("no webhook is registered", "agentctl webhook register URL")
        before = await _look(control, webhook_id)
        # Also one that is on: whether failed deliveries are repeated cannot be read.
        await resource.switch_on(control.api, before)
        after = await _look(control, webhook_id)
        if after.disabled or after.auto_disabled:
            raise Ignored(f"the platform accepted that webhook {webhook_id} is switched on, and it is still off")
        door = await _in_the_way(control, before.url)
        if not door:
            await bindings.bind(WEBHOOK, webhook_id, past(after))
    # Beside a sync: it writes nothing at the platform.
    return Enabled(before, await backfill(control), door, bool(control.settings.elevenlabs_webhook_secret))


async def _in_the_way(control: Control, url: str) -> str:
    try:
        answered = await knock(control, url)
    except Unreachable as error:
        return error.message
    right = REFUSED if control.settings.elevenlabs_webhook_secret else 401
    return "" if answered == right else f"it answers {answered}. {meaning(control, answered)}"


async def _look(control: Control, webhook_id: str) -> Webhook:
    found = next((one for one in await resource.listed(control.api) if one.webhook_id == webhook_id), None)
    if found is None:
        raise NotFound(f"webhook {webhook_id} is gone at ElevenLabs", "agentctl webhook register URL makes another.")
    return found
