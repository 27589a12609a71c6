"""agentctl test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.session import Json, connected, say

if TYPE_CHECKING:
    from agentctl.verbs.testing import Outcome

_NONE = "No tests are declared: assistants/<key>/tests/<name>.toml"
_COLOURS = {"passed": 32, "failed": 31, "not run": 33}

Keys = Annotated[list[str] | None, typer.Argument(metavar="[KEY]...", help="Globs of assistants; default: all.")]
Timeout = Annotated[float, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long to wait for results.")]


def run(keys: Keys = None, timeout: Timeout = 300, json: Json = False) -> None:
    """Run the tests of assistants against their agents as callers hear them now.

    The tests themselves are synced first; agents are left as they are. Exits with 1 unless every test passed.
    """
    from agentctl.cli import render
    from agentctl.resources.test_run import Pace
    from agentctl.verbs import testing

    pace = Pace(deadline=timeout, set_by="--timeout")
    found = connected(lambda control: testing.run(control, keys or (), pace=pace, on_tests=Looking()))
    print(render.to_json(results_json(found)) if json else results_text(found))
    if json and not found:
        say(_NONE)
    if any(one.result.status != "passed" for one in found):
        raise typer.Exit(1)


class Looking:
    """Says on stderr how many results of an assistant are there, whenever that has changed."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def __call__(self, assistant: str, ended: int, count: int) -> None:
        """So many of its tests have ended."""
        if self._said.get(assistant) != ended:
            self._said[assistant] = ended
            say(f"  {assistant}: {ended} of {count} tests have ended")


def results_json(found: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The stable face of `test --json`."""
    from agentctl.cli.addressed import addressed

    return [
        {
            "assistant": one.assistant,
            "test": one.result.test,
            "status": one.result.status,
            "reason": addressed(one.result.reason),
        }
        for one in found
    ]


def results_text(found: Sequence[Outcome]) -> str:
    """One line per test, the reason under each that did not pass, and the count."""
    from agentctl.cli.render import paint, told

    lines = []
    for one in found:
        result = one.result
        lines.append(f"{paint(result.status, _COLOURS[result.status])}  {one.assistant}/{result.test}")
        if result.status != "passed":
            lines.append(f"    {told(result.reason)}")
    passed = sum(one.result.status == "passed" for one in found)
    count = f"{passed} of {len(found)} tests passed."
    return "\n".join([*lines, count if found else _NONE])
