"""agentctl plan, agentctl sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli.session import Json, Yes, confirm, connected, say

if TYPE_CHECKING:
    from agentctl.errors import AgentctlError
    from agentctl.sync.apply import Applied
    from agentctl.sync.plan import Change, Plan
    from agentctl.wiring import Control

Only = Annotated[list[str] | None, typer.Option("--only", metavar="KEY", help="Glob of assistants; may repeat.")]


def plan(
    only: Only = None,
    json: Json = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 when there are changes.")] = False,
) -> None:
    """Show what a sync would change. Writes nothing."""
    from agentctl.cli import render
    from agentctl.verbs import sync as verbs

    found = connected(lambda control: verbs.plan(control, only or ()))
    print(render.to_json(render.plan_json(found)) if json else render.plan_text(found))
    if found.failures:
        raise typer.Exit(1)
    if exit_code and found.changes:
        raise typer.Exit(3)


def sync(only: Only = None, yes: Yes = False, json: Json = False) -> None:
    """Make ElevenLabs match the project: show the plan, ask, apply, verify."""

    async def run(control: Control) -> bool:
        from agentctl.cli import render
        from agentctl.verbs import sync as verbs

        found = await verbs.plan(control, only or ())
        if not json:
            print(render.plan_text(found), flush=True)
        if found.changes:
            confirm("Apply this?", yes=yes)
        applied = await verbs.apply(control, found, on_change=Progress(found))
        print(render.to_json(render.plan_json(found, applied.failures)) if json else outcome(applied))
        return applied.ok

    if not connected(run):
        raise typer.Exit(1)


class Progress:
    """Says each change as it ends, on stderr, with how many are left."""

    def __init__(self, plan: Plan) -> None:
        self._all = len(plan.changes)
        self._ended = 0

    def __call__(self, change: Change, error: AgentctlError | None) -> None:
        """One change has ended."""
        self._ended += 1
        state = "failed" if error else {"create": "created", "update": "updated", "delete": "deleted"}[change.action]
        say(f"  [{self._ended}/{self._all}] {change.desired.kind} {change.desired.key}: {state}")


def outcome(applied: Applied) -> str:
    """The last lines of a sync: every failure, then the count."""
    from agentctl.cli import render

    own = applied.failures[len(applied.plan.failures) :]
    lines = [render.failure_text(failure) for failure in own]
    if applied.done or applied.failures:
        lines.append(f"{len(applied.done)} done, {len(applied.failures)} failed.")
    return "\n".join(lines) or ("Everything else is in sync." if applied.plan.waiting else "Everything is in sync.")
