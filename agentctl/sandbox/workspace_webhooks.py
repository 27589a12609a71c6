"""Workspace webhooks and the settings that bind them."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox import paging
from agentctl.sandbox.platform_shape import INITIATION_WEBHOOK, WEBHOOKS
from agentctl.sandbox.refusal import detailed, invalid, legacy
from agentctl.sandbox.shape import choice, flag, group, many, mapping, maybe, merge, needed, settled, text, whole
from agentctl.sandbox.state import Row, State, now
from agentctl.sandbox.world import body, json_object, world

_CREATE = group(
    settings=needed(
        group(
            auth_type=needed(choice("hmac", "hmac")),
            name=needed(text()),
            webhook_url=needed(text()),
            request_headers=maybe(mapping(text())),
        )
    )
)
_CHANGE = group(
    is_disabled=needed(flag()),
    name=needed(text()),
    retry_enabled=flag(None),
    request_headers=maybe(mapping(text())),
    events=many(default=None),
)
_SETTINGS = group(
    conversation_initiation_client_data_webhook=INITIATION_WEBHOOK,
    webhooks=WEBHOOKS,
    can_use_mcp_servers=flag(),
    rag_retention_period_days=whole(10, None, 30),
    conversation_embedding_retention_days=whole(None, None, 365),
    default_livekit_stack=choice("standard", "standard", "static"),
)


# What deliveries make of a webhook, and no request of the API can set but switching it on.
HEALTH = frozenset({"is_auto_disabled", "most_recent_failure_error_code", "most_recent_failure_timestamp"})


def routes() -> list[Route]:
    """The endpoints of webhooks and of the workspace's settings."""
    base = "/v1/workspace/webhooks"
    return [
        Route(base, create, methods=["POST"]),
        Route(base, index, methods=["GET"]),
        Route(base + "/{webhook_id}", change, methods=["PATCH"]),
        Route(base + "/{webhook_id}", delete, methods=["DELETE"]),
        Route("/v1/convai/settings", settings, methods=["GET"]),
        Route("/v1/convai/settings", change_settings, methods=["PATCH"]),
    ]


def workspace_settings(state: State) -> Row:
    """The workspace's settings with defaults filled in."""
    filled, _problems = settled(_SETTINGS, state.settings)
    found: Row = filled
    return found


async def create(request: Request) -> Response:
    """The answer is the only place where the secret is ever shown; retries start switched off."""
    state = world(request).state
    sent = (await body(request, _CREATE))["settings"]
    if not sent["webhook_url"].startswith(("http://", "https://")):
        raise detailed(400, "invalid_webhook_url", "The webhook URL must be an http(s) URL.", "settings.webhook_url")
    webhook_id = secrets.token_hex(16)
    state.webhooks[webhook_id] = {
        "webhook_id": webhook_id,
        "sequence": state.next_sequence(),
        "name": sent["name"],
        "webhook_url": sent["webhook_url"],
        "request_headers": sent["request_headers"] or {},
        "secret": "wsec_" + secrets.token_hex(32),
        "is_disabled": False,
        "is_auto_disabled": False,
        "retry_enabled": False,
        "events": None,
        "created": now(),
        "failures_in_a_row": 0,
        "queued": 0,
        "last_success": None,
        "most_recent_failure_error_code": None,
        "most_recent_failure_timestamp": None,
    }
    return JSONResponse({"webhook_id": webhook_id, "webhook_secret": state.webhooks[webhook_id]["secret"]})


async def index(request: Request) -> Response:
    """Neither secret nor headers nor retry_enabled can be read back."""
    state = world(request).state
    told = bool(paging.boolean(request.query_params, "include_usages"))
    return JSONResponse({"webhooks": [_view(state, row, told=told) for row in state.webhooks.values()]})


async def change(request: Request) -> Response:
    """`is_disabled` and `name` are required; the URL cannot be changed; enabling clears an automatic disabling."""
    state = world(request).state
    sent = await body(request, _CHANGE)
    row = _find(state, request.path_params["webhook_id"])
    row |= {"name": sent["name"], "is_disabled": sent["is_disabled"]}
    if not sent["is_disabled"]:
        row |= {"is_auto_disabled": False, "failures_in_a_row": 0}
    for key in ("retry_enabled", "request_headers", "events"):
        if sent[key] is not None:
            row[key] = sent[key]
    return JSONResponse({"status": "ok"})


async def delete(request: Request) -> Response:
    """Refused while an agent or the workspace's settings use it [the refusal's status is assumed: 400]."""
    state = world(request).state
    row = _find(state, request.path_params["webhook_id"])
    if usages(state, row["webhook_id"]):
        raise detailed(400, "webhook_in_use", "The webhook is in use and cannot be deleted.")
    del state.webhooks[row["webhook_id"]]
    return JSONResponse({"status": "ok"})


async def settings(request: Request) -> Response:
    """The workspace's settings."""
    return JSONResponse(workspace_settings(world(request).state))


async def change_settings(request: Request) -> Response:
    """Objects merge deep, as an agent's do [assumed: the merge depth is unknown]."""
    place = world(request)
    sent = await json_object(request)
    merged = merge(_SETTINGS, workspace_settings(place.state), sent, replace_maps=place.options.replace_maps)
    filled, problems = settled(_SETTINGS, merged)
    if problems:
        raise invalid(problems)
    webhook_id = filled["webhooks"]["post_call_webhook_id"]
    if webhook_id:
        _find(place.state, webhook_id)
    place.state.settings = filled
    return JSONResponse(filled)


def usages(state: State, webhook_id: str) -> list[str]:
    """What the webhook is bound to, in the platform's words."""
    agents = any(
        agent["platform_settings"]["workspace_overrides"]["webhooks"]["post_call_webhook_id"] == webhook_id
        for agent in state.agents.values()
    )
    found = ["ConvAI Agent Settings"] if agents else []
    if workspace_settings(state)["webhooks"]["post_call_webhook_id"] == webhook_id:
        found.append("ConvAI Settings")
    return found


def _find(state: State, webhook_id: str) -> Row:
    if webhook_id not in state.webhooks:
        raise legacy(404, "webhook_not_found", f"Webhook with id {webhook_id} was not found.")
    return state.webhooks[webhook_id]


def _view(state: State, row: Row, *, told: bool) -> Row:
    used = [{"usage_type": name} for name in usages(state, row["webhook_id"])] if told else None
    return {
        "name": row["name"],
        "webhook_id": row["webhook_id"],
        "webhook_url": row["webhook_url"],
        "is_disabled": row["is_disabled"],
        "is_auto_disabled": row["is_auto_disabled"],
        "created_at_unix": row["created"],
        "auth_type": "hmac",
        "usage": used,
        "events": row["events"],
        "most_recent_failure_error_code": row["most_recent_failure_error_code"],
        "most_recent_failure_timestamp": row["most_recent_failure_timestamp"],
    }
