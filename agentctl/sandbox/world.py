"""What a request handler works on: options, state, faults and the request log of one sandbox."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import HTTPConnection, Request

from agentctl.sandbox.fault import Faults
from agentctl.sandbox.journal import Journal
from agentctl.sandbox.judge import Order
from agentctl.sandbox.options import Options
from agentctl.sandbox.refusal import Refusal, detailed, invalid
from agentctl.sandbox.shape import Shape, problem, settled
from agentctl.sandbox.state import State, fresh, save
from agentctl.sandbox.tickets import Tickets


class Connections(Protocol):
    """Who can cut the connection of a client; the server knows its transports."""

    def cut(self, client: tuple[str, int]) -> None:
        """Close the connection at once, without another byte."""


@dataclass
class World:
    """One sandbox.

    `under_way`: API requests that have arrived and are not answered yet, and conversations that are not written down.
    `sockets`: for each one that is open, what ends it.
    """

    options: Options
    state: State
    journal: Journal
    faults: Faults = field(default_factory=Faults)
    state_file: Path | None = None
    latency_ms: float = 0.0
    orders: list[Order] = field(default_factory=list)
    under_way: int = 0
    connections: Connections | None = None
    tickets: Tickets = field(default_factory=Tickets)
    sockets: set[asyncio.Event] = field(default_factory=set)

    def reset(self, state: State | None = None) -> None:
        """Back to the start: an empty workspace (or `state`), no faults, no latency, an empty log, nobody talking."""
        self.state = state or fresh(self.options)
        self.faults.clear()
        self.orders.clear()
        self.journal.clear()
        self.latency_ms = 0.0
        self.tickets.clear()
        for socket in self.sockets:
            socket.set()

    def cut(self, client: tuple[str, int] | None) -> None:
        """Close a client's connection without another byte."""
        if self.connections is None or client is None:
            raise ConnectionAbortedError("the connection cannot be cut: the app runs without the sandbox's own server")
        self.connections.cut(client)

    def keep(self) -> None:
        """Write the state to its file, where there is one."""
        if self.state_file is not None:
            save(self.state, self.state_file)


def world(request: HTTPConnection) -> World:
    """The sandbox that serves this request."""
    found: World = request.app.state.world
    return found


async def json_object(request: Request) -> dict[str, Any]:
    """The request's body as an object; 422 in the validator's words if it is none."""
    raw = await request.body()
    if not raw:
        raise invalid([problem("missing", ("body",), "Field required", None)])
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        wrong = problem("json_invalid", ("body", 0), "JSON decode error", {})
        raise invalid([wrong | {"ctx": {"error": str(error)}}]) from None
    if not isinstance(value, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        raise invalid([problem("model_attributes_type", ("body",), message, value)])
    return value


async def body(request: Request, shape: Shape) -> dict[str, Any]:
    """The request's body, checked and filled in by `shape`."""
    value, problems = settled(shape, await json_object(request))
    if problems:
        raise invalid(problems)
    settled_body: dict[str, Any] = value
    return settled_body


def need_permission(options: Options, method: str, path: str, key: str | None) -> None:
    """The platform's key check: 401 without a key, with a wrong one, or where a read-only key wants to write."""
    if not key:
        message = "Neither authorization header nor xi-api-key received, please provide one."
        raise detailed(401, "needs_authorization", message)
    if key == options.read_only_key and options.read_only_key:
        if method not in ("GET", "HEAD"):
            needed = "webhooks_write" if "/workspace/" in path else "convai_write"
            message = f"The API key you used is missing the permission {needed} to execute this operation."
            raise Refusal(401, {"detail": {"status": "missing_permissions", "message": message}})
    elif key != options.api_key:
        raise detailed(401, "invalid_api_key", "Invalid API key")


ACCESS = {
    "is_creator": True,
    "creator_name": "Sandbox",
    "creator_email": "sandbox@example.org",
    "role": "admin",
    "anonymous_access_level_override": None,
    "access_source": "creator",
}
