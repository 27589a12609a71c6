"""Error bodies in the platform's three shapes, and the exception that carries one to the client."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_TYPES = {
    400: "validation_error",
    401: "authentication_error",
    403: "authorization_error",
    404: "not_found",
    409: "conflict",
    422: "validation_error",
    429: "rate_limit_error",
}


class Refusal(Exception):
    """The platform answers `status` with `body`."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def detailed(status: int, code: str, message: str, param: str | None = None) -> Refusal:
    """The newer shape: `{"detail": {type, code, message, status, request_id, param}}`."""
    return Refusal(status, detailed_body(status, code, message, param))


def detailed_body(status: int, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    """The body of `detailed`."""
    kind = _TYPES.get(status, "server_error")
    request_id = secrets.token_hex(16)
    detail = {"type": kind, "code": code, "message": message, "status": code, "request_id": request_id, "param": param}
    return {"detail": detail}


def legacy(status: int, code: str, message: str) -> Refusal:
    """The older shape: `{"detail": {status, message}}`."""
    return Refusal(status, {"detail": {"status": code, "message": message}})


def invalid(problems: list[dict[str, Any]]) -> Refusal:
    """The validator's shape: 422 with a list of `{type, loc, msg, input}`."""
    return Refusal(422, {"detail": problems})


async def answer(_request: Request, refusal: Exception) -> Response:
    """Turn a Refusal into its response; Starlette calls this."""
    assert isinstance(refusal, Refusal)
    return JSONResponse(refusal.body, status_code=refusal.status)
