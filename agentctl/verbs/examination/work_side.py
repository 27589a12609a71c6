"""Examinations of what workers do: the queues, and the product's own table that they write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from agentctl.calls.queue import Queue
from agentctl.verbs.calls import queue as standing
from agentctl.verbs.calls import sink as sinking
from agentctl.verbs.examination.finding import Finding, State
from agentctl.wiring import Control

OFTEN = 4  # an hour of a duty that is due every quarter of it


async def queue(control: Control) -> AsyncIterator[Finding]:
    """What was given up, what was not understood, what waits and for what, and duties that nobody can do."""
    found = await standing.queue(control)
    troubles = [*troubled(found), *strange(await standing.strangers(control))]
    for finding in troubles:
        yield finding
    if not troubles:
        waiting = f"{found['events']['pending']} events and {found['mails']['pending']} mails wait"
        yield Finding("queue", "ok", waiting)


def troubled(found: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with queues that stand so, as `verbs.calls.queue` tells of all tenants."""
    for queue in ("events", "recordings"):
        if dead := found[queue]["dead"]:
            remedy = "agentctl calls events --state dead tells why; once it is put right: agentctl calls retry --all"
            yield Finding("queue", "broken", f"{_were(dead, queue)} given up", remedy)
    if dead := found["mails"]["dead"]:
        way = "correct the address or the mail route, then agentctl calls retry ID"
        remedy = f"agentctl calls mails --state dead tells why; {way}"
        yield Finding("queue", "broken", f"{_were(dead, 'mails')} given up", remedy)
    if dead := found["rows"]["dead"]:
        remedy = f"{found['troubled_rows'][0]}; once it is put right: agentctl calls retry --all"
        yield Finding(
            "queue", "broken", f"{_many(dead, 'calls', 'could', 'could')} not be written to [sink.table]", remedy
        )
    for queue in ("events", "recordings"):
        if kept := found[queue]["kept"]:
            what = f"{_were(kept, queue)} not understood"
            yield Finding("queue", "warning", what, "agentctl calls events --state kept")
    yield from _waiting(found)
    yield from _troubled_syncs(found)
    for duty in found["duties"]:
        if duty["offered"] and duty["failures"] >= OFTEN:
            place = f" ({duty['place']})" if duty["place"] else ""
            what = f"a worker's duty {duty['name']!r}{place} failed {duty['failures']} times in a row"
            yield Finding("queue", "broken", what, str(duty["error"] or "").partition("\n")[0])


def _many(count: int, queue: str, does: str, do: str) -> str:
    """1 event waits, 2 events wait."""
    return f"{count} {queue.removesuffix('s')} {does}" if count == 1 else f"{count} {queue} {do}"


def _were(count: int, queue: str) -> str:
    return _many(count, queue, "was", "were")


def _waiting(found: Mapping[str, Any]) -> Iterator[Finding]:
    """Calls that stand still are worse than their sound, whose place may be away for long."""
    grades: dict[str, State] = {"events": "broken", "recordings": "warning"}
    for name, state in grades.items():
        one = Queue.of(name, found)
        if one.is_old:
            # Those that a worker has tried say what they wait for.
            reasons = "; ".join(str(reason).partition("\n")[0] for reason in found["reasons"][name])
            lacking = "No worker seems to run: agentctl serve, or agentctl work"
            yield Finding("queue", state, _old(one), reasons or lacking)


def strange(found: Mapping[str, int]) -> Iterator[Finding]:
    """That calls came of agents which nobody has synced, as `strangers` counts them."""
    if found["calls"]:
        agents = f"{found['agents']} agents that nobody has synced into this store"
        what = f"{found['calls']} calls of the last 7 days are of {agents}: nobody is mailed"
        yield Finding("queue", "warning", what, "If they are yours: agentctl sync, with the settings of this store")


def _troubled_syncs(found: Mapping[str, Any]) -> Iterator[Finding]:
    if dead := found["syncs"]["dead"]:
        remedy = "agentctl calls status tells why; once it is put right: agentctl calls retry --all"
        yield Finding("queue", "warning", f"{_were(dead, 'syncs')} given up", remedy)
    if (syncs := Queue.of("syncs", found)).is_old:
        # Those that a worker has tried say what they wait for.
        reasons = [one["error"] for one in found["troubled_syncs"] if one["state"] == "pending"]
        lacking = "A worker needs the project's directory and ELEVENLABS_API_KEY: agentctl serve, or agentctl work"
        remedy = str(reasons[0]).partition("\n")[0] if reasons else lacking
        yield Finding("queue", "broken", _old(syncs), remedy)


def _old(queue: Queue) -> str:
    oldest = queue.oldest or 0
    return f"{_many(queue.waiting, queue.name, 'waits', 'wait')}, the oldest for {oldest / 60:.0f} minutes"


async def sink(control: Control) -> AsyncIterator[Finding]:
    """Whether calls can be written into the product's own table as it is declared, and are."""
    declared = control.loaded.project.sink
    wrong, doubtful = await sinking.problems(control, declared)
    for problem in wrong:
        yield Finding("sink", "broken", str(problem), "Correct the table or the file; calls are stored here meanwhile.")
    for problem in doubtful:
        yield Finding("sink", "warning", str(problem))
    if not declared:
        yield Finding("sink", "skipped", "calls are written to no table of a product: there is no [sink.table]")
        return
    refusals = await sinking.refusals(control)
    for reason in refusals:
        remedy = "It is tried again; once that was given up: agentctl calls retry --all"
        yield Finding("sink", "warning", f"a call is not written: {reason}", remedy)
    if not (wrong or doubtful or refusals):
        yield Finding("sink", "ok", f"calls are written to {declared.table}")
