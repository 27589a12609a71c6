"""`/v1/convai/agents`: create, get, PATCH, delete, list."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox import paging
from agentctl.sandbox.agent_checks import check
from agentctl.sandbox.conversation_shape import CONVERSATION_CONFIG
from agentctl.sandbox.phone_number_view import assigned_numbers
from agentctl.sandbox.platform_shape import PLATFORM_SETTINGS
from agentctl.sandbox.refusal import invalid, legacy
from agentctl.sandbox.shape import anything, group, many, maybe, merge, needed, settle, text
from agentctl.sandbox.state import Row, State, new_id, now
from agentctl.sandbox.world import ACCESS, World, body, world

_OPEN = anything(None)
_CREATE = group(
    conversation_config=needed(_OPEN),
    platform_settings=_OPEN,
    workflow=_OPEN,
    name=text(None),
    tags=maybe(many()),
)
_UPDATE = group(
    conversation_config=_OPEN,
    platform_settings=_OPEN,
    workflow=_OPEN,
    procedures=_OPEN,
    name=text(None),
    tags=maybe(many()),
    version_description=text(None),
)
_START = {"type": "start", "position": {"x": 0.0, "y": 0.0}, "edge_order": []}
_HOLD_AUDIO = "https://eleven-public-cdn-common.elevenlabs.io/convai/ambient-audio-assets/elevator1.mp3"


def routes() -> list[Route]:
    """The agents' endpoints."""
    return [
        Route("/v1/convai/agents/create", create, methods=["POST"]),
        Route("/v1/convai/agents", index, methods=["GET"]),
        Route("/v1/convai/agents/{agent_id}", show, methods=["GET"]),
        Route("/v1/convai/agents/{agent_id}", update, methods=["PATCH"]),
        Route("/v1/convai/agents/{agent_id}", delete, methods=["DELETE"]),
    ]


def find(state: State, agent_id: str) -> Row:
    """The agent, or the platform's 404."""
    if agent_id not in state.agents:
        raise legacy(404, "agent_not_found", f"Agent with id {agent_id} was not found.")
    return state.agents[agent_id]


async def create(request: Request) -> Response:
    """Defaults are filled in around what was sent; the answer holds the id alone."""
    sent = await body(request, _CREATE)
    place = world(request)
    agent_id = new_id("agent")
    second = now()
    agent: Row = {
        "agent_id": agent_id,
        "sequence": place.state.next_sequence(),
        "name": sent["name"] or "New agent",
        "tags": sent["tags"] or [],
        "created": second,
        "updated": second,
        "conversation_config": {},
        "platform_settings": {},
        "workflow": {"edges": {}, "nodes": {"start_node": _START}, "prevent_subagent_loops": False},
        "procedures": {},
        "version_id": new_id("agtvrsn"),
        "branch_id": new_id("agtbrch"),
        "last_call": None,
    }
    state = _changed(place, agent, sent)
    place.state.agents[agent_id] = state
    return JSONResponse({"agent_id": agent_id})


async def show(request: Request) -> Response:
    """The full configuration, defaults included."""
    agent = find(world(request).state, request.path_params["agent_id"])
    need_branch(request, agent)
    return JSONResponse(view(world(request).state, agent))


async def update(request: Request) -> Response:
    """Objects merge deep, lists are replaced, unknown keys are dropped; the answer is the full agent."""
    place = world(request)
    agent_id = request.path_params["agent_id"]
    sent = await body(request, _UPDATE)
    agent = find(place.state, agent_id)
    need_branch(request, agent)
    changed = _changed(place, agent, sent)
    # Whether a PATCH without effect makes a version is unknown [assumed: it does not].
    if changed != agent:
        changed |= {"version_id": new_id("agtvrsn"), "updated": now()}
        place.state.agents[agent_id] = changed
    return JSONResponse(view(place.state, changed))


async def delete(request: Request) -> Response:
    """Numbers of a deleted agent stay in the workspace, unassigned."""
    state = world(request).state
    agent = find(state, request.path_params["agent_id"])
    del state.agents[agent["agent_id"]]
    for number in state.numbers.values():
        if number["agent_id"] == agent["agent_id"]:
            number["agent_id"] = None
    return Response(status_code=204)


