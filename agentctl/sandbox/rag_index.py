"""`/rag-index` of one knowledge document or of many: statuses in lower case; below 500 bytes nothing is indexed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox.knowledge import find
from agentctl.sandbox.refusal import invalid, legacy
from agentctl.sandbox.shape import choice, flag, group, many, needed, problem, text
from agentctl.sandbox.state import Row, new_document_id
from agentctl.sandbox.world import World, body, world

_MODELS = ("e5_mistral_7b_instruct", "multilingual_e5_large_instruct")
_ASK = group(model=needed(choice(_MODELS[0], *_MODELS)))
_ASK_MANY = group(
    items=needed(
        many(
            group(
                document_id=needed(text()),
                create_if_missing=needed(flag()),
                model=needed(choice(_MODELS[0], *_MODELS)),
            )
        )
    )
)
_MOST = 100
_SMALLEST = 500


def routes() -> list[Route]:
    """The index endpoints of one document, and the one of many."""
    path = "/v1/convai/knowledge-base/{document_id}/rag-index"
    return [
        Route("/v1/convai/knowledge-base/rag-index", start_many, methods=["POST"]),
        Route(path, start, methods=["POST"]),
        Route(path, show, methods=["GET"]),
        Route(path + "/{rag_index_id}", remove, methods=["DELETE"]),
    ]


async def start(request: Request) -> Response:
    """Start an index or tell how far it is; every answer is one look, and after `Options.rag_looks` it is ready."""
    sent = await body(request, _ASK)
    place = world(request)
    row = find(place.state, request.path_params["document_id"])
    return JSONResponse(_looked(row, _started(place, row, sent["model"])))


async def start_many(request: Request) -> Response:
    """By document: its index, made where that is asked for [the shape of "there is none" is assumed]."""
    items = (await body(request, _ASK_MANY))["items"]
    if not 1 <= len(items) <= _MOST:
        kind, word = ("too_long", "at most") if items else ("too_short", "at least")
        message = f"List should have {word} {_MOST if items else 1} items after validation, not {len(items)}"
        raise invalid([problem(kind, ("body", "items"), message, items)])
    place = world(request)
    return JSONResponse({item["document_id"]: _entry(place, item) for item in items})


def _entry(place: World, item: Row) -> Row:
    row = place.state.documents.get(item["document_id"])
    if row is None:
        return _failure("knowledge_base_document_not_found", f"Document with id {item['document_id']} was not found.")
    if item["create_if_missing"]:
        _started(place, row, item["model"])
    if item["model"] not in row["rag"]:
        return _failure("rag_index_not_found", f"The document has no RAG index of model {item['model']}.")
    return {"status": "success", "data": _looked(row, row["rag"][item["model"]])}


def _failure(status: str, message: str) -> Row:
    return {"status": "failure", "error_code": 404, "error_status": status, "error_message": message}


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


def _started(place: World, row: Row, model: str) -> Row:
    known: Row = row["rag"]
    if model not in known:
        status, looks = _status(place, row), place.options.rag_looks
        known[model] = {"id": new_document_id(), "model": model, "status": status, "looks": looks}
    index: Row = known[model]
    return index


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
