"""Running tests: `/agents/{agent_id}/run-tests` and `/v1/convai/test-invocations`.

A run is pending in the first answer; a later look at its invocation shows how it ended.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox.agent_checks import check
from agentctl.sandbox.agent_tests import find as find_test
from agentctl.sandbox.agents import find as find_agent
from agentctl.sandbox.conversation_shape import CONVERSATION_CONFIG
from agentctl.sandbox.judge import Order, judge
from agentctl.sandbox.platform_shape import PLATFORM_SETTINGS
from agentctl.sandbox.refusal import invalid, legacy
from agentctl.sandbox.shape import anything, group, many, maybe, merge, needed, settle, text, whole
from agentctl.sandbox.state import Row, new_id, now
from agentctl.sandbox.world import World, body, world

_OVERRIDE = group(conversation_config=needed(anything()), platform_settings=needed(anything()), workflow=anything())
_RUN = group(
    tests=needed(many(group(test_id=needed(text()), workflow_node_id=text(None)))),
    agent_config_override=maybe(_OVERRIDE),
    branch_id=text(None),
    repeat_count=whole(1, 1, 50),
)


def routes() -> list[Route]:
    """The endpoints of test runs."""
    return [
        Route("/v1/convai/agents/{agent_id}/run-tests", run, methods=["POST"]),
        Route("/v1/convai/test-invocations/{test_invocation_id}", show, methods=["GET"]),
    ]


async def run(request: Request) -> Response:
    """Run tests against the agent, or against what it would be with the override."""
    place = world(request)
    sent = await body(request, _RUN)
    agent = find_agent(place.state, request.path_params["agent_id"])
    tests = [find_test(place.state, one["test_id"]) for one in sent["tests"]]
    override = sent["agent_config_override"]
    tried = _overridden(place, agent, override) if override else agent
    invocation_id = new_id("suite")
    row: Row = {
        "id": invocation_id,
        "agent_id": agent["agent_id"],
        "branch_id": agent["branch_id"],
        "version_id": agent["version_id"],
        "ran_against_draft": override is not None,
        "created_at": now(),
        "looks": 0,
        "runs": [_run(place, tried, test) for test in tests],
    }
    place.state.test_invocations[invocation_id] = row
    return JSONResponse(_view(row))


async def show(request: Request) -> Response:
    """The invocation with every run that has ended by now."""
    invocation_id = request.path_params["test_invocation_id"]
    row = world(request).state.test_invocations.get(invocation_id)
    if row is None:
        raise legacy(404, "test_invocation_not_found", f"Test invocation {invocation_id} was not found.")
    row["looks"] += 1
    return JSONResponse(_view(row))


def _overridden(place: World, agent: Row, override: Row) -> Row:
    """A copy of the agent with the override merged in, checked like a PATCH.

    Whether the platform merges an override or takes it as the whole configuration is not documented [assumed: merged].
    """
    problems: list[dict[str, Any]] = []
    out = dict(agent)
    for key, shape in (("conversation_config", CONVERSATION_CONFIG), ("platform_settings", PLATFORM_SETTINGS)):
        merged = merge(shape, agent[key], override[key] or {}, replace_maps=place.options.replace_maps)
        out[key] = settle(shape, merged, ("body", "agent_config_override", key), problems)
    if problems:
        raise invalid(problems)
    check(place, out, override)
    return out


def _run(place: World, agent: Row, test: Row) -> Row:
    judged = judge(place.state, agent, test["test"])
    name = test["test"]["name"]
    order = next((one for one in reversed(place.orders) if one.test in name), Order())
    status = order.status or ("passed" if judged.passed else "failed")
    return {
        "test_run_id": new_id("run"),
        "test_id": test["id"],
        "test_name": name,
        "test_type": {"tool": "tool_call"}.get(test["test"]["type"], test["test"]["type"]),
        "status": status,
        "polls": order.polls,
        "reason": order.reason if order.status else judged.reason,
        "said": judged.said,
    }


def _view(row: Row) -> Row:
    runs = [_run_view(row, one) for one in row["runs"]]
    kept = {key: row[key] for key in ("id", "agent_id", "branch_id", "version_id", "ran_against_draft", "created_at")}
    return {**kept, "repeat_count": 1, "test_runs": runs}


def _run_view(row: Row, one: Row) -> Row:
    ended = row["looks"] >= one["polls"] and one["status"] != "pending"
    result = "success" if one["status"] == "passed" else "failure"
    rationale = {"messages": [one["reason"]], "summary": one["reason"]}
    said = [{"role": "agent", "message": message, "time_in_call_secs": 0} for message in one["said"]]
    return {
        "test_run_id": one["test_run_id"],
        "test_invocation_id": row["id"],
        "agent_id": row["agent_id"],
        "branch_id": row["branch_id"],
        "version_id": row["version_id"],
        "ran_against_draft": row["ran_against_draft"],
        "status": one["status"] if ended else "pending",
        "agent_responses": said if ended else None,
        "test_id": one["test_id"],
        "test_name": one["test_name"],
        "condition_result": {"result": result, "rationale": rationale} if ended else None,
        "last_updated_at_unix": now(),
        "metadata": {
            "workspace_id": "sandbox",
            "test_name": one["test_name"],
            "ran_by_user_email": "sandbox@example.org",
            "test_type": one["test_type"],
        },
        "environment": "production",
    }
