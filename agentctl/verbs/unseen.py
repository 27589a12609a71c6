"""A webhook of ours whose secret nobody has seen: the answer of the run that made it was lost."""

from __future__ import annotations

from collections.abc import Mapping

from agentctl.errors import Rejected, SyncError, Unauthorized
from agentctl.resources import webhook as resource
from agentctl.resources.post_call import WEBHOOK
from agentctl.resources.webhook import Webhook
from agentctl.sync.bindings import Bindings
from agentctl.verbs.secret import fingerprint, variable
from agentctl.wiring import Control

# With what was applied to the webhook: it was taken over, and its secret was in nobody's hands then.
_MARK = "secret_unseen"


def is_unseen(control: Control, webhook: Webhook, bindings: Bindings) -> bool:
    """Whether nothing tells that anybody has its secret: it is not ours by the store, or was taken over like that."""
    if bindings.get(WEBHOOK) != webhook.webhook_id:
        return True
    return bool(bindings.applied(WEBHOOK).get(_MARK)) and not control.settings.elevenlabs_webhook_secret


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
    others = bindings.applied(WEBHOOK).get("secret_digest")
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
        f"webhook {webhook.webhook_id} ({webhook.url}) was made by a run that ended too soon, its secret was in that "
        f"run's answer only and cannot be shown again; {doubt}, so it was not replaced, and nothing was bound to it"
    )
    if serving:
        raise SyncError(what, "Delete it in the dashboard, then run the same again.")
    await bindings.bind(WEBHOOK, webhook.webhook_id, {"url": webhook.url, _MARK: True})
    hint = "agentctl webhook rotate replaces it by one whose secret you get."
    if control.settings.elevenlabs_webhook_secret:
        hint += f" If {variable(control)} holds its secret, run the same again."
    raise SyncError(what, hint)
