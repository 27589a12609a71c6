"""The door by which a scheduler asks a hosted `serve` for a sync: POST /sync with a bearer secret.

Nothing of the request but that secret counts, so there is nothing to parse. The sync itself runs in the background.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.secrecy.bearer import is_right

PATH = "/sync"


def route(secret: SecretStr | None, start: Callable[[], bool]) -> Route:
    """202 once `start` was asked, which says whether it began a sync or one is running; 401 for any other secret.

    Without a secret of ours nobody may ask: 503.
    """

    async def trigger(request: Request) -> Response:
        if secret is None:
            return JSONResponse({"error": "no SYNC_TRIGGER_SECRET is configured"}, 503)
        if not is_right(secret, request.headers.get("authorization", "")):
            return JSONResponse({"error": "the secret is missing or wrong"}, 401, {"www-authenticate": "Bearer"})
        return JSONResponse({"started": start()}, 202)

    return Route(PATH, trigger, methods=["POST"])
