"""agentctl calls actions list, done, reopen."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agentctl.cli.audited import audited, listed
from agentctl.cli.found import Before
from agentctl.cli.selected import Assistant, Number, Outcome, Search, Since, Until
from agentctl.cli.session import Json, say
from agentctl.cli.tenanted import OfTenant

app = typer.Typer(name="actions", help="What is left to do after calls.", no_args_is_help=True)

Item = Annotated[str, typer.Argument(metavar="ID", help="The action item, as `agentctl calls actions list` names it.")]


@app.command("list", cls=OfTenant)
def list_items(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Of how many calls, newest first.")] = 50,
    also_done: Annotated[bool, typer.Option("--all", help="Those that are done, too.")] = False,
    assistant: Assistant = None,
    since: Since = None,
    until: Until = None,
    number: Number = None,
    outcome: Outcome = None,
    search: Search = None,
    before: Before = None,
    json: Json = False,
) -> None:
    """List what is still to be done, over all calls."""
    from agentctl.cli import render, render_found
    from agentctl.cli.selected import selection
    from agentctl.verbs.calls import action_items as verbs

    wanted = selection(assistant=assistant, since=since, until=until, number=number, outcome=outcome, search=search)
    how: dict[str, Any] = {"which": "any" if also_done else "open", "limit": limit, "before": before}
    found = listed(
        "actions list",
        lambda control: verbs.action_items(control, wanted, **how),
        "action_items",
        **how,
        **wanted.record(),
    )
    if json:
        print(render.to_json(found))
    elif found:
        print(render_found.items_text(found))
        if len({item["conversation_id"] for item in found}) == limit:
            say(f"There may be older ones: add --before {found[-1]['conversation_id']}")
    else:
        say("Nothing is left to do." if not also_done else "No action items.")


@app.command(cls=OfTenant)
def done(item: Item, json: Json = False) -> None:
    """Tick an action item off."""
    _mark(item, done=True, json=json)


@app.command(cls=OfTenant)
def reopen(item: Item, json: Json = False) -> None:
    """Open an action item again."""
    _mark(item, done=False, json=json)


def _mark(item: str, *, done: bool, json: bool) -> None:
    from agentctl.cli import render
    from agentctl.verbs.calls import action_items as verbs

    action = "actions done" if done else "actions reopen"
    marked = audited(action, lambda control: verbs.mark(control, item, done=done), lambda _: {"item": item})
    if json:
        print(render.to_json(marked))
    else:
        state = "done" if done else "open"
        say(f"{'Now' if marked['changed'] else 'Was already'} {state}: {marked['what']}")
