"""The figures by which a monitor watches the queues: GET /metrics, in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/. Labels hold states and the names of duties, and nothing
that came from outside: neither ids nor anything about a caller.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from agentctl.errors import StoreError
from agentctl.secrecy.bearer import is_right

PATH = "/metrics"
CACHE_SECONDS = 5.0
_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Figures = Callable[[], Awaitable[Mapping[str, Any]]]


def route(secret: SecretStr | None, figures: Figures, *, clock: Callable[[], float] = time.monotonic) -> Route:
    """The figures, asked of the store at most every CACHE_SECONDS, however many ask here; 401 for any other secret.

    Without a secret of ours anybody may ask. While the store is away there is one figure, `agentctl_store_up 0`.
    """
    asking, text, until = asyncio.Lock(), "", 0.0

    async def current() -> str:
        nonlocal text, until
        async with asking:
            if clock() >= until:
                try:
                    text = written(await figures())
                except StoreError:
                    text = written(None)
                until = clock() + CACHE_SECONDS
            return text

    async def tell(request: Request) -> Response:
        if secret is not None and not is_right(secret, request.headers.get("authorization", "")):
            return JSONResponse({"error": "the secret is missing or wrong"}, 401, {"www-authenticate": "Bearer"})
        return PlainTextResponse(await current(), media_type=_MEDIA_TYPE)

    return Route(PATH, tell, methods=["GET"])


def written(figures: Mapping[str, Any] | None) -> str:
    """The text for a monitor; None where the store could not be asked."""
    return "\n".join([*_lines(figures), ""])


def _lines(figures: Mapping[str, Any] | None) -> Iterator[str]:
    yield from _gauge("store_up", "Whether the store answers.", {"": int(figures is not None)})
    if figures is None:
        return
    for queue, one in (("events", "event"), ("mails", "mail"), ("rows", "row")):
        counts = {f'{{state="{state}"}}': count for state, count in figures[queue].items()}
        yield from _gauge(queue, f"How many {queue} are in each state that is not their end.", counts)
        age = figures[f"oldest_{one}_seconds"] or 0
        yield from _gauge(f"oldest_{one}_seconds", f"Age of the oldest {one} that waits, 0 without any.", {"": age})
    ages: dict[str, float] = {}
    failures: dict[str, int] = {}
    for duty in (one for one in figures["duties"] if one["offered"]):
        label = f'{{duty="{duty["name"]}"}}'
        failures[label] = max(failures.get(label, 0), duty["failures"])
        if duty["done_seconds"] is not None:
            ages[label] = max(ages.get(label, 0.0), duty["done_seconds"])
    yield from _gauge("duty_done_seconds", "Seconds since recurring work was last done.", ages)
    yield from _gauge("duty_failures", "Failures of recurring work since it was last done.", failures)


def _gauge(name: str, meaning: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP agentctl_{name} {meaning}"
    yield f"# TYPE agentctl_{name} gauge"
    for labels, value in values.items():
        yield f"agentctl_{name}{labels} {value:.3f}".removesuffix(".000")
