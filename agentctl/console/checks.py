"""Examinations that a page has asked for: each goes on in the server, and its page shows what was found so far."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from functools import partial

from agentctl.calls.tenant import OPERATOR
from agentctl.console.home import spare
from agentctl.console.ongoing import Begun, Ongoing
from agentctl.console.telling import saying
from agentctl.errors import AgentctlError
from agentctl.verbs.commands import addressed
from agentctl.verbs.examination import tenant_side
from agentctl.verbs.examination.doctor import examine
from agentctl.verbs.examination.finding import Finding
from agentctl.wiring import Control

_WORST = ("broken", "warning", "ok", "skipped")


@dataclass
class Check(Begun):
    """One of them."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def ranked(self) -> list[Finding]:
        """What is broken first."""
        return sorted(self.findings, key=lambda one: _WORST.index(one.state))

    def count(self, state: str) -> int:
        """How many findings are so."""
        return sum(one.state == state for one in self.findings)


@dataclass
class Checks:
    """The newest of each tenant: of the operator all that there is, of another one what is its own."""

    control: Control
    ongoing: Ongoing = field(init=False)
    _known: dict[str, Check] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Nothing is changed by them, so that none has to be waited for when the server is stopped.
        self.ongoing = Ongoing("an examination", self.control.veil)

    def find(self, tenant: str) -> Check | None:
        """The newest, if this server knows one."""
        return self._known.get(tenant)

    def begin(self, tenant: str) -> Check:
        """Have one go on, unless one does."""
        known = self._known.get(tenant)
        if known is not None and not known.over:
            return known
        check = self._known[tenant] = Check()
        self.ongoing.begin(check, partial(self._run, check, tenant))
        return check

    async def _run(self, check: Check, tenant: str) -> None:
        async with self.control.afresh() as control:
            control.tenant = None if tenant == OPERATOR else tenant
            try:
                async for finding in _examined(control, tenant):
                    check.findings.append(_told(finding, control))
            except AgentctlError as error:
                await spare(self.control, tenant, error)
                raise


def _told(finding: Finding, control: Control) -> Finding:
    what, remedy = (addressed(control.veil(text), control.environment) for text in (finding.what, finding.remedy))
    return replace(finding, what=saying(what, finding.about, finding.kind), remedy=remedy)


def _examined(control: Control, tenant: str) -> AsyncIterator[Finding]:
    return examine(control) if tenant == OPERATOR else tenant_side.tenant(control, tenant)
