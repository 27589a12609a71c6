"""agentctl history, agentctl rollback, agentctl unhold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.session import Json, Yes, confirm, connected, end, say
from agentctl.cli.sync import DeleteConversations, Gate, besides

if TYPE_CHECKING:
    from agentctl.sync.apply import Applied
    from agentctl.verbs.rollback import Rollback
    from agentctl.wiring import Control

Key = Annotated[str, typer.Argument(metavar="KEY", help="The assistant.")]


def history(
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="The assistant; all without one.")] = None,
    json: Json = False,
) -> None:
    """List the revisions: each assistant as it was applied, newest first."""
    from agentctl.cli import render
    from agentctl.verbs.revisions import history as verbs

    found = connected(lambda control: verbs.history(control, key))
    print(render.to_json(render.history_json(found)) if json else render.history_text(found))


def rollback(
    key: Key,
    to: Annotated[int | None, typer.Option("--to", metavar="N", help="Default: the one before what is there.")] = None,
    yes: Yes = False,
    take_ours: Annotated[bool, typer.Option("--take-ours", help="Overwrite what was changed at the platform.")] = False,
    gate: Gate = None,
    delete_conversations: DeleteConversations = False,
    json: Json = False,
) -> None:
    """Make an assistant what it was, and hold it there: sync leaves it alone until its files change.

    The plan is shown first. With --yes, what was changed at the platform is left as it is and named (exit code 3).
    """

    async def run(control: Control) -> Applied:
        from agentctl.cli import render
        from agentctl.cli.sync import Progress, may_destroy
        from agentctl.cli.testing import Looking
        from agentctl.verbs import rollback as verbs
        from agentctl.verbs.sync import exclusive, must_be_allowed

        async with exclusive(control):
            decision = await verbs.look(control, key, to, gated=gate)
            if not json:
                print(render.plan_text(decision.plan), flush=True)
            must_be_allowed(control, decision.plan, force=True)
            confirm(_question(decision), yes=yes)
            told: dict[str, Any] = {"on_change": Progress(decision.plan), "on_tests": Looking()}
            destroy = may_destroy(decision.plan, given=delete_conversations, ask=not yes)
            applied = await verbs.rollback(control, decision, take_ours=take_ours or not yes, destroy=destroy, **told)
        held = verbs.holds_after(applied)
        if json:
            face = {"assistant": key, "revision": decision.revision, "on_hold": held}
            print(render.to_json({**face, **render.applied_json(applied)}))
        else:
            print(_outcome(decision, applied, held=held))
        return applied

    end(connected(run))


def unhold(key: Key, json: Json = False) -> None:
    """End the hold of a rollback: the next sync applies the assistant's files again."""
    from agentctl.cli import render
    from agentctl.verbs import rollback as verbs

    was_held = connected(lambda control: verbs.release(control, key))
    if json:
        print(render.to_json({"assistant": key, "was_held": was_held}))
    elif was_held:
        say(f"{key} is no longer held: the next sync applies its files.")
    else:
        say(f"{key} was not held.")


def _question(decision: Rollback) -> str:
    return f"Roll {decision.key} back to revision {decision.revision}{besides(decision.plan)}, and hold it there?"


def _outcome(decision: Rollback, applied: Applied, *, held: bool) -> str:
    from agentctl.cli import render
    from agentctl.cli.addressed import addressed

    key = decision.key
    lines = [render.held_text(change) for change in applied.held]
    lines += [render.failure_text(failure) for failure in applied.failures[len(applied.plan.failures) :]]
    again = f"agentctl rollback {key} --to {decision.revision}{' --gate' if decision.plan.gated else ''}"
    if any(change.overwrites or not change.destroys for change in applied.held):
        lines.append(f"To overwrite it too: {again} --take-ours")
    if any(change.destroys for change in applied.held):
        lines.append(f"To delete stored conversations: {again} --delete-conversations")
    if applied.done or applied.failures or applied.held:
        lines.append(f"{len(applied.done)} done, {len(applied.failures)} failed, {len(applied.held)} held back.")
    if held:
        lines.append(
            f"{key} is held at revision {decision.revision}: sync leaves it alone until its files change, "
            f"or: agentctl unhold {key}"
        )
    else:
        written = "Nothing that callers hear was written" if applied.done else "Nothing was written"
        lines.append(f"{written}; nothing is held that was not before.")
    return addressed("\n".join(lines))
