"""`/source-file-url` of a file document: a signed address of the file as it was uploaded.

The address lies outside the API and takes no key, as the platform's storage does [assumed: an expired or wrong
signature is refused there with 403].
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox.knowledge import find
from agentctl.sandbox.refusal import detailed
from agentctl.sandbox.world import world

_STORAGE = "/_sandbox/storage/{document_id}"
_SIGNING = secrets.token_bytes(16)


def routes() -> list[Route]:
    """The address, and what is there."""
    return [
        Route("/v1/convai/knowledge-base/{document_id}/source-file-url", show, methods=["GET"]),
        Route(_STORAGE, download, methods=["GET"]),
    ]


async def show(request: Request) -> Response:
    """Only a file has a source [the refusal's status is assumed: 400]."""
    row = find(world(request).state, request.path_params["document_id"])
    if row["type"] != "file" or "original" not in row:
        raise detailed(400, "not_a_file", "Only file documents have a source file.")
    base = str(request.base_url).rstrip("/")
    place = _STORAGE.format(document_id=row["id"])
    return JSONResponse({"signed_url": f"{base}{place}?signature={_signature(row['id'])}"})


async def download(request: Request) -> Response:
    """The bytes."""
    document_id = request.path_params["document_id"]
    row = world(request).state.documents.get(document_id)
    given = request.query_params.get("signature", "")
    if row is None or not hmac.compare_digest(given, _signature(document_id)):
        return Response(status_code=403)
    return Response(base64.b64decode(row["original"]), media_type="application/octet-stream")


def _signature(document_id: str) -> str:
    return hmac.new(_SIGNING, document_id.encode(), hashlib.sha256).hexdigest()
