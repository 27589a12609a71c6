"""What happens after a call: the analysis that ElevenLabs is asked for, where it delivers, and who gets the mail.

The mail route of an assistant is no business of the platform's: it is a kind of its own whose remote is our store, so
that a plan shows a changed recipient like any other change, and a worker needs no project files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from agentctl.errors import NotFound
from agentctl.resources import action_items
from agentctl.resources.assistant import Assistant
from agentctl.resources.place import Place
from agentctl.resources.platform_settings import webhooks
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Desired, Keyed, Observed, Ref, Scope, Sighting, Traits
from agentctl.sync.target import Target

WEBHOOK = Ref("webhook", "post_call")
EVENTS = ("transcript", "audio", "call_initiation_failure")
KIND = "post_call"
_ROW = ("tenant", "name", "language", "agent_id")
_SETTINGS = ("mail_to", "summary_language", "action_items", "outcomes", "timezone")
# What an earlier version did not save: as if nothing had been declared.
_SILENT: Mapping[str, Any] = {"outcomes": [], "timezone": None}


def analysis(assistant: Assistant) -> dict[str, Any]:
    """The part of `platform_settings` that has ElevenLabs' own model summarise and extract action items."""
    language = assistant.post_call.summary_language or assistant.language
    wanted: dict[str, Any] = {"summary_language": language}
    if assistant.post_call.action_items:
        wanted["data_collection"] = action_items.data_collection(language)
    return wanted


def delivery(webhook: Ref | None, assistant: Assistant) -> dict[str, Any]:
    """The part of `platform_settings` that binds the post-call events: to what the assistant declares, else to our
    webhook, once one is registered.
    """
    binding = webhooks(assistant.webhooks)
    if webhook is not None and "post_call_webhook_id" not in binding:
        binding = {"post_call_webhook_id": webhook, "events": list(EVENTS), **binding}
    return {"workspace_overrides": {"webhooks": binding}} if binding else {}


class PostCallSettings:
    """Which assistant an agent id belongs to, and what is done after its calls; read by the worker."""

    name = KIND
    traits = Traits(internal=True)
    lists: Mapping[str, Keyed] = {"mail_to": Keyed()}

    def __init__(self, store: Store, scope: Scope, target: Target | None = None) -> None:
        self._store = store
        self._scope = asdict(scope)
        self._seen = {"key": target.key} if target else {}

    @classmethod
    def at(cls, place: Place) -> PostCallSettings:
        """For one workspace and project."""
        return cls(place.store, place.scope, place.target)

    def desired(self, assistant: Assistant) -> Iterable[Desired]:
        """One row per assistant."""
        post_call = assistant.post_call
        body = {
            "name": assistant.name,
            "language": assistant.language,
            "agent_id": Ref("agent", assistant.key),
            "tenant": assistant.tenant,
            "mail_to": list(post_call.mail_to),
            "summary_language": post_call.summary_language or assistant.language,
            "action_items": post_call.action_items,
            "outcomes": list(post_call.outcomes or ()),
            "timezone": post_call.timezone,
        }
        yield Desired(self.name, assistant.key, body, assistant.where)

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """All rows of the scope, or the one of its target, in one call."""
        rows = await self._store.call("assistants", {**self._scope, **self._seen})
        return {row["key"]: (_observed(row),) for row in rows}

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """Nothing to refuse."""

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """Rows are edited in place."""
        return False

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """Write the row; its key is its id."""
        settings = {key: body[key] for key in _SETTINGS}
        row = {key: body[key] for key in _ROW}
        await self._store.call("save_assistant", {**self._scope, "key": desired.key, **row, "post_call": settings})
        return desired.key

    async def read(self, remote_id: str) -> Observed:
        """The row as it is now."""
        rows = await self._store.call("assistants", {**self._scope, "key": remote_id})
        for row in rows:
            if row["key"] == remote_id:
                return _observed(row)
        raise NotFound(f"post_call {remote_id} is not in the store", status=404)

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """Write the row anew: what the patch does not name is as it was observed."""
        now = await self.read(remote_id)
        await self.create(desired, {**now.body, **patch})
        return await self.read(remote_id)

    async def delete(self, remote_id: str) -> None:
        """Forget the assistant; its calls stay."""
        await self._store.call("remove_assistant", {**self._scope, "key": remote_id})


def _observed(row: Mapping[str, Any]) -> Observed:
    body = {name: row[name] for name in _ROW}
    return Observed(row["key"], {**body, **_SILENT, **row["post_call"]})
