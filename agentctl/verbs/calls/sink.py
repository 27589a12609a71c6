"""Calls in the product's own table: declared by a sync, written by every worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agentctl.calls.inbox import Store
from agentctl.errors import AgentctlError, Problem, UsageError
from agentctl.sources.project import FILENAME
from agentctl.sources.sink import SECTION, SinkTable, cramped, exposure, obstacles
from agentctl.verbs.calls.queue import SECONDS
from agentctl.wiring import Control

_SECONDS = 60.0  # as many calls as there are


@dataclass(frozen=True)
class Unwritten:
    """A row of the product's that does not have what it should, and why, as far as is known."""

    conversation_id: str
    table: str
    reason: str


async def declare(control: Control, sink: SinkTable | None) -> None:
    """Keep the project's sink where workers read it. Raises StoreError."""
    await (await control.store()).call("save_sink", {**_scope(control), **(sink.record() if sink else {})})


async def problems(control: Control, sink: SinkTable | None) -> tuple[list[Problem], list[Problem]]:
    """Why no call could be written as it is declared; why some could not, or may be read by users. With what mends it.

    Raises StoreError.
    """
    if sink is None:
        return [], []
    found = await (await control.store()).call("sink_columns", sink.place)
    wrong, doubtful = obstacles(sink, found), filter(None, [*cramped(sink, found), exposure(sink, found)])
    return (
        [Problem(FILENAME, f"{SECTION}: {what}") for what in wrong],
        [Problem(FILENAME, f"{SECTION}: {what}") for what in doubtful],
    )


async def refusals(control: Control) -> list[str]:
    """Why rows of the store's sinks that wait, or were given up, were not written. Raises StoreError."""
    found = await (await control.store()).call("sink_queue", {"tenant": None}, timeout=SECONDS)
    return list(found["troubled_rows"])


async def notices(control: Control, sink: SinkTable | None) -> list[Problem]:
    """What a sync would change of the sink, and what is wrong with it. Raises StoreError."""
    rows = await (await control.store()).call("sinks", _scope(control))
    before = rows[0] if rows else None
    told = []
    if sink is None and before:
        what = (
            f"sink: {before['table_name']} is written no longer; what it holds stays, also of callers who are forgotten"
        )
        told.append(Problem(FILENAME, what))
    elif sink and before is None:
        what = f"{SECTION}: each call is written to {sink.table} from this sync on"
        told.append(Problem(FILENAME, f"{what}; those of before: agentctl calls sink --since 30d"))
    elif sink and before and {name: before[name] for name in sink.record()} != sink.record():
        what = f"{SECTION}: another table or other columns are written; what stands where they are not stays as it is"
        told.append(Problem(FILENAME, f"{what}. For calls of before: agentctl calls sink --since 30d"))
    wrong, doubtful = await problems(control, sink)
    return [*told, *wrong, *doubtful]


async def fill(control: Control, since: datetime) -> int:
    """Queue the calls of this project that began since then, to be written by a worker; how many they are.

    Doing it again writes the same again. Raises UsageError where no sync has declared a sink, StoreError.
    """
    store = await control.store()
    if not await store.call("sinks", _scope(control)):
        hint = f"Declare [{SECTION}] in {FILENAME}, then: agentctl sync"
        raise UsageError("this project writes calls to no table of its own", hint)
    asked = {**_scope(control), "since": since.astimezone(UTC).isoformat()}
    return int((await store.call("fill_sink", asked, timeout=_SECONDS))["queued"])


async def empty(store: Store, conversation_ids: Sequence[str]) -> list[Unwritten]:
    """Empty the product's rows of calls that were just erased; those that could not be, which workers try again.

    `store`: of the tenant whose calls they were. Raises StoreError.
    """
    from agentctl.calls.sink import SinkJob

    job = SinkJob(store)
    for row in await job.claim_of(conversation_ids):
        try:
            await job.run(row)
        except AgentctlError as error:
            await job.fail(row, error, 0.0)
    left = await store.call("unwritten", {"conversation_ids": list(conversation_ids)})
    return [
        Unwritten(row["conversation_id"], row["table"] or "a table", row["error"] or "another worker is at it")
        for row in left
    ]


def _scope(control: Control) -> dict[str, str]:
    return {"project": control.scope.project, "environment": control.scope.environment}
