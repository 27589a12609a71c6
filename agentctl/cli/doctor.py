"""agentctl doctor."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from agentctl.cli.session import Json, connected

if TYPE_CHECKING:
    from agentctl.verbs.doctor import Finding
    from agentctl.wiring import Control

_MARKS = {"ok": ("ok", 32), "warning": ("warn", 33), "broken": ("FAIL", 31), "skipped": ("-", 2)}


def doctor(json: Json = False) -> None:
    """Check settings, store, keys, agents, webhook, numbers and mail; say how to mend what is broken."""

    async def run(control: Control) -> list[Finding]:
        from agentctl.verbs import doctor as verbs

        found = []
        async for finding in verbs.examine(control):
            found.append(finding)
            if not json:
                print(_line(finding), flush=True)
        return found

    findings = connected(run)
    broken = sum(finding.state == "broken" for finding in findings)
    if json:
        from agentctl.cli.render import to_json

        print(to_json({"ok": not broken, "findings": [asdict(finding) for finding in findings]}))
    else:
        print(f"{broken} broken." if broken else "Nothing is broken.")
    if broken:
        raise typer.Exit(1)


def _line(finding: Finding) -> str:
    from agentctl.cli.render import paint, plain

    mark, colour = _MARKS[finding.state]
    remedy = f"\n                  {plain(finding.remedy)}" if finding.remedy else ""
    return f"{paint(mark.ljust(5), colour)} {finding.subject:<11} {plain(finding.what)}{remedy}"
