"""Tools and secrets of the workspace: as much as the vendor's own CLI asks for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox.shape import choice, group, needed, text
from agentctl.sandbox.state import new_id
from agentctl.sandbox.world import body, world

_SECRET = group(type=choice("new", "new"), name=needed(text()), value=needed(text()))


def routes() -> list[Route]:
    """Lists that are empty until something creates in them."""
    return [
        Route("/v1/convai/tools", tools, methods=["GET"]),
        Route("/v1/convai/secrets", secrets, methods=["GET"]),
        Route("/v1/convai/secrets", create_secret, methods=["POST"]),
    ]


async def tools(_request: Request) -> Response:
    """No tools."""
    return JSONResponse({"tools": [], "next_cursor": None, "has_more": False})


async def secrets(request: Request) -> Response:
    """Names and ids; values are never readable."""
    empty: dict[str, list[str]] = {"tools": [], "agents": [], "others": [], "phone_numbers": []}
    rows = [
        {"type": "stored", "secret_id": secret_id, "name": row["name"], "used_by": empty}
        for secret_id, row in world(request).state.secrets.items()
    ]
    return JSONResponse({"secrets": rows, "next_cursor": None})


async def create_secret(request: Request) -> Response:
    """Keep a name; the value is forgotten at once."""
    sent = await body(request, _SECRET)
    secret_id = new_id("sec")
    world(request).state.secrets[secret_id] = {"name": sent["name"]}
    return JSONResponse({"type": "stored", "secret_id": secret_id, "name": sent["name"]})
