"""agentctl calls forget, retain, audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.audited import audited
from agentctl.cli.session import Json, Yes, confirm, connected, say
from agentctl.cli.tenanted import OfTenant

if TYPE_CHECKING:
    from pathlib import Path

    from agentctl.calls.erasure import Remains
    from agentctl.calls.retention import Retained
    from agentctl.verbs.calls.forget import Forgotten, Found
    from agentctl.verbs.calls.made_tests import MadeTests
    from agentctl.wiring import Control

_SORTS = {
    "calls": "calls",
    "turns": "turns",
    "digests": "digests",
    "action_items": "action items",
    "recordings": "recordings",
    "events": "raw events",
    "queued_mails": "queued mails",
}
_RED = 31


def register(app: typer.Typer) -> None:
    """Add the commands to `agentctl calls`."""
    for command in (forget, retain, audit):
        app.command(cls=OfTenant)(command)


def forget(
    who: Annotated[str, typer.Argument(metavar="NUMBER|ID", help="A caller's number, or a conversation's id.")],
    keep_remote: Annotated[
        bool, typer.Option("--keep-remote", help="Leave the conversations at ElevenLabs alone.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Erase a caller, or one call, everywhere, and refuse what comes of it later."""

    async def run(control: Control) -> tuple[Found, Forgotten]:
        from agentctl.verbs.calls import forget as verbs

        found = await verbs.find(control, who, keep_remote=keep_remote)
        if not json:
            print("\n".join(_found(found, keep_remote=keep_remote)), flush=True)
        confirm("Erase this for good?", yes=yes)
        return found, await verbs.forget(control, found, keep_remote=keep_remote, tell=control.tell)

    from agentctl.cli import render

    found, done = connected(run)
    beyond = list(_beyond(found, done.unreached, keep_remote=keep_remote))
    is_known = found.traces.is_known or not done.is_nothing
    if json:
        print(render.to_json({"known": is_known, **_document(done, beyond)}))
    elif is_known:
        print("\n".join(_done(done)))
    else:
        print(_unknown(who, found, keep_remote=keep_remote))
    if not done.is_whole:
        raise typer.Exit(1)


def retain(json: Json = False) -> None:
    """Erase now what is older than its project keeps it; workers do so every hour."""
    from dataclasses import asdict

    from agentctl.cli import render

    async def run(control: Control) -> tuple[list[dict[str, Any]], Retained]:
        from agentctl.verbs.calls import retain as verbs

        return await verbs.limits(control), await verbs.retain(control, of=control.tenant)

    limits, done = audited("retain", run, lambda both: asdict(both[1]))
    if json:
        print(render.to_json({"limits": limits, "erased": asdict(done)}))
    else:
        print("\n".join(_retained(limits, done)))


def audit(
    since: Annotated[
        str | None, typer.Option("--since", metavar="AGO", help="Only since then: 90m, 12h, 7d, or an ISO time.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many, newest first.")] = 50,
    json: Json = False,
) -> None:
    """Show who read or erased what."""
    from agentctl.cli import render
    from agentctl.cli.render_call import line, table_of, when
    from agentctl.cli.since import moment
    from agentctl.verbs.calls import audit as verbs

    begin = moment(since) if since is not None else None
    rows = connected(lambda control: verbs.audit(control, since=begin, limit=limit))
    if json:
        print(render.to_json(rows))
    elif rows:
        cells = [(when(row["at"]), line(row["actor"]), line(row["action"]), _subject(row["subject"])) for row in rows]
        print(table_of([row["tenant"] for row in rows], ("WHEN", "WHO", "WHAT", "OF"), cells))
    else:
        say("Nobody has read or erased anything yet.")


def _retained(limits: Sequence[Mapping[str, Any]], done: Retained) -> Iterator[str]:
    from agentctl.calls.retention import NAMES
    from agentctl.cli.render_call import line

    for row in limits:
        days = [(name, row[kind]) for kind, name in NAMES.items() if kind != "audit"]
        kept = [f"{name} {f'{many} days' if many else 'for ever'}" for name, many in days]
        yield f"{line(row['project'])}/{line(row['environment'])} keeps {', '.join(kept)}."
    if not limits:
        yield "No project has declared how long it keeps anything: [retention] in agentctl.toml, then agentctl sync"
    yield (
        f"Erased: {done.calls} transcripts, {done.recordings} recordings, {done.events} raw events, "
        f"{done.audit} rows of the audit log."
    )
    if done.missing:
        yield f"{done.missing} of these recordings were gone: somebody had deleted them in Storage."
    if done.elsewhere:
        way = "a worker on their machine, or with their SUPABASE_URL, erases them"
        yield f"{done.elsewhere} recordings are due and not in reach: {way}."


