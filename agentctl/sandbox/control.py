"""`/_sandbox/…`: what a test or a demo does to the sandbox itself; no part of any vendor's API, needs no key."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox import calls
from agentctl.sandbox.conversations import STATUSES
from agentctl.sandbox.judge import Order
from agentctl.sandbox.options import TwilioNumber
from agentctl.sandbox.state import Row, State, twilio_number
from agentctl.sandbox.workspace_webhooks import HEALTH
from agentctl.sandbox.world import world


def routes() -> list[Route]:
    """The control API."""
    table = (
        ("/reset", reset, "POST"),
        ("/state", state, "GET"),
        ("/log", log, "GET"),
        ("/log", clear_log, "DELETE"),
        ("/faults", order_fault, "POST"),
        ("/faults", faults, "GET"),
        ("/faults", clear_faults, "DELETE"),
        ("/latency", latency, "PUT"),
        ("/numbers", add_number, "POST"),
        ("/tests", order_result, "POST"),
        ("/calls", call, "POST"),
        ("/conversations/{conversation_id}", finish, "PATCH"),
        ("/conversations/{conversation_id}/deliver", deliver, "POST"),
        ("/webhooks/{webhook_id}", ail, "PATCH"),
    )
    return [Route(f"/_sandbox{path}", endpoint, methods=[method]) for path, endpoint, method in table]


async def reset(request: Request) -> Response:
    """Back to an empty workspace, or to the `state` in the body. Tells how many requests are still `under_way`."""
    try:
        given = await _object(request)
        world(request).reset(State(**given["state"]) if given else None)
    except (KeyError, TypeError, ValueError) as error:
        return _wrong(error)
    return JSONResponse({"ok": True, "under_way": world(request).under_way})


async def state(request: Request) -> Response:
    """Everything that is stored, secrets of webhooks included: it is a sandbox."""
    return JSONResponse(world(request).state.as_json())


async def log(request: Request) -> Response:
    """The requests so far; `?since=N` leaves out those up to number N."""
    since = request.query_params.get("since", "0")
    return JSONResponse(world(request).journal.entries(int(since) if since.isdigit() else 0))


async def clear_log(request: Request) -> Response:
    """Forget the requests so far."""
    world(request).journal.clear()
    return JSONResponse({"ok": True})


async def order_fault(request: Request) -> Response:
    """See `fault.Fault`."""
    try:
        place = world(request)
        fault = place.faults.add(await _object(request), place.state.sequence)
    except (TypeError, ValueError) as error:
        return _wrong(error)
    return JSONResponse(dict(vars(fault)))


async def faults(request: Request) -> Response:
    """Faults and how often each hit."""
    return JSONResponse(world(request).faults.as_json())


async def clear_faults(request: Request) -> Response:
    """Forget all faults."""
    world(request).faults.clear()
    return JSONResponse({"ok": True})


async def latency(request: Request) -> Response:
    """Milliseconds that every API request takes longer."""
    try:
        world(request).latency_ms = float((await _object(request))["ms"])
    except (KeyError, TypeError, ValueError) as error:
        return _wrong(error)
    return JSONResponse({"ms": world(request).latency_ms})


async def add_number(request: Request) -> Response:
    """A number in the Twilio account: the keys of `options.TwilioNumber`, `number` for short, and `sid`."""
    place = world(request)
    try:
        given = await _object(request)
        sid = str(given.pop("sid", ""))
        if "number" in given:
            given["phone_number"] = given.pop("number")
        row = twilio_number(place.options.account_sid, TwilioNumber(**given), sid)
    except (TypeError, ValueError) as error:
        return _wrong(error)
    place.state.twilio_numbers[row["sid"]] = row
    return JSONResponse(row)


async def order_result(request: Request) -> Response:
    """How runs of some tests end from now on; see `judge.Order`. The last order counts."""
    try:
        order = Order(**await _object(request))
    except (TypeError, ValueError) as error:
        return _wrong(error)
    world(request).orders.append(order)
    return JSONResponse(dict(vars(order)))


async def call(request: Request) -> Response:
    """See `calls.Order`. The answer comes when every delivery is done, retries included."""
    try:
        return JSONResponse(await calls.hold(world(request), calls.order(await _object(request))))
    except (TypeError, ValueError) as error:
        return _wrong(error)


async def finish(request: Request) -> Response:
    """Set the status of a stored conversation, as a poller sees it move on."""
    row = world(request).state.conversations.get(request.path_params["conversation_id"])
    wanted = (await _object(request)).get("status")
    if row is None or wanted not in STATUSES:
        return _wrong(ValueError(f"an existing conversation and a status out of {', '.join(STATUSES)} are needed"))
    row["data"]["status"] = wanted
    return JSONResponse({"conversation_id": row["data"]["conversation_id"], "status": wanted})


async def deliver(request: Request) -> Response:
    """Send the events of a stored conversation (again)."""
    row = world(request).state.conversations.get(request.path_params["conversation_id"])
    if row is None:
        return _wrong(ValueError(f"there is no conversation {request.path_params['conversation_id']}"))
    return JSONResponse({"deliveries": await calls.send(world(request), row)})


async def ail(request: Request) -> Response:
    """Set what the platform itself notes of a webhook's health; see `workspace_webhooks.HEALTH`."""
    row, given = world(request).state.webhooks.get(request.path_params["webhook_id"]), await _object(request)
    if row is None or not given.keys() <= HEALTH:
        return _wrong(ValueError(f"an existing webhook and some of {', '.join(sorted(HEALTH))} are needed"))
    row |= given
    return JSONResponse({name: row[name] for name in sorted(HEALTH)})


async def _object(request: Request) -> dict[str, Any]:
    raw = await request.body()
    value = json.loads(raw) if raw else {}
    if not isinstance(value, dict):
        raise ValueError("the body is not a JSON object")
    found: Row = value
    return found


def _wrong(error: Exception) -> Response:
    return JSONResponse({"error": str(error) or type(error).__name__}, status_code=400)
