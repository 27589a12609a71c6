"""agentctl promote."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from agentctl.cli.command_line import ENVIRONMENT
from agentctl.cli.session import Json, Yes, confirm, end, opened, say
from agentctl.cli.sync import DeleteConversations, Gate
from agentctl.errors import UsageError

if TYPE_CHECKING:
    from agentctl.sync.apply import Applied
    from agentctl.wiring import Control


def promote(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The environment that has recorded it.")],
    to: Annotated[str, typer.Argument(metavar="TO", help="The environment that gets it.")],
    keys: Annotated[list[str] | None, typer.Argument(metavar="[KEY...]", help="Globs of assistants.")] = None,
    yes: Yes = False,
    take_ours: Annotated[bool, typer.Option("--take-ours", help="Overwrite what was changed at the platform.")] = False,
    gate: Gate = None,
    force: Annotated[bool, typer.Option("--force", help="Even if that is more than a third of everything.")] = False,
    delete_conversations: DeleteConversations = False,
    json: Json = False,
) -> None:
    """Apply in one environment what another has recorded: show the plan, ask, apply, verify.

    Refuses where the files say something else by now, since the next sync would take it back.
    """
    if ENVIRONMENT.get() is not None:
        raise UsageError("promote names both environments itself", "Leave --env out: agentctl promote FROM TO")
    ENVIRONMENT.set(to)
    run = _Promote(tuple(keys or ()), yes, take_ours or not yes, gate, force, delete_conversations, json)

    async def session() -> tuple[Applied, bool]:
        async with opened(source) as one, opened(to) as other:
            return await run.run(one, other)

    applied, is_left = asyncio.run(session())
    end(applied)
    if is_left:
        raise typer.Exit(3)


@dataclass(frozen=True)
class _Promote:
    """One promotion, as the command line asked for it."""

    keys: tuple[str, ...]
    yes: bool
    take_ours: bool
    gate: bool | None
    force: bool
    delete_conversations: bool
    json: bool

    async def run(self, source: Control, to: Control) -> tuple[Applied, bool]:
        """Look, ask, apply, tell; what came of it, and whether some of what was asked for was left out."""
        from agentctl.cli import render
        from agentctl.cli.addressed import addressed
        from agentctl.cli.sync import Progress, asks, may_destroy, outcome, question
        from agentctl.cli.testing import Looking
        from agentctl.verbs import promote as verbs
        from agentctl.verbs.exclusive import exclusive
        from agentctl.verbs.sync import must_be_allowed

        async with exclusive(to):
            found = await verbs.look(source, to, self.keys, gated=self.gate, force=self.force)
            for problem in found.left:
                say(f"left: {problem}")
            if not self.json:
                print(render.plan_text(found.plan), flush=True)
            must_be_allowed(to, found.plan, take_ours=self.take_ours, force=self.force)
            if asks(found.plan):
                confirm(f"{found.source} to {found.to}: {question(found.plan)}", yes=self.yes)
            destroy = may_destroy(found.plan, given=self.delete_conversations, ask=not self.yes)
            applied = await verbs.promote(
                to,
                found,
                take_ours=self.take_ours,
                force=self.force,
                destroy=destroy,
                on_change=Progress(found.plan),
                on_tests=Looking(),
            )
        if self.json:
            face = {"from": found.source, "to": found.to, "revisions": found.revisions}
            left = [{"assistant": problem.where, "why": addressed(problem.what)} for problem in found.left]
            print(render.to_json({**face, "not_promoted": left, **render.applied_json(applied)}))
        else:
            print(outcome(applied))
            if names := ", ".join(problem.where for problem in found.left):
                print(f"Not promoted: {names}; see above.")
        return applied, bool(found.left)