def _found(found: Found, *, keep_remote: bool) -> Iterator[str]:
    from agentctl.cli.render_call import line

    traces, files = found.traces, found.tests.files
    here = [f"{traces.counts[sort]} {name}" for sort, name in _SORTS.items() if traces.counts.get(sort)]
    here += [f"{len(files)} tests made of them ({', '.join(map(_within, files))})"] if files else []
    yield line(f"Here: {', '.join(here)}." if here else "Here: nothing.")
    if traces.conversation_ids:
        where = "stay at ElevenLabs" if keep_remote else "to be deleted at ElevenLabs"
        yield f"{len(traces.conversation_ids)} conversations {where}; whatever comes of them later is refused."
    if traces.marked:
        yield f"{traces.marked} of them were forgotten before."
    yield "Not within reach:"
    yield from (f"  {one}" for one in _beyond(found, (), keep_remote=keep_remote))


def _beyond(found: Found, unreached: Sequence[Remains], *, keep_remote: bool) -> Iterator[str]:
    """What agentctl cannot erase, to be seen to by a person."""
    from agentctl.cli.render_call import line

    traces = found.traces
    if sent := traces.counts.get("sent_mails"):
        yield f"{sent} mails that were sent to {', '.join(map(line, traces.mailed))}"
    if keep_remote:
        yield "the conversations at ElevenLabs, which were to be kept"
    yield from map(line, _tests_beyond(found.tests, keep_remote=keep_remote))
    if traces.numbers:
        yield "calls at ElevenLabs that never arrived here: agentctl calls backfill beforehand finds them"
    if traces.nameless:
        yield (
            f"calls of this number among {traces.nameless} whose caller was erased for its age by an earlier version: "
            "agentctl calls forget ID, for each; backfill takes them for known"
        )
    yield "what Twilio keeps of the calls: its call log, and recordings made there"
    yield "backups of the store, and what was exported from it"
    for one in unreached:
        yield f"the recording {line(one.recording)}: {_whoever(one)} erases it"


def _whoever(unreached: Remains) -> str:
    if unreached.is_on_a_machine:
        return "the worker of the machine where it lies"
    return "whoever has the SUPABASE_URL of its project, which this machine has not,"


def _tests_beyond(tests: MadeTests, *, keep_remote: bool) -> Iterator[str]:
    for path in tests.files:
        yield f"{_within(path)} in Git's history, and in other checkouts until they take its deletion over"
    for digest in tests.elsewhere:
        yield f"a test made of a call, which is not in this checkout; where it is: git rm $(git grep -l {digest})"
    for test in (*tests.others, *(tests.ours if keep_remote else ())):
        if test.is_bound:
            yield (
                f"the agent test {test.key} at ElevenLabs, of {test.project}/{test.environment}; once its file is "
                f"gone: agentctl --env {test.environment} sync --prune"
            )
    if tests.synced:
        yield "what ElevenLabs keeps of runs of these tests"


def _within(path: Path) -> str:
    return "/".join(path.parts[-4:])


def _done(done: Forgotten) -> Iterator[str]:
    from agentctl.cli.addressed import addressed
    from agentctl.cli.render import paint
    from agentctl.cli.render_call import line
    from agentctl.errors import Elsewhere

    gone = [f"{count} {sort}" for sort, count in done.counts.items() if count]
    yield f"Erased here: {', '.join(gone)}." if gone else "Nothing was left to erase here."
    if done.remote:
        yield f"{done.remote} conversations are gone at ElevenLabs."
    for one in done.unreached:
        told = f"Not reached: the recording {line(one.recording)}; {_whoever(one)} erases it."
        yield told if one.is_on_a_machine else paint(told, _RED)
    for row in done.full:
        yield paint(f"{line(row.conversation_id)} is not emptied in {line(row.table)} yet: {line(row.reason)}", _RED)
    for conversation_id, error in done.failed:
        still = "may still be" if isinstance(error, Elsewhere) else "is still"
        yield paint(f"{line(conversation_id)} {still} at ElevenLabs: {line(error.message)}", _RED)
    if done.tests_left:
        yield paint(f"Tests that were made of them are left: {line(done.tests_left.message)}", _RED)
    if not done.is_whole:
        yield addressed("The same command goes on with what is left.")


def _unknown(who: str, found: Found, *, keep_remote: bool) -> str:
    from agentctl.cli.render_call import line

    # By an id it was asked for there; by a number nobody can.
    where = "here or at ElevenLabs" if found.traces.conversation_ids and not keep_remote else "here"
    refused = " What comes of it later is refused." if found.traces.conversation_ids or found.traces.numbers else ""
    return f"Nothing is known of {line(who)} {where}.{refused}"


def _document(done: Forgotten, beyond: list[str]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "erased": done.counts,
        "remote": done.remote,
        "failed": [{"conversation_id": one, "error": error.message} for one, error in done.failed],
        "tests_left": done.tests_left.message if done.tests_left else None,
        "rows_left": [asdict(row) for row in done.full],
        "beyond_reach": beyond,
    }


def _subject(subject: dict[str, Any]) -> str:
    from agentctl.cli.render_call import line

    flat = {**{name: value for name, value in subject.items() if name != "asked"}, **subject.get("asked", {})}
    return line(", ".join(name if value is True else f"{name} {value}" for name, value in flat.items()))
