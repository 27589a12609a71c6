"""`/rag-index` of a knowledge document: statuses in lower case; below 500 bytes nothing is indexed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox.knowledge import find
from agentctl.sandbox.shape import choice, group, needed
from agentctl.sandbox.state import Row, new_document_id
from agentctl.sandbox.world import body, world

_MODELS = ("e5_mistral_7b_instruct", "multilingual_e5_large_instruct")
_ASK = group(model=needed(choice(_MODELS[0], *_MODELS)))
_SMALLEST = 500


def routes() -> list[Route]:
    """The index endpoints of one document."""
    path = "/v1/convai/knowledge-base/{document_id}/rag-index"
    return [Route(path, start, methods=["POST"]), Route(path, show, methods=["GET"])]


async def start(request: Request) -> Response:
    """Start an index or tell how far it is; the first answer is `created`, every later one is final."""
    sent = await body(request, _ASK)
    row = find(world(request).state, request.path_params["document_id"])
    known: Row = row["rag"]
    index = known.get(sent["model"])
    if index is None:
        index = known[sent["model"]] = {"id": new_document_id(), "model": sent["model"], "status": _status(row)}
    view = _view(row, index)
    if index["status"] == "created":
        index["status"] = "succeeded"
    return JSONResponse(view)


async def show(request: Request) -> Response:
    """All indexes of the document."""
    row = find(world(request).state, request.path_params["document_id"])
    return JSONResponse({"indexes": [_view(row, index) for index in row["rag"].values()]})


def _status(row: Row) -> str:
    if row["type"] == "folder":
        return "cannot_index_folder"
    return "document_too_small" if row["size"] < _SMALLEST else "created"


def _view(row: Row, index: Row) -> Row:
    done = index["status"] == "succeeded"
    return {
        "id": index["id"],
        "model": index["model"],
        "status": index["status"],
        "progress_percentage": 100.0 if done else 0.0,
        "document_model_index_usage": {"used_bytes": row["size"] if done else 0},
    }
