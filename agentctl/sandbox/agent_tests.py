"""`/v1/convai/agent-testing`: create, get, put, delete, list and summaries of agent tests."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox.paging import listed, page
from agentctl.sandbox.refusal import legacy
from agentctl.sandbox.shape import (
    Shape,
    anything,
    choice,
    flag,
    group,
    many,
    mapping,
    maybe,
    needed,
    tagged,
    text,
    whole,
)
from agentctl.sandbox.state import Row, State, new_id, now
from agentctl.sandbox.world import ACCESS, body, world

_TURN = group(role=needed(choice("user", "user", "agent")), message=text(None), time_in_call_secs=needed(whole(0)))
_KINDS = ("system", "webhook", "client", "workflow", "api_integration_webhook", "mcp", "code")
_RULE = tagged(
    "type",
    "",
    llm=group(description=needed(text())),
    regex=group(pattern=needed(text())),
    exact=group(expected_value=needed(text())),
    anything=group(),
)
_CALL = group(
    parameters=many(group(path=needed(text()), eval=needed(_RULE))),
    referenced_tool=maybe(group(id=needed(text()), type=needed(choice(_KINDS[0], *_KINDS)))),
    verify_absence=flag(),
    workflow_node_transition=anything(),
)


def _example(kind: str) -> Shape:
    return group(response=needed(text()), type=needed(choice(kind, kind)))


_EVERY = {
    "name": needed(text()),
    "from_conversation_metadata": anything(),
    "dynamic_variables": mapping(),
    "chat_history": many(_TURN),
    "conversation_initiation_source": text(None),
    "environment": text(None),
    "parent_folder_id": text(None),
}
_TEST = tagged(
    "type",
    "llm",
    llm=group(
        **_EVERY,
        success_condition=text(),
        success_examples=many(_example("success")),
        failure_examples=many(_example("failure")),
    ),
    tool=group(**_EVERY, tool_call_parameters=maybe(_CALL), check_any_tool_matches=flag(None)),
    simulation=group(
        **_EVERY,
        success_condition=text(None),
        success_conditions=many(),
        simulation_scenario=text(),
        simulation_max_turns=whole(5, 1, 50),
        simulation_environment=text(None),
    ),
)


def routes() -> list[Route]:
    """The tests' endpoints."""
    base = "/v1/convai/agent-testing"
    one = base + "/{test_id}"
    return [
        Route(f"{base}/create", create, methods=["POST"]),
        Route(f"{base}/summaries", summaries, methods=["POST"]),
        Route(base, index, methods=["GET"]),
        Route(one, show, methods=["GET"]),
        Route(one, replace, methods=["PUT"]),
        Route(one, delete, methods=["DELETE"]),
    ]


def find(state: State, test_id: str) -> Row:
    """The test, or the platform's 404 [its code is assumed]."""
    if test_id not in state.tests:
        raise legacy(404, "test_not_found", f"Test with id {test_id} was not found.")
    return state.tests[test_id]


async def create(request: Request) -> Response:
    """A test of one of the three types; the answer holds the id alone."""
    sent = await body(request, _TEST)
    state = world(request).state
    test_id = new_id("test")
    state.tests[test_id] = {
        "id": test_id,
        "sequence": state.next_sequence(),
        "created": now(),
        "updated": now(),
        "test": sent,
    }
    return JSONResponse({"id": test_id})


async def show(request: Request) -> Response:
    """The whole test."""
    return JSONResponse(view(find(world(request).state, request.path_params["test_id"])))


async def replace(request: Request) -> Response:
    """PUT: what is not sent goes back to its default."""
    row = find(world(request).state, request.path_params["test_id"])
    row |= {"test": await body(request, _TEST), "updated": now()}
    return JSONResponse(view(row))


async def delete(request: Request) -> Response:
    """The test goes; agents that it was attached to keep its id [assumed]."""
    state = world(request).state
    del state.tests[find(state, request.path_params["test_id"])["id"]]
    return JSONResponse(None)


async def index(request: Request) -> Response:
    """`search` looks into the name [assumed]."""
    state, query = world(request).state, request.query_params
    words, types = query.get("search", "").casefold(), listed(query, "types")
    rows = [
        row
        for row in state.tests.values()
        if words in row["test"]["name"].casefold() and (not types or row["test"]["type"] in types)
    ]
    found = page(rows, query, lambda row: row["sequence"])
    tests = [_summary(row) for row in found.rows]
    return JSONResponse({"tests": tests, "next_cursor": found.next_cursor, "has_more": found.has_more})


async def summaries(request: Request) -> Response:
    """Those of the asked ids that exist."""
    sent = await body(request, group(test_ids=needed(many())))
    rows = world(request).state.tests
    return JSONResponse({"tests": {i: _summary(rows[i]) for i in sent["test_ids"] if i in rows}})


def view(row: Row) -> Row:
    """The test as it is read back."""
    test = {key: value for key, value in row["test"].items() if key != "parent_folder_id"}
    return {"id": row["id"], **test}


def _summary(row: Row) -> Row:
    return {
        "id": row["id"],
        "name": row["test"]["name"],
        "type": row["test"]["type"],
        "access_info": ACCESS,
        "created_at_unix_secs": row["created"],
        "last_updated_at_unix_secs": row["updated"],
        "entity_type": "test",
        "folder_parent_id": row["test"]["parent_folder_id"],
        "folder_path": [],
    }
