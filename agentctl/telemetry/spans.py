"""What takes its time, told to whoever traces: nobody, until `use` names somebody, and then it costs a comparison.

Names and attributes are those of OpenTelemetry's semantic conventions (https://opentelemetry.io/docs/specs/semconv/)
where these know the thing. An attribute is an id, a number or a word of ours, and nothing about a caller.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from functools import wraps
from typing import Literal, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | float | bool | None]


class Span(Protocol):
    """Something that goes on."""

    def set(self, attributes: Attributes) -> None:
        """What has become known of it; None is not told."""
        ...


class Tracer(Protocol):
    """Hears of spans."""

    def span(
        self, name: str, kind: Kind, attributes: Attributes, trace: str | None, since: int | None
    ) -> AbstractContextManager[Span]:
        """As `span` below."""
        ...


class _Nobody:
    """A span that nobody hears of."""

    def __enter__(self) -> _Nobody:
        return self

    def __exit__(self, *ended: object) -> None:
        return None

    def set(self, attributes: Attributes) -> None:
        """Nothing."""


_NOBODY = _Nobody()
_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> Tracer | None:
    """Tell spans to this one from now on; the answer is the one before."""
    global _tracer
    before, _tracer = _tracer, tracer
    return before


def tracer() -> Tracer | None:
    """Whoever hears of spans."""
    return _tracer


def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: Kind = "internal",
    trace: str | None = None,
    since: int | None = None,
) -> AbstractContextManager[Span]:
    """A span for the time of a block, within the one around it. An error that leaves the block is told by its type.

    `trace`: the conversation that it is about. All spans about one are of one trace, in whatever process and however
    long after each other, since its id is made of the conversation's. `since`: when it began (ns of the Unix clock).
    """
    if _tracer is None:
        return _NOBODY
    return _tracer.span(name, kind, attributes or {}, trace, since)


def traced(name: str) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """A function each of whose runs is a span."""

    def inner(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        @wraps(function)
        async def run(*args: P.args, **kwargs: P.kwargs) -> T:
            with span(name):
                return await function(*args, **kwargs)

        return run

    return inner
