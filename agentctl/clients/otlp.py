"""Spans for an OpenTelemetry collector, over OTLP/HTTP: what the extra `otel` brings.

A call is one trace, whatever processes see to it and however long apart: the trace's id is made of the conversation's.
So nothing has to travel through the store, what `backfill` enters and what is tried again days later is found in the
same place, and a sampler that goes by trace ids keeps or drops a call as a whole.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote

from agentctl.settings import Settings
from agentctl.telemetry import spans
from agentctl.telemetry.spans import Attributes, Kind, Span

if TYPE_CHECKING:
    from opentelemetry import trace as otel
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

log = logging.getLogger(__name__)

_PATH = "/v1/traces"
_EXPORT_SECONDS = 3.0  # for one batch; it is what a command may have to wait for at its end
_trace: ContextVar[int | None] = ContextVar("trace", default=None)


@contextmanager
def tracing(settings: Settings, exporter: SpanExporter | None = None) -> Iterator[None]:
    """In the block, spans go to the collector at OTEL_EXPORTER_OTLP_ENDPOINT, and what waits goes at its end.

    Without an endpoint, and in a block within another, it does nothing. The SDK's own variables hold as they do
    everywhere (OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_…). A collector that is away costs spans and
    nothing else; where the extra is missing, that is logged. `exporter`: instead of the collector's.
    """
    if settings.otel_exporter_otlp_endpoint is None or spans.tracer() is not None:
        yield
        return
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        # Not by the name alone, which is nobody's on the package index: whoever takes it there would be installed.
        log.warning(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and no traces are sent: the extra otel is missing; "
            "pip install '.[otel]' in agentctl's checkout, or 'FILE.whl[otel]' of its wheel"
        )
        yield
        return
    provider = _provider(settings, exporter or _exporter(settings))
    before = spans.use(Tracer(provider))
    try:
        yield
    finally:
        spans.use(before)
        provider.shutdown()


class Tracer:
    """Makes OpenTelemetry's spans of ours, by a provider of its own: the process's global one stays its owner's."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("agentctl", version("agentctl"))

    @contextmanager
    def span(
        self, name: str, kind: Kind, attributes: Attributes, trace: str | None, since: int | None
    ) -> Iterator[Span]:
        """See `spans.span`."""
        from opentelemetry import context
        from opentelemetry import trace as otel

        wanted = trace_id(trace) if trace is not None else None
        apart = wanted is not None and otel.get_current_span().get_span_context().trace_id != wanted
        before = _trace.set(wanted if apart else None)
        try:
            begun = self._tracer.start_span(
                name,
                context.Context() if apart else None,
                kind=otel.SpanKind[kind.upper()],
                attributes=_known(attributes),
                start_time=since,
            )
        finally:
            _trace.reset(before)
        with otel.use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield _Span(begun)
            except BaseException as error:
                # Its text may quote a caller.
                begun.set_attribute("error.type", type(error).__name__)
                begun.set_status(otel.Status(otel.StatusCode.ERROR))
                raise


class _Span:
    """One of theirs."""

    def __init__(self, begun: otel.Span) -> None:
        self._begun = begun

    def set(self, attributes: Attributes) -> None:
        """What has become known of it; an `error.type` says that it failed."""
        from opentelemetry import trace as otel

        self._begun.set_attributes(_known(attributes))
        if attributes.get("error.type"):
            self._begun.set_status(otel.Status(otel.StatusCode.ERROR))


def trace_id(conversation_id: str) -> int:
    """The trace of a conversation."""
    return int.from_bytes(hashlib.sha256(conversation_id.encode()).digest()[:16], "big")


def _known(attributes: Attributes) -> dict[str, str | int | float | bool]:
    return {name: value for name, value in attributes.items() if value is not None}


def _provider(settings: Settings, exporter: SpanExporter) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        """Random ones, but for a conversation's trace."""

        def generate_trace_id(self) -> int:
            return _trace.get() or super().generate_trace_id()

    service = {"service.name": settings.otel_service_name, "service.version": version("agentctl")}
    provider = TracerProvider(resource=Resource.create(service), id_generator=Ids(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _exporter(settings: Settings) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    endpoint = str(settings.otel_exporter_otlp_endpoint).rstrip("/")
    return OTLPSpanExporter(f"{endpoint}{_PATH}", headers=_headers(settings), timeout=_EXPORT_SECONDS)


def _headers(settings: Settings) -> Mapping[str, str]:
    given = settings.otel_exporter_otlp_headers
    pairs = (pair.partition("=") for pair in given.get_secret_value().split(",")) if given else ()
    return {unquote(name).strip().lower(): unquote(value).strip() for name, _, value in pairs if name.strip()}