async def index(request: Request) -> Response:
    """Archived agents are hidden unless asked for; `tags` matches any; `search` looks into the name."""
    state, query = world(request).state, request.query_params
    archived = paging.boolean(query, "archived", False)
    tags = set(paging.listed(query, "tags"))
    words = query.get("search", "").casefold()
    rows = [
        agent
        for agent in state.agents.values()
        if (archived is None or agent["platform_settings"]["archived"] == archived)
        and (not tags or tags & set(agent["tags"]))
        and words in agent["name"].casefold()
    ]
    by_name = query.get("sort_by") == "name"
    sort = (lambda row: (row["name"], row["sequence"])) if by_name else (lambda row: row["sequence"])
    page = paging.page(rows, query, sort, descending=paging.descending(query))
    return JSONResponse(
        {
            "agents": [_summary(agent) for agent in page.rows],
            "next_cursor": page.next_cursor,
            "has_more": page.has_more,
        }
    )


def view(state: State, agent: Row) -> Row:
    """`GetAgentResponseModel`."""
    return {
        "agent_id": agent["agent_id"],
        "name": agent["name"],
        "conversation_config": agent["conversation_config"],
        "metadata": {"created_at_unix_secs": agent["created"], "updated_at_unix_secs": agent["updated"]},
        "platform_settings": agent["platform_settings"]
        | {
            "safety": {"is_blocked_ivc": False, "is_blocked_non_ivc": False, "ignore_safety_evaluation": False},
            "queueing_config": agent["platform_settings"]["queueing_config"] | {"hold_audio": None},
        },
        "phone_numbers": assigned_numbers(state, agent["agent_id"]),
        "whatsapp_accounts": [],
        "workflow": agent["workflow"],
        "access_info": ACCESS,
        "tags": agent["tags"],
        "version_id": agent["version_id"],
        "branch_id": agent["branch_id"],
        "main_branch_id": agent["branch_id"],
        "procedures": agent["procedures"],
        "default_hold_audio_url": _HOLD_AUDIO,
    }


def _summary(agent: Row) -> Row:
    return {
        "agent_id": agent["agent_id"],
        "name": agent["name"],
        "voice_id": agent["conversation_config"]["tts"]["voice_id"],
        "tags": agent["tags"],
        "created_at_unix_secs": agent["created"],
        "updated_at_unix_secs": agent["updated"],
        "access_info": ACCESS,
        "last_call_time_unix_secs": agent["last_call"],
        "archived": agent["platform_settings"]["archived"],
    }


def _changed(place: World, agent: Row, sent: Row) -> Row:
    """A copy of `agent` with `sent` merged in, checked as a whole. Raises Refusal."""
    problems: list[dict[str, Any]] = []
    out = dict(agent)
    for key, shape in (("conversation_config", CONVERSATION_CONFIG), ("platform_settings", PLATFORM_SETTINGS)):
        given = {} if sent[key] is None else sent[key]
        merged = merge(shape, agent[key], given, replace_maps=place.options.replace_maps)
        out[key] = settle(shape, merged, ("body", key), problems)
    if problems:
        raise invalid(problems)
    out["name"] = agent["name"] if sent["name"] is None else sent["name"]
    out["tags"] = agent["tags"] if sent["tags"] is None else sent["tags"]
    for key in ("workflow", "procedures"):
        if isinstance(sent.get(key), dict):
            out[key] = agent[key] | sent[key] if key == "workflow" else sent[key]
    check(place, out, sent)
    return out


def need_branch(request: Request, agent: Row) -> None:
    """Refuse a `branch_id` or `version_id` that the agent does not have."""
    branch = request.query_params.get("branch_id")
    if branch and branch not in (agent["branch_id"], "main"):
        raise legacy(404, "branch_not_found", f"Branch {branch} was not found.")
    version = request.query_params.get("version_id")
    if version and version != agent["version_id"]:
        raise legacy(404, "agent_version_not_found", f"Version {version} was not found.")
