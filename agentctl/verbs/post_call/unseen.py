"""A webhook of ours whose secret nobody has seen: the run that made it lost the answer, or ended before it told."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import SecretStr

from agentctl.errors import AgentctlError, Rejected, SyncError, Unauthorized
from agentctl.resources import webhook as resource
from agentctl.resources.post_call import WEBHOOK
from agentctl.resources.webhook import Webhook
from agentctl.sync.bindings import Bindings
from agentctl.verbs.post_call.secret import fingerprint, known, variable
from agentctl.wiring import Control

# With what was applied to the webhook: its secret is in nobody's hands, and by what it is known, where that is known.
_MARK = "secret_unseen"
_DIGEST = "secret_digest"


def marks(secret: SecretStr, *, safe: bool) -> dict[str, Any]:
    """What to remember of a webhook that was just made. `safe`: its secret is where a kill cannot lose it."""
    return {**known_by(fingerprint(secret)), **({} if safe else {_MARK: True})}


def known_by(digest: str | None) -> dict[str, Any]:
    """What to remember of a webhook whose secret has that fingerprint, and that somebody has."""
    return {_DIGEST: digest}


def digest_of(bindings: Bindings) -> str | None:
    """The fingerprint of the secret of the project's webhook, None where nobody ever knew."""
    found = bindings.applied(WEBHOOK).get(_DIGEST)
    return None if found is None else str(found)


async def shown(control: Control, webhook_id: str) -> None:
    """Remember that somebody has its secret. Lost, that leads to a question and to nothing wrong."""
    with suppress(AgentctlError):
        bindings = await control.bindings()
        applied = bindings.applied(WEBHOOK)
        if bindings.get(WEBHOOK) == webhook_id and _MARK in applied and _DIGEST in applied:
            await bindings.bind(WEBHOOK, webhook_id, gone=[(_MARK,)])


def is_unseen(control: Control, webhook: Webhook, bindings: Bindings) -> bool:
    """Whether nothing tells that anybody has its secret.

    Then it is not ours by the store, was taken over like that, or made by a run that did not come to show it.
    """
    if bindings.get(WEBHOOK) != webhook.webhook_id:
        return True
    if not bindings.applied(WEBHOOK).get(_MARK):
        return False
    digest = _digest(webhook, bindings)
    return known(control, digest) is None if digest else not control.settings.elevenlabs_webhook_secret


async def doubt(control: Control, webhook: Webhook, bindings: Bindings, found: Mapping[str, str | None]) -> str:
    """Why it must not be replaced by another; empty where that harms nobody.

    `found`: assistant -> the webhook that its agent delivers to. Raises ApiError and Unreachable.
    """
    users = [f"agent {key}" for key, webhook_id in found.items() if webhook_id == webhook.webhook_id]
    try:
        workspace = resource.bound_to(await resource.workspace_binding(control.api))
    except Unauthorized:
        return "whether the workspace delivers to it cannot be seen with this key"
    users += ["the workspace"] if workspace == webhook.webhook_id else []
    if users:
        return f"{', '.join(users)} delivers to it already"
    if _digest(webhook, bindings):
        return ""  # It is known which one it is, and that it is not here.
    others = digest_of(bindings)
    if {fingerprint(secret) for secret in control.settings.elevenlabs_webhook_secret} - {others}:
        return f"{variable(control)} may hold its secret, which cannot be told"
    return ""


async def remove(control: Control, webhook: Webhook, bindings: Bindings, doubt: str, *, serving: bool) -> None:
    """Delete it, so that another can be made. Raises SyncError where there is a `doubt`, or the platform refuses.

    It is given nobody's calls then, but remembered, so that it can be rotated; not where another one is `serving`.
    """
    try:
        if not doubt:
            return await resource.delete(control.api, webhook.webhook_id)
    except Rejected as error:
        doubt = f"it cannot be deleted: {error.message}"
    what = (
        f"webhook {webhook.webhook_id} ({webhook.url}) was made by a run that ended before it showed its secret, which "
        f"cannot be shown again; {doubt}, so it was not replaced, and nothing was bound to it"
    )
    if serving:
        raise SyncError(what, "Delete it in the dashboard, then run the same again.")
    await bindings.bind(WEBHOOK, webhook.webhook_id, {"url": webhook.url, _MARK: True})
    name = variable(control)
    may_be_here = control.settings.elevenlabs_webhook_secret and not _digest(webhook, bindings)
    otherwise = f"If {name} holds its secret," if may_be_here else f"If you have its secret, set {name} to it and"
    hint = f"agentctl webhook rotate replaces it by one whose secret you get. {otherwise} run the same again."
    raise SyncError(what, hint)


def _digest(webhook: Webhook, bindings: Bindings) -> str | None:
    """By what its secret is known, where anybody ever knew."""
    bound = bindings.get(WEBHOOK) == webhook.webhook_id
    return digest_of(bindings) if bound else None
