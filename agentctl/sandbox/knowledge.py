"""`/v1/convai/knowledge-base`: create, change, delete and list documents."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox import extraction
from agentctl.sandbox.knowledge_view import ancestors, dependents, document_view, folder_path, summary_view
from agentctl.sandbox.paging import boolean, descending, listed, page
from agentctl.sandbox.refusal import detailed, invalid, legacy
from agentctl.sandbox.shape import flag, group, needed, problem, text, whole
from agentctl.sandbox.state import Row, State, new_document_id, new_id, now
from agentctl.sandbox.world import body, world

_SYNC = {
    "enable_auto_sync": flag(),
    "auto_remove": flag(),
    "minimum_frequency_days": whole(None, 1, 180),
}
_PLACE = {"name": text(None, low=1), "parent_folder_id": text(None)}
_TEXT = group(text=needed(text()), **_PLACE)
_URL = group(url=needed(text()), **_PLACE, **_SYNC)
_FOLDER = group(name=needed(text(low=1)), parent_folder_id=text(None), **_SYNC)
_CHANGE = group(name=text(None, low=1), content=text(None))


def routes() -> list[Route]:
    """The knowledge base's endpoints."""
    base = "/v1/convai/knowledge-base"
    one = base + "/{document_id}"
    return [
        Route(f"{base}/text", create_text, methods=["POST"]),
        Route(f"{base}/url", create_url, methods=["POST"]),
        Route(f"{base}/file", create_file, methods=["POST"]),
        Route(f"{base}/folder", create_folder, methods=["POST"]),
        Route(base, index, methods=["GET"]),
        Route(one, show, methods=["GET"]),
        Route(one, change, methods=["PATCH"]),
        Route(one, delete, methods=["DELETE"]),
        Route(f"{one}/update-file", change_file, methods=["PATCH"]),
        Route(f"{one}/content", content, methods=["GET"]),
        Route(f"{one}/dependent-agents", dependent_agents, methods=["GET"]),
    ]


def find(state: State, document_id: str) -> Row:
    """The document, or the platform's 404."""
    if document_id not in state.documents:
        raise legacy(404, "knowledge_base_document_not_found", f"Document with id {document_id} was not found.")
    return state.documents[document_id]


async def create_text(request: Request) -> Response:
    """Inline text."""
    sent = await body(request, _TEXT)
    return _created(request, "text", sent, name=sent["name"] or "Text document", source=sent["text"])


async def create_url(request: Request) -> Response:
    """A page; the sandbox fetches nothing, the document's text only names the address."""
    sent = await body(request, _URL)
    parts = urlsplit(sent["url"])
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise invalid([problem("url_parsing", ("body", "url"), "Input should be a valid URL", sent["url"])])
    sync = None
    if sent["enable_auto_sync"]:
        days = sent["minimum_frequency_days"] or 7
        sync = {"minimum_frequency_days": days, "auto_remove": sent["auto_remove"], "consec_failures": 0}
        sync["next_refresh_by"] = now() + days * 86400
    return _created(
        request,
        "url",
        sent,
        name=sent["name"] or sent["url"],
        source=f"Content of {sent['url']}",
        url=sent["url"],
        auto_sync_info=sync,
    )


async def create_file(request: Request) -> Response:
    """An uploaded file of a known type, at most 21 MB."""
    name, source, form = await _upload(request)
    return _created(request, "file", form, name=form.get("name") or name, source=source, filename=name)


async def create_folder(request: Request) -> Response:
    """A folder."""
    sent = await body(request, _FOLDER)
    return _created(request, "folder", sent, name=sent["name"], source="")


async def index(request: Request) -> Response:
    """`search` is a prefix of the name."""
    state, query = world(request).state, request.query_params
    prefix, types = query.get("search", "").casefold(), listed(query, "types")
    parent, ancestor = query.get("parent_folder_id"), query.get("ancestor_folder_id")
    rows = [
        row
        for row in state.documents.values()
        if row["name"].casefold().startswith(prefix)
        and (not types or row["type"] in types)
        and (not parent or row["parent"] == parent)
        and (not ancestor or ancestor in ancestors(state, row))
    ]
    sorts: dict[str | None, Any] = {
        "name": lambda row: (row["name"], row["sequence"]),
        "updated_at": lambda row: (row["updated"], row["sequence"]),
        "size": lambda row: (row["size"], row["sequence"]),
    }
    sort = sorts.get(query.get("sort_by"), lambda row: row["sequence"])
    found = page(rows, query, sort, descending=descending(query))
    documents = [summary_view(state, row) for row in found.rows]
    return JSONResponse({"documents": documents, "next_cursor": found.next_cursor, "has_more": found.has_more})


