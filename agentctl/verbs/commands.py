"""Commands that messages name, with the environment that was named: what is followed word by word must not end up in
another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

COMMANDS = frozenset({
    "plan", "sync", "status", "test", "schedule", "pull", "rename", "history", "rollback", "unhold", "import-number",
    "release-number", "up", "serve", "work", "doctor", "calls", "knowledge", "webhook", "db",
    "tenants",
})  # fmt: skip
"""Those that work in an environment; the others have none, or name theirs themselves."""

_NAMED = re.compile(rf"(?<=\bagentctl )(?:{'|'.join(sorted(COMMANDS, key=len, reverse=True))})\b(?!-)")


_OF_CALLS = re.compile(
    r"\bagentctl (?:--env \S+ )?calls "
    r"(?:actions (?:list|done|reopen)|list|show|recording|digest|export|stats"
    r"|forget|retain|audit|to-test|events|status|retry)\b"
    r"(?!-| --tenant)"
)
_HOUSED = re.compile(
    r"\bagentctl (?:--env \S+ )?(?:plan|sync|status|test|history|rollback|unhold|import-number|release-number|"
    r"knowledge (?:list|refresh)|webhook (?:register|rotate|status|enable|send))"
    r"\b(?!-| --tenant)(?=(?: (?P<number>\+[0-9]+))?)"
)


@dataclass(frozen=True)
class Whose:
    """Who has the workspace, or the Twilio account, that the commands of a message are for.

    `tenant`: empty, the project's. `numbers`: those that are in the account of another one than that.
    """

    tenant: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, text: str) -> str:
        """`text` with `--tenant NAME` in each command that works in one workspace. Twice is once."""
        return _HOUSED.sub(self._named, text) if self.tenant or self.numbers else text

    def _named(self, found: re.Match[str]) -> str:
        tenant = self.numbers.get(found["number"] or "", self.tenant)
        return f"{found[0]} --tenant {tenant}" if tenant else found[0]


def addressed(text: str, environment: str | None, tenant: str | None = None) -> str:
    """`text` with `--env NAME` in each command of a project, and `--tenant NAME` in each that is of somebody's calls
    or in somebody's workspace. None: none was named, and the project's own environment or the operator is meant.

    Doing it twice is doing it once.
    """
    if tenant:
        text = Whose(tenant)(_OF_CALLS.sub(lambda found: f"{found[0]} --tenant {tenant}", text))
    return _NAMED.sub(lambda found: f"--env {environment} {found[0]}", text) if environment else text
