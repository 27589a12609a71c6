"""agentctl doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from agentctl.cli.session import Json, connected

if TYPE_CHECKING:
    from agentctl.errors import Problem
    from agentctl.verbs.examination.finding import Finding
    from agentctl.wiring import Control

_MARKS = {"ok": ("ok", 32), "warning": ("warn", 33), "broken": ("FAIL", 31), "skipped": ("-", 2)}
_INDENT = " " * 17


def doctor(json: Json = False) -> None:
    """Check settings, keys, store, agents, webhook, numbers and mail; say how to mend what is broken."""

    from agentctl.errors import ConfigurationError
    from agentctl.verbs.examination import doctor as verbs

    unusable: list[Problem] = []
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not json:
            print(finding_text(finding), flush=True)

    async def run(control: Control) -> None:
        async for finding in verbs.examine(control, unusable):
            tell(finding)

    try:
        connected(run, unusable=unusable)
    except ConfigurationError as error:  # Not even what is usable is known.
        for problem in sorted(error.problems):
            tell(verbs.of_settings(problem, error.hint))
    broken = sum(finding.state == "broken" for finding in findings)
    if json:
        from agentctl.cli.render import to_json

        print(to_json({"ok": not broken, "findings": [finding_json(finding) for finding in findings]}))
    else:
        print(f"{broken} broken." if broken else "Nothing is broken.")
    if broken:
        raise typer.Exit(1)


def finding_text(finding: Finding) -> str:
    """`FAIL  store       what it is`, and the remedy under it."""
    from agentctl.cli.render import paint, told

    mark, colour = _MARKS[finding.state]
    whose = f"{finding.tenant}: " if finding.tenant else ""
    lines = [*f"{whose}{finding.what}".splitlines(), *finding.remedy.splitlines()]
    first, *others = [told(line.strip()) for line in lines]
    return "\n".join(
        [f"{paint(mark.ljust(4), colour)} {finding.subject:<11} {first}", *(_INDENT + one for one in others)]
    )


def finding_json(finding: Finding) -> dict[str, str]:
    """One finding of `doctor --json`."""
    from agentctl.cli.addressed import addressed

    return {
        **({"tenant": finding.tenant} if finding.tenant else {}),
        "subject": finding.subject,
        "state": finding.state,
        "what": addressed(finding.what),
        "remedy": addressed(finding.remedy),
    }
