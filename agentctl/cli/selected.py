"""The options by which commands ask for some of the calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from agentctl.calls.selection import Selection

Assistant = Annotated[str | None, typer.Option("--assistant", metavar="KEY", help="Only this assistant's.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Only those since then: 7d, 24h, 2026-11-01, …T09:30.")
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Only those until then; a day is meant as a whole.")
]
Number = Annotated[
    str | None, typer.Option("--number", help="Only those with this number, however it is written, or its last digits.")
]
Outcome = Annotated[str | None, typer.Option("--outcome", help="Only those whose digest says that they ended so.")]
Status = Annotated[
    str | None, typer.Option("--status", help="Only those of this status at the platform: done, failed.")
]
Search = Annotated[
    str | None,
    typer.Option(
        "--search", metavar="TEXT", help='Only those in which this was said: words, "a phrase", -without, or.'
    ),
]


def selection(
    *,
    assistant: str | None = None,
    since: str | None = None,
    until: str | None = None,
    number: str | None = None,
    outcome: str | None = None,
    status: str | None = None,
    items: Literal["open"] | None = None,
    search: str | None = None,
) -> Selection:
    """What the options ask for. Raises UsageError for a time that is none, or a search without words."""
    from agentctl.calls.selection import Selection
    from agentctl.cli.since import end, moment
    from agentctl.errors import UsageError

    if search is not None and not search.strip():
        raise UsageError("--search: there is nothing to look for", 'Give it words: --search "Rückruf Angebot".')
    return Selection(
        assistant=assistant,
        since=moment(since) if since is not None else None,
        until=end(until) if until is not None else None,
        number=number,
        outcome=outcome,
        status=status,
        items=items,
        search=search,
    )
