"""agentctl calls stats."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agentctl.cli.selected import Assistant, Since, Until
from agentctl.cli.session import Json, connected, say

DEFAULT = "30d"


def stats(
    assistant: Assistant = None,
    since: Since = DEFAULT,
    until: Until = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts, in one file.")
    ] = None,
    json: Json = False,
) -> None:
    """Count calls: how many, how long, what they cost, how they ended, how quickly they were answered."""
    from agentctl.cli import render, render_stats
    from agentctl.cli.selected import selection
    from agentctl.verbs.calls import found as verbs

    wanted = selection(assistant=assistant, since=since, until=until)
    counted = connected(lambda control: verbs.count(control, wanted))
    assert wanted.since
    span = (wanted.since, wanted.until or datetime.now(UTC))
    if json:
        times = {"since": span[0].isoformat(), "until": span[1].isoformat()}
        print(render.to_json({**times, **counted}))
    else:
        print(render_stats.table_text(counted))
    if html is not None:
        from agentctl.cli.stats_page import page
        from agentctl.cli.written import written

        with written(html) as out:
            out.write(page(counted, span))
        say(f"The page is in {html}")
