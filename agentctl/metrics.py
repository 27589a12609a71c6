"""The figures for a monitor: GET /metrics, in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/. What this process has counted (`telemetry.figures`), and
what the store knows of the queues, which is the same for whoever asks it. Labels hold states and names of ours, and
nothing that came from outside: neither ids nor anything about a caller.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from agentctl.calls.queue import QUEUES
from agentctl.errors import StoreError
from agentctl.secrecy.bearer import is_right
from agentctl.telemetry.figures import ALL
from agentctl.telemetry.instruments import PREFIX, exposed, labelled, number

PATH = "/metrics"
CACHE_SECONDS = 5.0
_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Figures = Callable[[], Awaitable[Mapping[str, Any]]]
Labels = Mapping[str, str]


def route(secret: SecretStr | None, figures: Figures, *, clock: Callable[[], float] = time.monotonic) -> Route:
    """The figures; 401 for any other secret. The store is asked at most every CACHE_SECONDS, however many ask here.

    Without a secret of ours anybody may ask. While the store is away, of it there is one, `agentctl_store_up 0`.
    """
    asking, known, until = asyncio.Lock(), "", 0.0

    async def of_store() -> str:
        nonlocal known, until
        async with asking:
            if clock() >= until:
                try:
                    known = written(await figures())
                except StoreError:
                    known = written(None)
                until = clock() + CACHE_SECONDS
            return known

    async def tell(request: Request) -> Response:
        if secret is not None and not is_right(secret, request.headers.get("authorization", "")):
            return JSONResponse({"error": "the secret is missing or wrong"}, 401, {"www-authenticate": "Bearer"})
        return PlainTextResponse(await of_store() + counted(), media_type=_MEDIA_TYPE)

    return Route(PATH, tell, methods=["GET"])


def counted() -> str:
    """The text about this process."""
    about = _gauge("build_info", "What runs here.", [({"version": version("agentctl")}, 1)])
    return "\n".join([*about, *exposed(*ALL), ""])


def written(figures: Mapping[str, Any] | None) -> str:
    """The text about the store; None where it could not be asked."""
    return "\n".join([*_lines(figures), ""])


def _lines(figures: Mapping[str, Any] | None) -> Iterator[str]:
    yield from _gauge("store_up", "Whether the store answers.", [({}, int(figures is not None))])
    if figures is None:
        return
    for queue in QUEUES:
        one = queue.removesuffix("s")
        counts = [({"state": state}, count) for state, count in figures[queue].items()]
        yield from _gauge(queue, f"How many {queue} are in each state that is not their end.", counts)
        age = figures[f"oldest_{one}_seconds"] or 0
        yield from _gauge(f"oldest_{one}_seconds", f"Age of the oldest {one} that waits, 0 without any.", [({}, age)])
    ages: dict[str, float] = {}
    failures: dict[str, int] = {}
    for duty in (one for one in figures["duties"] if one["offered"]):
        name = duty["name"]
        failures[name] = max(failures.get(name, 0), duty["failures"])
        if duty["done_seconds"] is not None:
            ages[name] = max(ages.get(name, 0.0), duty["done_seconds"])
    yield from _gauge("duty_done_seconds", "Seconds since recurring work was last done.", _by_duty(ages))
    yield from _gauge("duty_failures", "Failures of recurring work since it was last done.", _by_duty(failures))


def _by_duty(values: Mapping[str, float]) -> list[tuple[Labels, float]]:
    return [({"duty": name}, value) for name, value in values.items()]


def _gauge(name: str, meaning: str, values: Sequence[tuple[Labels, float]]) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {meaning}"
    yield f"# TYPE {PREFIX}{name} gauge"
    for labels, value in values:
        yield f"{PREFIX}{name}{labelled(tuple(labels), tuple(labels.values()))} {number(value)}"