async def show(request: Request) -> Response:
    """A document with its text as HTML: reading back is lossy."""
    state = world(request).state
    return JSONResponse(document_view(state, find(state, request.path_params["document_id"])))


async def content(request: Request) -> Response:
    """The same HTML alone."""
    row = find(world(request).state, request.path_params["document_id"])
    return HTMLResponse(extraction.html_of(row["text"]))


async def change(request: Request) -> Response:
    """Name and content; the id stays, and every agent with the document knows the new text at once."""
    state = world(request).state
    sent = await body(request, _CHANGE)
    row = find(state, request.path_params["document_id"])
    if sent["content"] is not None:
        if row["type"] == "folder" or row.get("auto_sync_info"):
            raise detailed(
                400, "content_not_editable", f"The content of this {row['type']} cannot be edited.", "content"
            )
        put(row, sent["content"])
    if sent["name"] is not None:
        row["name"] = sent["name"]
        row["updated"] = now()
    return JSONResponse(document_view(state, row))


async def change_file(request: Request) -> Response:
    """A new file overwrites text and name."""
    state = world(request).state
    row = find(state, request.path_params["document_id"])
    if row["type"] != "file":
        raise detailed(400, "not_a_file", "Only file documents can be updated with a file.")
    name, source, _form = await _upload(request)
    row |= {"name": name, "filename": name}
    put(row, source)
    return JSONResponse(document_view(state, row))


async def delete(request: Request) -> Response:
    """Refused while agents or children depend on it, unless forced [the refusal's status is assumed: 400]."""
    state = world(request).state
    row = find(state, request.path_params["document_id"])
    children = [other for other in state.documents.values() if row["id"] in ancestors(state, other)]
    agents = dependents(state, row)
    if (agents or children) and not boolean(request.query_params, "force"):
        message = "The document is used by agents or contains documents; delete with force=true to remove it anyway."
        raise detailed(400, "knowledge_base_document_in_use", message)
    gone = {row["id"], *(child["id"] for child in children)}
    for agent in agents:
        prompt = agent["conversation_config"]["agent"]["prompt"]
        prompt["knowledge_base"] = [item for item in prompt["knowledge_base"] if item["id"] not in gone]
        agent |= {"version_id": new_id("agtvrsn"), "updated": now()}
    for document_id in gone:
        del state.documents[document_id]
    return JSONResponse(None)


async def dependent_agents(request: Request) -> Response:
    """Agents that know the document, directly or through a folder."""
    state, query = world(request).state, request.query_params
    row = find(state, request.path_params["document_id"])
    found = page(dependents(state, row, query.get("dependent_type", "all")), query, lambda agent: agent["sequence"])
    agents = [
        {
            "type": "available",
            "id": agent["agent_id"],
            "name": agent["name"],
            "created_at_unix_secs": agent["created"],
            "access_level": "admin",
            "referenced_resource_ids": [row["id"]],
        }
        for agent in found.rows
    ]
    answer = {"agents": agents, "branches": [], "next_cursor": found.next_cursor, "has_more": found.has_more}
    return JSONResponse(answer)


async def _upload(request: Request) -> tuple[str, str, Row]:
    """File name, text and the other fields of an upload."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise invalid([problem("missing", ("body", "file"), "Field required", None)])
    async with request.form() as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise invalid([problem("missing", ("body", "file"), "Field required", None)])
        raw = await file.read()
        name = file.filename or "file"
        fields = {key: value for key, value in form.items() if isinstance(value, str)}
    if len(raw) > extraction.LIMIT:
        raise detailed(400, "file_too_large", "The file exceeds the maximum size of 21 MB.", "file")
    try:
        return name, extraction.text_of(name, raw), fields
    except ValueError as error:
        raise detailed(400, "invalid_file_type", str(error), "file") from None


def _created(request: Request, kind: str, sent: Row, *, name: str, source: str, **more: Any) -> Response:
    state = world(request).state
    parent = sent.get("parent_folder_id")
    if parent and find(state, parent)["type"] != "folder":
        raise detailed(400, "not_a_folder", f"{parent} is not a folder.", "parent_folder_id")
    row: Row = {
        "id": new_document_id(),
        "sequence": state.next_sequence(),
        "type": kind,
        "name": name,
        "parent": parent,
        "created": now(),
        "rag": {},
        **more,
    }
    put(row, source)
    state.documents[row["id"]] = row
    path = [{"id": segment["id"]} for segment in folder_path(state, row)]
    return JSONResponse({"id": row["id"], "name": name, "folder_path": path})


def put(row: Row, source: str) -> None:
    """New text; indexes are made anew [assumed: the platform indexes again after an edit]."""
    row |= {"text": source, "size": len(source.encode()), "updated": now(), "rag": {}}
