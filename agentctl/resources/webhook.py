"""Workspace webhooks: where ElevenLabs delivers what happened after a call, and what is bound to them.

A webhook's URL cannot be changed, its secret is shown once, and `retry_enabled` can only be set by PATCH and never
read. So one is made, bound in our store at once, and only then switched to retry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from agentctl.errors import AnswerLost, Ignored, NotFound, SyncError
from agentctl.resources.agent import Agent
from agentctl.resources.answer import having, listing
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant
from agentctl.resources.description import described
from agentctl.resources.post_call import EVENTS, WEBHOOK
from agentctl.sync.kind import Desired, Observed, Scope, Sighting

WEBHOOKS = "/v1/workspace/webhooks"
ONE_WEBHOOK = "/v1/workspace/webhooks/{webhook_id}"
SETTINGS = "/v1/convai/settings"
# Of an agent: where its delivery stands, and in that the field that says to which webhook.
DELIVERY = ("platform_settings", "workspace_overrides", "webhooks")
ID = "post_call_webhook_id"


@dataclass(frozen=True)
class Webhook:
    """One webhook as the platform tells it. `made` is unix seconds, and so is `failed_at`, of the last answer that was
    not 200.
    """

    webhook_id: str
    name: str
    url: str
    disabled: bool = False
    auto_disabled: bool = False
    failure_code: int | None = None
    failed_at: int | None = None
    made: int = field(default=0, compare=False)

    @property
    def told(self) -> str:
        """What tells it from another with its name, in words."""
        return described(self.name, self.made, "switched off" if self.disabled or self.auto_disabled else "")


def name_for(scope: Scope) -> str:
    """The name by which a webhook of this project is found again."""
    return f"agentctl {scope.project}/{scope.environment}"


async def listed(api: Api) -> tuple[Webhook, ...]:
    """Every webhook of the workspace."""
    asked = f"GET {WEBHOOKS}"
    # Unless that is certain, one that is there would count as gone.
    entries = [having(asked, one, "webhook_id") for one in listing(asked, await api.get(WEBHOOKS), "webhooks")]
    return tuple(
        Webhook(
            webhook_id=str(entry["webhook_id"]),
            name=str(entry.get("name") or ""),
            url=str(entry.get("webhook_url") or ""),
            disabled=bool(entry.get("is_disabled")),
            auto_disabled=bool(entry.get("is_auto_disabled")),
            failure_code=entry.get("most_recent_failure_error_code"),
            failed_at=entry.get("most_recent_failure_timestamp"),
            made=entry.get("created_at_unix") or 0,
        )
        for entry in entries
    )


async def create(api: Api, name: str, url: str) -> tuple[Webhook, SecretStr]:
    """Make one that signs with HMAC. The secret is never told again."""
    answer = await api.post(WEBHOOKS, json={"settings": {"auth_type": "hmac", "name": name, "webhook_url": url}})
    having(f"POST {WEBHOOKS}", answer, "webhook_id", "webhook_secret")
    return Webhook(str(answer["webhook_id"]), name, url), SecretStr(str(answer["webhook_secret"]))


async def switch_on(api: Api, webhook: Webhook) -> None:
    """Have failed deliveries repeated, and a webhook that was disabled deliver again.

    Safe to repeat: it says nothing of anybody else's, and what it says is what it was called for.
    """
    body = {"is_disabled": False, "name": webhook.name, "retry_enabled": True}
    await api.patch(ONE_WEBHOOK, json=body, webhook_id=webhook.webhook_id)


async def delete(api: Api, webhook_id: str) -> None:
    """Remove it; one that is gone already is fine. Raises Rejected while an agent or the workspace delivers to it."""
    with suppress(NotFound):
        await api.delete(ONE_WEBHOOK, webhook_id=webhook_id)


async def workspace_binding(api: Api) -> dict[str, Any]:
    """`webhooks` of the workspace's settings: what serves every agent that has none of its own."""
    return dict((await api.get(SETTINGS)).get("webhooks") or {})


