"""One piece of work, from its claim to its end, as logs, figures and traces have it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from agentctl.telemetry import figures
from agentctl.telemetry.fields import Field, bound
from agentctl.telemetry.spans import Span, span


class Work(Protocol):
    """One piece of work. `attempt` counts from 1 how often it has been handed out."""

    @property
    def id(self) -> int | str: ...

    @property
    def attempt(self) -> int: ...

    @property
    def marks(self) -> Mapping[str, Field | None]:
        """What tells it from others in logs and traces: ids, the `conversation_id` among them where there is one."""
        ...


@dataclass
class Attended:
    """How it ended. `released`: it was given back unfinished."""

    span: Span
    outcome: Literal["done", "failed", "lost", "released"] = "failed"

    def failed(self, error: Exception) -> None:
        """It failed with this, whose type alone is told."""
        self.outcome = "failed"
        self.span.set({"error.type": type(error).__name__})


@contextmanager
def attended(job: str, work: Work) -> Iterator[Attended]:
    """In the block, somebody sees to it. What ends the block unfinished is a failure, unless its outcome is set."""
    conversation_id = work.marks.get("conversation_id")
    trace = None if conversation_id is None else str(conversation_id)
    about = {
        "messaging.system": "agentctl",
        "messaging.destination.name": job,
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.message.id": str(work.id),
        "messaging.message.conversation_id": trace,
        "agentctl.attempt": work.attempt,
    }
    began = time.perf_counter()
    named = bound(job=job, attempt=work.attempt, **work.marks)
    with named, span(f"process {job}", about, kind="consumer", trace=trace) as one:
        found = Attended(one)
        try:
            yield found
        finally:
            one.set({"agentctl.outcome": found.outcome})
            figures.WORK.add(job, found.outcome)
            figures.WORK_SECONDS.observe(time.perf_counter() - began, job)
