"""`/rag-index` of a knowledge document: statuses in lower case; below 500 bytes nothing is indexed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox.knowledge import find
from agentctl.sandbox.refusal import legacy
from agentctl.sandbox.shape import choice, group, needed
from agentctl.sandbox.state import Row, new_document_id
from agentctl.sandbox.world import World, body, world

_MODELS = ("e5_mistral_7b_instruct", "multilingual_e5_large_instruct")
_ASK = group(model=needed(choice(_MODELS[0], *_MODELS)))
_SMALLEST = 500


def routes() -> list[Route]:
    """The index endpoints of one document."""
    path = "/v1/convai/knowledge-base/{document_id}/rag-index"
    return [
        Route(path, start, methods=["POST"]),
        Route(path, show, methods=["GET"]),
        Route(path + "/{rag_index_id}", remove, methods=["DELETE"]),
    ]


async def start(request: Request) -> Response:
    """Start an index or tell how far it is; every answer is one look, and after `Options.rag_looks` it is ready."""
    sent = await body(request, _ASK)
    place = world(request)
    row = find(place.state, request.path_params["document_id"])
    known: Row = row["rag"]
    index = known.get(sent["model"])
    if index is None:
        index = known[sent["model"]] = {
            "id": new_document_id(),
            "model": sent["model"],
            "status": _status(place, row),
            "looks": place.options.rag_looks,
        }
    return JSONResponse(_looked(row, index))


async def show(request: Request) -> Response:
    """All indexes of the document."""
    row = find(world(request).state, request.path_params["document_id"])
    return JSONResponse({"indexes": [_looked(row, index) for index in row["rag"].values()]})


async def remove(request: Request) -> Response:
    """Forget one index; the answer is what it was."""
    row = find(world(request).state, request.path_params["document_id"])
    index_id = request.path_params["rag_index_id"]
    for model, index in row["rag"].items():
        if index["id"] == index_id:
            del row["rag"][model]
            return JSONResponse(_view(row, index))
    raise legacy(404, "rag_index_not_found", f"RAG index with id {index_id} was not found.")


def _status(place: World, row: Row) -> str:
    if row["type"] == "folder":
        return "cannot_index_folder"
    if row["size"] < _SMALLEST:
        return "document_too_small"
    used = sum(
        other["size"]
        for other in place.state.documents.values()
        for index in other["rag"].values()
        if index["status"] in ("created", "processing", "succeeded")
    )
    return "rag_limit_exceeded" if used + row["size"] > place.options.rag_bytes else "created"


def _looked(row: Row, index: Row) -> Row:
    """The index as it is, which is one step further at the next look."""
    view = _view(row, index)
    if index["status"] in ("created", "processing"):
        index["looks"] = index.get("looks", 1) - 1
        index["status"] = "processing" if index["looks"] > 0 else "succeeded"
    return view


def _view(row: Row, index: Row) -> Row:
    done = index["status"] == "succeeded"
    return {
        "id": index["id"],
        "model": index["model"],
        "status": index["status"],
        "progress_percentage": 100.0 if done else 0.0,
        "document_model_index_usage": {"used_bytes": row["size"] if done else 0},
    }
