"""`/v1/convai/knowledge-base/{id}/move` and `/refresh`: a document in another folder, and a page read anew."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox.knowledge import find, put
from agentctl.sandbox.knowledge_view import ancestors, document_view
from agentctl.sandbox.refusal import detailed
from agentctl.sandbox.shape import group, text
from agentctl.sandbox.world import body, world

_MOVE = group(move_to=text(None))


def routes() -> list[Route]:
    """The two endpoints of one document."""
    one = "/v1/convai/knowledge-base/{document_id}"
    return [
        Route(f"{one}/move", move, methods=["POST"]),
        Route(f"{one}/refresh", refresh, methods=["POST"]),
    ]


async def move(request: Request) -> Response:
    """Into a folder, or to the top level; a folder does not go into itself. The answer has no body."""
    state = world(request).state
    sent = await body(request, _MOVE)
    row = find(state, request.path_params["document_id"])
    target = sent["move_to"]
    if target:
        folder = find(state, target)
        if folder["type"] != "folder" or row["id"] in {target, *ancestors(state, folder)}:
            raise detailed(400, "invalid_folder", f"{target} is no folder that this can be moved to.", "move_to")
    row["parent"] = target or None
    return Response(status_code=200)


async def refresh(request: Request) -> Response:
    """Only a page can be refreshed; the sandbox fetches nothing and says the same of it again."""
    state = world(request).state
    row = find(state, request.path_params["document_id"])
    if row["type"] != "url":
        raise detailed(400, "not_a_url_document", f"A {row['type']} document cannot be refreshed.")
    put(row, f"Content of {row['url']}")
    return JSONResponse(document_view(state, row))
