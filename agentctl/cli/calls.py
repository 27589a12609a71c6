"""agentctl calls: show, process, events and mails; the others have files of their own."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli import actions, erasing, learning, queue
from agentctl.cli.audited import audited, listed
from agentctl.cli.digest import digest
from agentctl.cli.export import export
from agentctl.cli.found import list_calls
from agentctl.cli.recording import recording
from agentctl.cli.session import Json, connected, say
from agentctl.cli.stats import stats
from agentctl.cli.tenanted import OfTenant

if TYPE_CHECKING:
    from agentctl.verbs.work import Drained
    from agentctl.wiring import Control

app = typer.Typer(name="calls", help="What happened on the phone.", no_args_is_help=True)
app.command("list", cls=OfTenant)(list_calls)
queue.register(app)
erasing.register(app)
learning.register(app)
app.command(cls=OfTenant)(digest)
app.command(cls=OfTenant)(export)
app.command(cls=OfTenant)(recording)
app.command(cls=OfTenant)(stats)
app.add_typer(actions.app)

NoMail = Annotated[bool, typer.Option("--no-mail", help="Send no mail; what is queued waits.")]


class State(StrEnum):
    """What can have become of an accepted event."""

    pending = "pending"
    running = "running"
    done = "done"
    kept = "kept"
    dead = "dead"


class MailState(StrEnum):
    """What can have become of a mail that was not sent."""

    pending = "pending"
    running = "running"
    dead = "dead"


@app.command(cls=OfTenant)
def show(
    conversation: Annotated[str, typer.Argument(metavar="ID", help="The conversation's id.")], json: Json = False
) -> None:
    """Show one call: summary, action items, conversation, mails."""
    from agentctl.cli import render, render_call
    from agentctl.verbs.calls import call as verbs
    from agentctl.verbs.calls.recording import looked_for

    async def look(control: Control) -> dict[str, Any]:
        return await looked_for(control, await verbs.call(control, conversation))

    found = audited("show", look, lambda call: {"call": call["conversation_id"]})
    print(render.to_json(found) if json else render_call.call_text(found))


@app.command(cls=OfTenant)
def process(
    which: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A conversation or an event to process again.")
    ] = None,
    no_mail: NoMail = False,
    json: Json = False,
) -> None:
    """Work off what is due now; with an ID, that conversation's events again."""

    async def run(control: Control) -> Drained:
        from agentctl.verbs import work as verbs

        if which is None:
            return await verbs.drain(control, mails=not no_mail)
        return await verbs.process_again(control, which, mails=not no_mail)

    drained = connected(run)
    report(drained, json=json)
    if drained.failed or drained.dead:
        raise typer.Exit(1)


@app.command(cls=OfTenant)
def events(
    state: Annotated[
        list[State] | None, typer.Option("--state", help="Only these; may repeat. Default: all but done.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many, newest first.")] = 50,
    json: Json = False,
) -> None:
    """List accepted events: those that wait, those that were not understood (kept), those given up (dead)."""
    from agentctl.cli import render, render_call
    from agentctl.verbs.calls import events as verbs

    states = [one.value for one in state] if state else verbs.OPEN_STATES
    found = listed(
        "events", lambda control: verbs.events(control, states, limit=limit), "events", state=" ".join(states)
    )
    if json:
        print(render.to_json(found))
    elif found:
        print(render_call.events_text(found))
    else:
        say(f"No events that are {', '.join(states[:-1])} or {states[-1]}." if states[1:] else f"None are {states[0]}.")


@app.command(cls=OfTenant)
def mails(
    state: Annotated[list[MailState] | None, typer.Option("--state", help="Only these; may repeat.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many, newest first.")] = 50,
    json: Json = False,
) -> None:
    """List mails that are not sent: those that wait, those given up (dead), with whom they are for and why."""
    from agentctl.cli import render, render_call
    from agentctl.verbs.calls import mails as verbs

    states = [one.value for one in state] if state else verbs.OPEN_STATES
    asked = " ".join(states)
    found = listed("mails", lambda control: verbs.mails(control, states, limit=limit), "mails", state=asked)
    if json:
        print(render.to_json(found))
    elif found:
        print(render_call.mails_text(found))
    else:
        say(f"No mails are {' or '.join(states)}.")


def report(drained: Drained, *, json: bool) -> None:
    """What one pass over the queues came to; also for `agentctl work --once`."""
    from dataclasses import asdict

    from agentctl.cli import render, render_call

    print(render.to_json(asdict(drained)) if json else render_call.drained_text(drained))
