"""A sync that nobody watches, such as one of cron: it waits its turn, ends in time, reports and tells by mail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.command_line import DIRECTORY, ENVIRONMENT
from agentctl.cli.session import connected, say, stoppable
from agentctl.errors import AgentctlError, UsageError

if TYPE_CHECKING:
    from agentctl.sync.apply import Applied
    from agentctl.sync.kind import Scope
    from agentctl.sync.plan import Change
    from agentctl.verbs.unattended.report import Report
    from agentctl.verbs.unattended.watched import Watched
    from agentctl.wiring import Control

_DAY = 86_400.0

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="For cron: one line if something changed, else nothing.")]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=1, max=_DAY, help="End the whole run after that long."),
]
Wait = Annotated[
    float,
    typer.Option("--wait", metavar="SECONDS", min=0, max=_DAY, help="How long to wait while another sync is running."),
]
Jitter = Annotated[
    float,
    typer.Option(
        "--jitter", metavar="SECONDS", min=0, max=_DAY, help="Begin after a random pause of at most that long."
    ),
]
ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="Write what came of it as JSON, failures included.")
]
Mail = Annotated[bool, typer.Option("--mail", help="Mail [mail] to when the outcome is another than the last told.")]
MailTo = Annotated[
    list[str] | None, typer.Option("--mail-to", metavar="ADDRESS", help="Mail that address instead; may repeat.")
]


@dataclass
class Unattended:
    """One such run, as the command line asks for it."""

    timeout: float | None = None
    jitter: float = 0.0
    report: Path | None = None
    mail: bool = False
    mail_to: Sequence[str] = ()
    only: Sequence[str] = ()
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def watched(self) -> Watched:
        """What is known of it, whenever and however it ends."""
        from agentctl.verbs.unattended.watched import Watched

        return Watched(seconds=self.timeout, only=self.only, environment=ENVIRONMENT.get())

    def __call__(self, body: Callable[[Control], Awaitable[Applied]]) -> Applied:
        """Run `body` with the project's control. Raises what it raises, and TimedOut; the report is written first."""
        with stoppable():
            return self._reporting(body)

    def _reporting(self, body: Callable[[Control], Awaitable[Applied]]) -> Applied:
        from agentctl.verbs.unattended.report_file import must_be_writable

        if self.report is not None:
            must_be_writable(self.report)
        watched = self.watched
        try:
            if self.jitter:
                import random

                self.sleep(random.uniform(0, self.jitter))  # noqa: S311  (spread, no secret)
            how: dict[str, Any] = {"mail": self.telling, "mail_to": self.mail_to, "say": say}
            applied = connected(lambda control: watched.run(control, body, **how))
        except BaseException as error:
            # Settings that cannot be read, a Ctrl-C during the pause, a bug: whoever reads the report learns of each.
            try:
                self._save(watched.reported(error))
            except AgentctlError as unsaved:
                say(f"warning: {unsaved.message}")
            if self.telling and not watched.begun and isinstance(error, AgentctlError):
                self._tell_unbegun(watched.reported(error))
            raise
        self._save(watched.reported(None))
        return applied

    def _tell_unbegun(self, report: Report) -> None:
        from agentctl.verbs.unattended import unbegun
        from agentctl.verbs.unattended.watched import mail_seconds

        seconds = mail_seconds(self.timeout, 0.0)
        try:
            asyncio.run(unbegun.tell(DIRECTORY.get(), ENVIRONMENT.get(), report, self.mail_to, say, seconds=seconds))
        except AgentctlError:  # It is what kept the run from its beginning, and is told as such.
            say("warning: nobody is told by mail: which store remembers what was told is not known")

    @property
    def telling(self) -> bool:
        """Whether people are to be told by mail."""
        return self.mail or bool(self.mail_to)

    def _save(self, report: Report) -> None:
        if self.report is None:
            return
        from agentctl.cli.addressed import naming
        from agentctl.cli.render import to_json
        from agentctl.verbs.unattended.report_file import save

        # A file is read elsewhere, where AGENTCTL_ENV may not be set, or otherwise.
        with naming(report.environment):
            save(self.report, to_json(report_json(report)) + "\n")


def quietly(applied: Applied, scope: Scope) -> None:
    """One line on stdout if something was changed; on stderr each failure with its remedy, and what was held back."""
    from agentctl.cli.render import plain
    from agentctl.verbs.remedy import remedies
    from agentctl.verbs.wording import held_back, named

    for failure in applied.failures:
        first, *more = named(failure).split("\n")
        say("\n".join([f"failed: {first}", *(f"    {line.strip()}" for line in more)]))  # such as each test, and why
        if failure.error.hint:  # Cron mails this to somebody who has nothing else.
            say(f"  {failure.error.hint}")
    for change, remedy in remedies(applied):
        say(f"held back: {held_back(change)}")
        if remedy:
            say(f"  {remedy}")
    if applied.done:
        counts = {
            action: sum(one.action == action for one in applied.done) for action in ("create", "update", "delete")
        }
        said = ", ".join(f"{count} {action}d" for action, count in counts.items() if count)
        print(plain(f"{scope.project}/{scope.environment}: {said}"), flush=True)


def report_json(report: Report) -> dict[str, Any]:
    """The face of a report: that of `sync --json`, and what is known of the run itself."""
    from importlib.metadata import version

    from agentctl.cli.addressed import addressed
    from agentctl.cli.render import applied_json
    from agentctl.sync.apply import Applied
    from agentctl.sync.plan import Plan
    from agentctl.verbs.wording import message_of

    applied = report.applied or Applied(Plan(), (), ())
    scope = report.scope
    return {
        "version": version("agentctl"),
        "project": scope.project if scope else None,
        "environment": scope.environment if scope else None,
        "workspace": scope.workspace if scope else None,
        "started": report.started.isoformat(timespec="milliseconds"),
        "ended": report.ended.isoformat(timespec="milliseconds"),
        "duration_seconds": round((report.ended - report.started).total_seconds(), 3),
        "exit_code": report.exit_code,
        "ok": report.exit_code == 0,
        "error": addressed(message_of(report.error)) if report.error else None,
        "requests": report.requests,
        "planned": report.applied is not None,
        **applied_json(applied),
        "done": _names(applied.done),
        "left": _names(report.left),
    }


def _names(changes: Sequence[Change]) -> list[dict[str, str]]:
    return [{"kind": one.desired.kind, "key": one.desired.key, "action": one.action} for one in changes]


def need_yes(*, quiet: bool, yes: bool, json: bool) -> None:
    """Raise UsageError where nobody could see what is asked, or where two faces are wanted at once."""
    if quiet and not yes:
        raise UsageError("--quiet shows no plan that anybody could agree to", "Run it with --yes.")
    if quiet and json:
        raise UsageError("--quiet and --json exclude each other", "--report FILE writes the document beside --quiet.")
