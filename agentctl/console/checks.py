"""Examinations that a page has asked for: each goes on in the server, and its page shows what was found so far."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from agentctl.calls.tenant import OPERATOR
from agentctl.errors import AgentctlError
from agentctl.verbs.commands import addressed
from agentctl.verbs.examination import tenant_side
from agentctl.verbs.examination.doctor import examine
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.wording import message_of
from agentctl.wiring import Control

log = logging.getLogger(__name__)

_WORST = ("broken", "warning", "ok", "skipped")


@dataclass
class Check:
    """One of them. `error`: why it did not come to its end."""

    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    findings: list[Finding] = field(default_factory=list)
    error: str = ""
    over: bool = False

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
    _known: dict[str, Check] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def find(self, tenant: str) -> Check | None:
        """The newest, if this server knows one."""
        return self._known.get(tenant)

    def begin(self, tenant: str) -> Check:
        """Have one go on, unless one does."""
        known = self._known.get(tenant)
        if known is not None and not known.over:
            return known
        check = self._known[tenant] = Check()
        task = asyncio.create_task(self._run(check, tenant))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return check

    async def end(self) -> None:
        """Nothing is changed by them, so that none has to be waited for."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, check: Check, tenant: str) -> None:
        try:
            async with self.control.afresh() as control:
                async for finding in _examined(control, tenant):
                    check.findings.append(_told(finding, control))
        except AgentctlError as error:
            check.error = self.control.veil(str(error))
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: what is not kept here is lost
            log.error("an examination from the console failed: %s", type(error).__name__)
            check.error = message_of(error)
        finally:
            check.over = True


def _told(finding: Finding, control: Control) -> Finding:
    what, remedy = (addressed(control.veil(text), control.environment) for text in (finding.what, finding.remedy))
    return replace(finding, what=what, remedy=remedy)


def _examined(control: Control, tenant: str) -> AsyncIterator[Finding]:
    return examine(control) if tenant == OPERATOR else tenant_side.tenant(control, tenant)
