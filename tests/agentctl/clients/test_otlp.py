"""agentctl.clients.otlp: what reaches a collector; more in tests/e2e/test_monitoring.py."""

from __future__ import annotations

import logging
import sys
import time

import pytest

from agentctl.clients import otlp
from agentctl.settings import Settings
from agentctl.telemetry import spans
from agentctl.telemetry.spans import span
from tests.cluster import free_port
from tests.collector import collecting


def at(url: str) -> Settings:
    return Settings(otel_exporter_otlp_endpoint=url, otel_service_name="praxis")


def test_spans_about_one_conversation_are_of_one_trace_whoever_tells_them() -> None:
    with collecting() as collector:
        for _ in ("a door", "a worker, later"):
            with otlp.tracing(at(collector.url)), span("outer", trace="conv_1"), span("inner", trace="conv_1"):
                pass
        with otlp.tracing(at(collector.url)), span("other", trace="conv_2"), span("of conv_1", trace="conv_1"):
            pass
    assert collector.resource["service.name"] == "praxis"
    first, second = collector.named("outer")
    inner = collector.named("inner")
    assert {first.trace, second.trace, *(one.trace for one in inner)} == {f"{otlp.trace_id('conv_1'):032x}"}
    assert [one.parent for one in inner] == [first.id, second.id]
    (apart,) = collector.named("of conv_1")
    assert (apart.trace, apart.parent) == (first.trace, "")


def test_an_error_is_told_by_its_type_alone() -> None:
    with collecting() as collector:
        with otlp.tracing(at(collector.url)), pytest.raises(ValueError, match="words"), span("work"):
            raise ValueError("a caller's words")
        assert b"words" not in collector.raw
    (told,) = collector.spans
    assert (told.failed, told.attributes["error.type"]) == (True, "ValueError")


def test_a_block_within_another_changes_nothing() -> None:
    with collecting() as collector, otlp.tracing(at(collector.url)):
        outer = spans.tracer()
        with otlp.tracing(at("http://127.0.0.1:9")):
            assert spans.tracer() is outer
        assert spans.tracer() is outer
    assert spans.tracer() is None


def test_a_collector_that_is_away_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    with otlp.tracing(at(f"http://127.0.0.1:{free_port()}")), span("work"):
        inside = time.monotonic() - began
    assert inside < 2
    assert time.monotonic() - began < 10


def test_without_the_extra_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with caplog.at_level(logging.WARNING), otlp.tracing(at("http://127.0.0.1:4318")), span("work"):
        assert spans.tracer() is None
    assert "pip install '.[otel]' in agentctl's checkout" in caplog.text
    assert "agentctl[" not in caplog.text, "that name is not ours on the package index"
