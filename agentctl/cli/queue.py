"""agentctl calls status, retry, backfill, sink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.session import Json, connected
from agentctl.cli.tenanted import OfTenant

if TYPE_CHECKING:
    from agentctl.verbs.calls.backfill import CaughtUp
    from agentctl.verbs.calls.retry import Requeued
    from agentctl.verbs.places import Everywhere
    from agentctl.wiring import Control

_RED = 31


def register(app: typer.Typer) -> None:
    """Add the commands to `agentctl calls`."""
    for command in (status, retry, backfill, sink):
        app.command(cls=OfTenant if command in (status, retry) else None)(command)


def status(json: Json = False) -> None:
    """Show how the queues stand: what waits and for how long, what was given up, when each duty was last done."""

    async def run(control: Control) -> dict[str, Any]:
        from agentctl.verbs.calls import queue as verbs

        found = await verbs.queue(control, of=control.tenant)
        return found | {"strangers": await verbs.strangers(control, of=control.tenant)}

    from agentctl.cli import render

    found = connected(run)
    print(render.to_json(found) if json else standing_text(found))


def retry(
    which: Annotated[str | None, typer.Argument(metavar="[ID]", help="A conversation, an event or a mail.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that was given up.")] = False,
    json: Json = False,
) -> None:
    """Queue again what was given up, or any event once more; a worker processes it anew from what was delivered."""
    from agentctl.errors import UsageError

    if (which is None) != everything:
        raise UsageError(
            "name an ID, or --all",
            "agentctl calls events --state dead shows what was given up, agentctl calls mails --state dead the mails.",
        )

    async def run(control: Control) -> Requeued:
        from agentctl.verbs.calls import retry as verbs

        return await (verbs.retry_all(control) if which is None else verbs.retry(control, which))

    from agentctl.cli import render

    done = connected(run)
    if json:
        told = {"events": done.events, "mails": done.mails, "rows": done.rows, "syncs": done.syncs}
        print(render.to_json(told))
    else:
        waiting = f"{done.events} events, {done.mails} mails, {done.rows} rows and {done.syncs} syncs"
        print(f"{waiting} wait for a worker again.")


def backfill(
    since: Annotated[
        str, typer.Option("--since", metavar="AGO", help="Look back this far at least: 90m, 12h, 7d, or a time.")
    ] = "7d",
    mailed_until: Annotated[
        str | None,
        typer.Option(
            "--mailed-until", metavar="TIME", help="Mail nobody about calls that were over by then; 0m is now."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Fetch the conversations that no webhook brought, as workers do of their own accord."""
    from agentctl.cli import render
    from agentctl.cli.since import past
    from agentctl.verbs.calls.backfill import together

    begin, mailed = past(since), past(mailed_until) if mailed_until is not None else None

    async def run(control: Control) -> Everywhere[CaughtUp]:
        from agentctl.verbs.calls import backfill as verbs

        return await verbs.look(control, begin, mailed_until=mailed)

    every = connected(run)
    found = together(every.results or every.checked())
    print(render.to_json(fetched_json(found)) if json else fetched_text(found))
    every.checked()
    if found.failed:
        raise typer.Exit(1)


def sink(
    since: Annotated[
        str, typer.Option("--since", metavar="AGO", help="Calls that began since then: 90m, 12h, 30d, or a time.")
    ] = "30d",
    json: Json = False,
) -> None:
    """Write calls that are stored already into the product's own table, as workers do with each new one."""
    from agentctl.cli import render
    from agentctl.cli.since import past

    begin = past(since)

    async def run(control: Control) -> int:
        from agentctl.verbs.calls import sink as verbs

        return await verbs.fill(control, begin)

    queued = connected(run)
    print(render.to_json({"queued": queued}) if json else f"{queued} calls wait for a worker to write them.")


def standing_text(found: Mapping[str, Any]) -> str:
    """How the queues stand, for people."""
    from agentctl.cli.addressed import addressed

    return addressed("\n".join(_standing(found)))


def fetched_text(found: CaughtUp) -> str:
    """What a backfill came to, for people."""
    from agentctl.cli.addressed import addressed
    from agentctl.cli.render import paint

    lines = [f"{found.listed} conversations since {found.since:%Y-%m-%d %H:%M} UTC, {len(found.entered)} were missing."]
    if found.sounds:
        lines.append(f"{len(found.sounds)} recordings were missing.")
    if found.entered or found.sounds:
        lines.append("A worker makes calls of them: agentctl serve, agentctl work, or agentctl calls process.")
    if found.running:
        lines.append(f"{found.running} are not over yet; the next look comes back to them.")
    if found.foreign:
        lines.append(f"{found.foreign} belong to agents that are not of this store, and were left alone.")
    if found.gone:
        lines.append(f"{len(found.gone)} are listed at ElevenLabs and not there any more.")
    if found.failed:
        lines.append(paint(f"{len(found.failed)} could not be fetched; the next look comes back to them.", _RED))
    return addressed("\n".join(lines))


def fetched_json(found: CaughtUp) -> dict[str, Any]:
    """What a backfill came to, for programs."""
    return {
        "since": found.since.isoformat(),
        "listed": found.listed,
        "entered": list(found.entered),
        "recordings": list(found.sounds),
        "running": found.running,
        "foreign": found.foreign,
        "failed": list(found.failed),
        "gone": list(found.gone),
    }


def _standing(found: Mapping[str, Any]) -> Iterator[str]:
    from agentctl.calls.queue import used
    from agentctl.cli.render import paint
    from agentctl.cli.render_call import line, table

    for queue in used(found):
        since = f", the oldest for {_length(queue.oldest)}" if queue.oldest is not None else ""
        yield f"{queue.name}: {queue.waiting + queue.running} wait or are worked on{since}"
        if queue.dead:
            yield paint(f"  {queue.dead} given up: agentctl calls retry --all, once the reason is put right", _RED)
        if queue.kept:
            yield f"  {queue.kept} not understood: agentctl calls events --state kept"
    if (strange := found["strangers"])["calls"]:
        yield f"calls: {strange['calls']} of the last 7 days are of agents that nobody has synced into this store"
        yield "  they are stored, and nobody is mailed; agents of yours: agentctl sync, with this store's settings"
    for sync in found["troubled_syncs"]:
        what = f"{sync['key']} ({sync['state']}): " if sync["key"] else ""
        yield paint(f"  {line(what + sync['error'])}", _RED)
    for reason in (*found["waiting_for"], *found["troubled_rows"]):
        yield paint(f"  waiting: {line(reason)}", _RED)
    if whose := found.get("tenants"):
        yield ""
        yield table(
            ("TENANT", "WAIT", "GIVEN UP"),
            [(line(one["tenant"]), str(one["waiting"]), str(one["dead"])) for one in whose],
        )
    rows = [
        (line(one["name"]), line(one["place"]), _ago(one["done_seconds"]), str(one["failures"]), line(_why(one)))
        for one in found["duties"]
    ]
    if rows:
        yield ""
        yield table(("DUTY", "FOR", "LAST DONE", "FAILURES", "REASON"), rows)
    else:
        yield "No worker has done its duties here yet: agentctl serve, or agentctl work"


def _why(duty: Mapping[str, Any]) -> str:
    return duty["error"] or "" if duty["offered"] else "no worker has it any more"


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{_length(seconds)} ago"


def _length(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