async def bind_workspace(api: Api, current: Mapping[str, Any], webhook_id: str) -> bool:
    """Deliver the calls of the whole workspace to the webhook; False if that is so already. Raises Ignored, AnswerLost.

    How deep the platform merges is not documented: the whole object is written, with what others set kept in it. So it
    is sent once: what they set before a second time would be lost.
    """
    kept = {key: value for key, value in current.items() if value is not None}
    events = list(dict.fromkeys([*(kept.get("events") or ()), *EVENTS]))
    wanted = {**kept, "post_call_webhook_id": webhook_id, "events": events, "transcript_format": "json"}
    if wanted == {"transcript_format": "json", **kept}:
        return False
    try:
        answer = (await api.patch(SETTINGS, json={"webhooks": wanted}, once=True)).get("webhooks") or {}
    except AnswerLost:
        answer = await workspace_binding(api)
        if bound_to(answer) != webhook_id:
            raise
    if bound_to(answer) != webhook_id or not set(EVENTS) <= set(answer.get("events") or ()):
        raise Ignored(f"the platform accepted the workspace's webhooks but did not keep webhook {webhook_id} there")
    return True


def bound_to(settings: Mapping[str, Any]) -> str | None:
    """The webhook in an agent's or the workspace's `webhooks`, None where none is bound."""
    found = settings.get(ID)
    return str(found) if found else None


def agent_binding(agent: Mapping[str, Any]) -> Mapping[str, Any]:
    """`webhooks` of an agent as the platform answers it; empty where it has none of its own."""
    place: Any = agent
    for key in DELIVERY:
        place = place.get(key) if isinstance(place, Mapping) else None
    return place if isinstance(place, Mapping) else {}


class AgentWebhook:
    """The kind `agent`, narrowed to where its calls are delivered: registering a webhook writes that and no more.

    Without `whole` it is narrowed further, to the webhook of those that deliver to the project's: what they deliver,
    and agents that choose a webhook of their own, are left out.
    """

    def __init__(self, agent: Agent, *, whole: bool = True) -> None:
        self._agent = agent
        self._whole = whole
        self.name = agent.name
        self.traits = replace(agent.traits, prunable=False)
        self.lists = agent.lists

    @classmethod
    def of(cls, api: Api, scope: Scope, *, whole: bool = True) -> AgentWebhook:
        """For the agents of one project, delivering to its own webhook."""
        return cls(Agent(api, scope, WEBHOOK), whole=whole)

    def desired(self, assistant: Assistant) -> Iterable[Desired]:
        """Exactly the part that a sync would write too, `[elevenlabs]` of the assistant included."""
        for desired in self._agent.desired(assistant):
            webhooks = agent_binding(desired.body)
            if not self._whole:
                if webhooks.get(ID) != WEBHOOK:
                    continue
                webhooks = {ID: WEBHOOK}
            body = {"platform_settings": {"workspace_overrides": {"webhooks": webhooks}}}
            yield Desired(desired.kind, desired.key, body, desired.where, partial=True)

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """The agents that are wanted, and no others."""
        seen = await self._agent.observe(wanted, bound)
        return {desired.key: seen.get(desired.key, ()) for desired in wanted}

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """Only an agent that is there can be bound; making one is sync's business."""
        if not exists:
            raise SyncError(f"agent {desired.key} is gone at ElevenLabs", f"agentctl sync --only {desired.key}")

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """Edited in place."""
        return False

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """Never: see `check`."""
        raise SyncError(f"agent {desired.key} is not made here")

    async def read(self, remote_id: str) -> Observed:
        """The whole agent."""
        return await self._agent.read(remote_id)

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """PATCH what differs."""
        return await self._agent.update(remote_id, desired, patch)

    async def delete(self, remote_id: str) -> None:
        """Never: nothing is replaced."""
