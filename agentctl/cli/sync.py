"""agentctl plan, agentctl sync, agentctl status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli import unattended
from agentctl.cli.session import Json, Yes, agrees, confirm, connected, end, say

if TYPE_CHECKING:
    from agentctl.errors import AgentctlError
    from agentctl.sync.apply import Applied
    from agentctl.sync.plan import Change, Plan
    from agentctl.wiring import Control

Only = Annotated[list[str] | None, typer.Option("--only", metavar="KEY", help="Glob of assistants; may repeat.")]
Prune = Annotated[bool, typer.Option("--prune", help="Delete what is ours and no longer declared.")]
DeleteConversations = Annotated[
    bool, typer.Option("--delete-conversations", help="Even what deletes stored conversations.")
]
Gate = Annotated[
    bool | None,
    typer.Option(
        "--gate/--no-gate", help="Test each assistant as planned before it goes live; default: agentctl.toml."
    ),
]
Stateless = Annotated[
    bool, typer.Option("--stateless", help="The files count, though nothing is remembered of the last sync.")
]
Trust = Annotated[
    bool, typer.Option("--trust-store", help="Nothing changed here: only list the agents; drift inside is not seen.")
]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 3 when something is not in sync.")]


def plan(
    only: Only = None,
    prune: Prune = False,
    gate: Gate = None,
    trust_store: Trust = False,
    json: Json = False,
    exit_code: ExitCode = False,
) -> None:
    """Show what a sync would change. Writes nothing."""
    from agentctl.cli import render
    from agentctl.verbs import trusted, workspaces
    from agentctl.verbs.places import Everywhere

    async def planned(control: Control) -> Everywhere[workspaces.Outcome[Plan]]:
        async def here(there: Control, mine: Sequence[str]) -> Plan:
            return await trusted.plan(there, mine, trust=trust_store, prune=prune, gated=gate)

        return await workspaces.everywhere(control, only or (), here, workspaces.planned)

    told = connected(planned)
    every = told.results or told.checked()
    found = workspaces.together(one.result for one in every)
    if json:
        print(render.to_json(render.plan_json(found)))
    for one in () if json else every or [workspaces.Outcome("", found)]:
        entitle(one.workspace, alone=len(every) + len(told.errors) < 2)
        print(render.plan_text(one.result))
    told.checked()
    if found.failures:
        raise typer.Exit(1)
    if exit_code and (found.changes or found.waiting):
        raise typer.Exit(3)


def sync(
    only: Only = None,
    yes: Yes = False,
    take_ours: Annotated[bool, typer.Option("--take-ours", help="Overwrite what was changed at the platform.")] = False,
    prune: Prune = False,
    gate: Gate = None,
    force: Annotated[bool, typer.Option("--force", help="Even if that is more than a third of everything.")] = False,
    stateless: Stateless = False,
    delete_conversations: DeleteConversations = False,
    trust_store: Trust = False,
    json: Json = False,
    quiet: unattended.Quiet = False,
    timeout: unattended.Timeout = None,
    wait: unattended.Wait = 0.0,
    jitter: unattended.Jitter = 0.0,
    report: unattended.ReportFile = None,
    mail: unattended.Mail = False,
    mail_to: unattended.MailTo = None,
) -> None:
    """Make ElevenLabs match the project: show the plan, ask, apply, verify.

    With --yes, what was changed at the platform is left as it is and named, and the exit code is 3; so is what would
    delete stored conversations.
    """
    unattended.need_yes(quiet=quiet, yes=yes, json=json)
    watch = unattended.Unattended(
        timeout=timeout, jitter=jitter, report=report, mail=mail, mail_to=mail_to or (), only=only or ()
    )
    more = (delete_conversations, trust_store, json, quiet, wait, watch)
    end(watch(Asked(only or (), yes, take_ours, prune, gate, force, stateless, *more).run))


@dataclass(frozen=True)
class Asked:
    """What one sync is to do, as the command line says it."""

    only: Sequence[str] = ()
    yes: bool = False
    take_ours: bool = False
    prune: bool = False
    gate: bool | None = None
    force: bool = False
    stateless: bool = False
    delete_conversations: bool = False
    trust_store: bool = False
    json: bool = False
    quiet: bool = False
    wait: float = 0.0
    watch: unattended.Unattended = field(default_factory=unattended.Unattended)

    async def run(self, control: Control) -> Applied:
        """Plan, show, ask, apply in each workspace; tell."""
        from agentctl.verbs import workspaces
        from agentctl.verbs.exclusive import exclusive

        if self.quiet:
            control.tell = lambda text: None
        how: dict[str, Any] = {"begin": partial(entitle, alone=self.json or self.quiet)}
        how["hold"] = partial(exclusive, wait=self.wait)
        done = await workspaces.everywhere(control, self.only, self._here, self._failed, **how)
        applied = workspaces.summed(done.results or done.checked())
        self._tell(applied, control)
        self.watch.watched.partly(applied)
        done.checked()
        return applied

    async def _failed(self, control: Control, plan: Plan) -> Applied:
        from agentctl.cli import render
        from agentctl.verbs import workspaces

        self.watch.watched.planned(plan)
        if not (self.json or self.quiet):
            print(render.plan_text(plan), flush=True)
        return await workspaces.applied(control, plan)

    async def _here(self, control: Control, only: Sequence[str]) -> Applied:
        from agentctl.cli import render
        from agentctl.cli.testing import Looking
        from agentctl.verbs import trusted
        from agentctl.verbs.sync import must_be_allowed
        from agentctl.verbs.unattended import holding

        how: dict[str, Any] = {"prune": self.prune, "gated": self.gate, "force": self.force}
        found = await trusted.plan(control, only, trust=self.trust_store, **how)
        self.watch.watched.planned(found)
        if not (self.json or self.quiet):
            print(render.plan_text(found), flush=True)
        ours = self.take_ours or not self.yes
        must_be_allowed(control, found, take_ours=ours, force=self.force, stateless=self.stateless)
        for note in await holding.notes(control, found, only) if self.quiet else ():
            say(f"note: {note}")  # before anything goes live
        if asks(found):
            confirm(question(found), yes=self.yes)
        more = {
            "force": self.force,
            "stateless": self.stateless,
            "destroy": may_destroy(found, given=self.delete_conversations, ask=not self.yes),
            "on_change": self.watch.watched.hearing(None if self.quiet else Progress(found)),
            "on_tests": None if self.quiet else Looking(),
        }
        return await trusted.apply(control, found, take_ours=ours, **more)

    def _tell(self, applied: Applied, control: Control) -> None:
        from agentctl.cli import render
        from agentctl.verbs.stateless import unseen

        if self.quiet:
            for notice in unseen(applied):
                say(f"note: {render.told(notice)}")
            unattended.quietly(applied, control.scope)
        else:
            print(render.to_json(render.applied_json(applied)) if self.json else outcome(applied))


def status(only: Only = None, trust_store: Trust = False, json: Json = False, exit_code: ExitCode = False) -> None:
    """One line per assistant: in sync, changed here, drifted, conflict, missing."""
    from agentctl.cli import render
    from agentctl.verbs import status as verbs

    every = connected(lambda control: verbs.everywhere(control, only or (), trust_store=trust_store))
    found = every.results or every.checked()
    print(render.to_json(render.status_json(found)) if json else render.status_text(found))
    every.checked()
    if any(one.state == "error" for one in found):
        raise typer.Exit(1)
    if exit_code and any(one.state != "in sync" for one in found):
        raise typer.Exit(3)


def entitle(workspace: str, *, alone: bool) -> None:
    """Say whose workspace the next plan is for, where there are several."""
    if not alone:
        print(f"# tenant {workspace}" if workspace else "# the project's workspace", flush=True)


def may_destroy(found: Plan, *, given: bool, ask: bool) -> bool:
    """The yes that whatever destroys something for good needs apart from any other; asked for only where it counts."""
    lost = [f"{one.desired.kind} {one.desired.key}: {what}" for one in found.destructive for what in one.destroys]
    if not lost:
        return given
    return agrees(f"This deletes for good: {'; '.join(lost)}. Delete that?", given=given, ask=ask)


def asks(found: Plan) -> bool:
    """Whether a yes does anything."""
    return not all(one.barred for one in found.changes)


def question(found: Plan) -> str:
    """What to ask before a plan is applied."""
    return f"Apply this{besides(found)}?"


def besides(found: Plan) -> str:
    """What a yes to the plan means beside it, as the end of a clause; empty where that is nothing."""
    what = [f"overwriting what was changed at the platform in {len(found.foreign)} of them"] if found.foreign else []
    what += [f"with {len(found.doubtful)} that are probably not meant"] if found.doubtful else []
    return f"{', ' if what else ''}{' and '.join(what)}"


class Progress:
    """Says each change as it ends, on stderr, with how many are left."""

    def __init__(self, plan: Plan) -> None:
        self._all = len(plan.changes)
        self._ended = 0

    def __call__(self, change: Change, error: AgentctlError | None) -> None:
        """One change has ended."""
        self._ended += 1
        from agentctl.errors import InUse

        failed = "left, since it is in use" if isinstance(error, InUse) else "failed"
        state = failed if error else {"create": "created", "update": "updated", "delete": "deleted"}[change.action]
        say(f"  [{self._ended}/{self._all}] {change.desired.kind} {change.desired.key}: {state}")


def outcome(applied: Applied) -> str:
    """The last lines of a sync: what was held back, every failure, then the count."""
    from agentctl.cli import render
    from agentctl.cli.addressed import addressed
    from agentctl.verbs.remedy import together

    own = applied.failures[len(applied.plan.failures) :]
    lines = [render.held_text(change) for change in applied.held]
    lines += [render.failure_text(failure) for failure in own]
    lines += [render.left_text(failure) for failure in applied.left]
    lines += [line for part in applied.parts or (applied,) for line in together(part.held, part.plan)]
    if applied.done or applied.failures or applied.held:
        held = f", {len(applied.held)} held back" if applied.held else ""
        lines.append(f"{len(applied.done)} done, {len(applied.failures)} failed{held}.")
    return addressed("\n".join(lines)) or (
        "Everything else is in sync." if applied.plan.waiting else "Everything is in sync."
    )
