"""Who may talk to an agent: signed URLs, WebRTC tokens, and what is asked of whoever opens a socket."""

from __future__ import annotations

import base64
import json
import secrets
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox import agents
from agentctl.sandbox.paging import boolean
from agentctl.sandbox.refusal import invalid
from agentctl.sandbox.shape import problem
from agentctl.sandbox.state import Row, new_id
from agentctl.sandbox.talk.wishes import Denied
from agentctl.sandbox.world import World, world

PATH = "/v1/convai/conversation"
# 3000 and these words are what users report of conversations that are refused at the door.
_UNKNOWN = (3000, "http_exception", "The AI agent you are trying to reach does not exist.")
_STRANGER = (3000, "http_exception", "Could not authorize the conversation.")


def routes() -> list[Route]:
    """The endpoints that a server asks with its key, so that a browser needs none."""
    return [
        Route(f"{PATH}/get-signed-url", signed_url, methods=["GET"]),
        Route(f"{PATH}/token", token, methods=["GET"]),
    ]


async def signed_url(request: Request) -> Response:
    """Where to open a socket: this server, the agent's id, and a signature that is good once within 15 minutes."""
    agent_id = _agent_id(request)
    told = new_id("conv") if boolean(request.query_params, "include_conversation_id") else None
    signature = world(request).tickets.give(agent_id, told)
    query = {"agent_id": agent_id, "conversation_signature": signature} | ({"conversation_id": told} if told else {})
    scheme = "wss" if request.url.scheme == "https" else "ws"
    return JSONResponse({"signed_url": f"{scheme}://{request.url.netloc}{PATH}?{urlencode(query)}"})


async def token(request: Request) -> Response:
    """A WebRTC token of the right form; there is no LiveKit here that would take it."""
    agent_id, conversation_id = _agent_id(request), new_id("conv")
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": agent_id, "video": {"room": conversation_id, "roomJoin": True}})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    made = ".".join([*encoded, secrets.token_urlsafe(32)])
    return JSONResponse({"token": made, "conversation_id": conversation_id})


def admitted(place: World, query: QueryParams, headers: Headers) -> tuple[Row, str, str | None]:
    """The agent, how the client came to be allowed to talk to it, and the id its conversation was told to have.

    Raises Denied. An agent without `platform_settings.auth.enable_auth` is open to everyone who knows its id; one
    with an allowlist asks in addition where the page comes from, "exact matching on hostnames" (the vendor's page
    "Agent authentication"). No `Origin` is taken unless `require_origin_header` says otherwise [assumed].
    """
    agent = place.state.agents.get(query.get("agent_id", ""))
    if agent is None:
        raise Denied(*_UNKNOWN)
    auth = agent["platform_settings"]["auth"]
    hosts = {item["hostname"] for item in auth["allowlist"]}
    origin = urlsplit(headers.get("origin", ""))
    if origin.netloc:
        if hosts and not hosts & {origin.netloc, origin.hostname}:
            raise Denied(*_STRANGER)
    elif auth["require_origin_header"]:
        raise Denied(*_STRANGER)
    signature = query.get("conversation_signature")
    if signature is not None:
        ticket = place.tickets.take(agent["agent_id"], signature)
        if ticket is None:
            raise Denied(*_STRANGER)
        return agent, "signed_url", ticket.conversation_id
    if headers.get("xi-api-key") == place.options.api_key:
        return agent, "authorization_header", None
    if auth["enable_auth"]:
        raise Denied(*_STRANGER)
    return agent, "public", None


def _agent_id(request: Request) -> str:
    agent_id = request.query_params.get("agent_id")
    if agent_id is None:
        raise invalid([problem("missing", ("query", "agent_id"), "Field required", None)])
    agent = agents.find(world(request).state, agent_id)
    agents.need_branch(request, agent)
    return str(agent["agent_id"])
