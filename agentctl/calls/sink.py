"""Write calls into the product's own table. What the row is to hold, and whose it is, the store decides as it writes.

One transaction writes the row and is done with it, so that it can be cut off at any point; and a row is written as its
call is at that moment, so that changes may come in any number and order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from agentctl.calls.inbox import Store
from agentctl.calls.jobs import LEASE_SECONDS, OUTAGE_SECONDS, describe, release, renew, worker_name
from agentctl.calls.tenant import TenantStore
from agentctl.calls.turns import Turns
from agentctl.errors import AgentctlError, SinkError
from agentctl.sqlstates import said
from agentctl.telemetry.fields import Field

_PASSING = ("40", "53", "55P03", "57")


@dataclass(frozen=True)
class SinkRow:
    """A call that is to be written. `attempt` is the fence."""

    id: str
    tenant: str
    conversation_id: str
    attempt: int

    @property
    def marks(self) -> Mapping[str, Field | None]:
        """As of a worker's Work."""
        return {"conversation_id": self.conversation_id}


@dataclass(frozen=True)
class SinkJob:
    """Writes what is due. A row that fails `max_attempts` times is dead, which takes some hours."""

    store: Store
    worker: str = field(default_factory=worker_name)
    at_once: int = 4
    lease_seconds: float = LEASE_SECONDS
    deadline_seconds: float = 30.0
    grace_seconds: float = 10.0
    max_attempts: int = 12
    turns: Turns = field(default_factory=Turns, repr=False)

    name: ClassVar[str] = "sink"

    async def claim(self, limit: int) -> Sequence[SinkRow]:
        """Take rows that are due, of one tenant after another. Raises StoreError."""
        rows = await self._claim(limit, **self.turns.terms())
        self.turns.passed(rows)
        return rows

    async def claim_of(self, conversation_ids: Iterable[str]) -> Sequence[SinkRow]:
        """Take those of these calls, due or given up. Raises StoreError."""
        ids = list(conversation_ids)
        return await self._claim(len(ids), conversation_ids=ids) if ids else ()

    async def _claim(self, limit: int, **named: Any) -> list[SinkRow]:
        terms = {"worker": self.worker, "limit": limit, "lease_seconds": self.lease_seconds}
        rows = await self.store.call("claim_sink_rows", {**terms, "max_attempts": self.max_attempts, **named})
        return [SinkRow(row["id"], row["tenant"], row["conversation_id"], row["attempt"]) for row in rows]

    async def run(self, work: SinkRow) -> bool:
        """Write one; False if another worker has it by now. Raises SinkError, StoreError."""
        fence = {"tenant": work.tenant, "id": work.id, "attempt": work.attempt}
        answer = await self.store.call("write_sink", fence, timeout=self.deadline_seconds)
        if answer.get("trouble"):
            raise trouble(answer["trouble"])
        return bool(answer["held"])

    async def renew(self, work: SinkRow) -> bool:
        """Hold it for another lease; False if another worker has it by now."""
        return await renew(TenantStore(self.store, work.tenant), "sink_rows", work, self.lease_seconds)

    async def fail(self, work: SinkRow, error: Exception, delay_seconds: float) -> None:
        """Give it back, to be tried again after `delay_seconds` or never."""
        outage = isinstance(error, AgentctlError) and error.outage
        terms = {
            "tenant": work.tenant,
            "id": work.id,
            "attempt": work.attempt,
            "max_attempts": self.max_attempts,
            "error": error.message if isinstance(error, AgentctlError) else describe(error),
            "outage": outage,
            "delay_seconds": min(delay_seconds, OUTAGE_SECONDS) if outage else delay_seconds,
        }
        await self.store.call("fail_sink_row", terms)

    async def release(self, work: SinkRow) -> None:
        """Give it back unfinished."""
        await release(TenantStore(self.store, work.tenant), "sink_rows", work)


def trouble(found: Mapping[str, Any]) -> SinkError:
    """Why a row was not written, by its SQLSTATE and the names of constraint and column: these quote nobody."""
    error = SinkError(
        f"the table of [sink.table] did not take the call: {said(found)}",
        "agentctl doctor checks the table; once it is put right: agentctl calls retry --all",
    )
    error.outage = str(found["code"]).startswith(_PASSING)
    return error
