"""agentctl calls list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.audited import listed
from agentctl.cli.selected import Assistant, Number, Outcome, Search, Since, Status, Until
from agentctl.cli.session import Json, say

if TYPE_CHECKING:
    from agentctl.calls.selection import Selection
    from agentctl.wiring import Control

_NAMED = 5  # tenants; there may be thousands
Before = Annotated[
    str | None, typer.Option("--before", metavar="ID", help="Go on with the calls before this one, as a list ended.")
]


def list_calls(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many, newest first.")] = 20,
    assistant: Assistant = None,
    since: Since = None,
    until: Until = None,
    number: Number = None,
    outcome: Outcome = None,
    status: Status = None,
    with_open: Annotated[bool, typer.Option("--open", help="Only those with something still to do.")] = False,
    search: Search = None,
    before: Before = None,
    json: Json = False,
) -> None:
    """List the newest calls, or those that are asked for."""
    from agentctl.calls.selection import Selection
    from agentctl.cli import render, render_found
    from agentctl.cli.selected import selection

    wanted = selection(
        assistant=assistant,
        since=since,
        until=until,
        number=number,
        outcome=outcome,
        status=status,
        items="open" if with_open else None,
        search=search,
    )
    how, others = {"limit": limit, "before": before}, list[str]()
    found = listed("list", lambda control: _found(control, wanted, how, others), "calls", **how, **wanted.record())
    if json:
        print(render.to_json(found))
    elif found:
        print(render_found.list_text(found))
        if len(found) == limit:
            say(f"There may be older ones: add --before {found[-1]['conversation_id']}")
    else:
        say("No calls yet." if wanted == Selection() and before is None else "No calls like that.")
    if others:
        say(f"There are calls of other tenants: --tenant {', or '.join(others)}")


async def _found(
    control: Control, wanted: Selection, how: Mapping[str, Any], others: list[str]
) -> list[dict[str, Any]]:
    """The calls; where the tenant has none at all, `others` takes the tenants that have some."""
    from agentctl.verbs.calls import found as verbs

    rows = await verbs.find(control, wanted, **how)
    found = () if rows else await verbs.other_tenants(control)
    others.extend([*found[:_NAMED], *(["…"] if found[_NAMED:] else [])])
    return rows
