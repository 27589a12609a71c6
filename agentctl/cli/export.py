"""agentctl calls export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli.selected import Assistant, Number, Outcome, Search, Since, Status, Until
from agentctl.cli.session import connected, say

if TYPE_CHECKING:
    from agentctl.calls.selection import Selection
    from agentctl.wiring import Control


class Format(StrEnum):
    """What an export can be."""

    csv = "csv"
    jsonl = "jsonl"
    md = "md"


def export(
    form: Annotated[Format, typer.Option("--format", help="A table, one JSON object per line, or text to read.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there, readable by you alone.")
    ] = None,
    assistant: Assistant = None,
    since: Since = None,
    until: Until = None,
    number: Number = None,
    outcome: Outcome = None,
    status: Status = None,
    with_open: Annotated[bool, typer.Option("--open", help="Only those with something still to do.")] = False,
    search: Search = None,
) -> None:
    """Write out whole calls, all or those that are asked for, newest first."""
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
    many = connected(lambda control: _export(control, wanted, form, output))
    if output is not None:
        say(f"{many} calls in {output}")


async def _export(control: Control, wanted: Selection, form: Format, output: Path | None) -> int:
    """How many calls there were."""
    from agentctl.cli.render_export import FORMS
    from agentctl.cli.written import written
    from agentctl.verbs.calls import audit
    from agentctl.verbs.calls import found as verbs

    await audit.note(control, "export", asked=audit.asked(format=form, **wanted.record()))
    shape, many = FORMS[form.value], 0
    with written(output, mark=form is Format.csv) as out:
        out.write(shape.head())
        async for call in verbs.export(control, wanted):
            out.write(shape.body(call))
            many += 1
    await audit.note(control, "exported", calls=many)
    return many
