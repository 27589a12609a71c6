"""How the assistants stand at the platform, asked for once by however many pages want to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentctl.console.home import home
from agentctl.console.kept import Kept
from agentctl.errors import AgentctlError
from agentctl.verbs import status
from agentctl.verbs.reading import read
from agentctl.verbs.status import Standing
from agentctl.wiring import Control


@dataclass(frozen=True)
class Declared:
    """One assistant as it is declared. `where`: its file, or its row. `is_row`: it is declared in a table."""

    key: str
    name: str
    tenant: str
    where: str
    numbers: tuple[str, ...] = ()
    is_row: bool = False


@dataclass(frozen=True)
class Stand:
    """`standings`: by key; `errors`: of workspaces that could not be looked into."""

    standings: Mapping[str, Standing]
    errors: tuple[str, ...]


@dataclass
class States:
    """Of every tenant's assistants."""

    control: Control
    kept: Kept

    async def declared(self, tenant: str) -> Sequence[Declared]:
        """Every assistant of that tenant, as files and rows are now; none without a project. Raises as `home`."""
        if not self.control.has_project:
            return []
        async with self.control.afresh() as control, home(control, tenant) as there:
            return [one for one in await _declared(there) if one.tenant == tenant]

    async def seen(self) -> Stand:
        """How each stands now, or stood a moment ago. Raises as `verbs.status`."""
        return await self.kept.answer("states", "", self._look)

    async def _look(self) -> Stand:
        async with self.control.afresh() as control:
            found = await status.everywhere(control)
        errors = tuple(self.control.veil(_told(error)) for error in found.errors)
        return Stand({one.assistant: one for one in found.results}, errors)


async def _declared(there: Control) -> tuple[Declared, ...]:
    loaded = await read(there)
    rows = set(loaded.rows.keys if loaded.rows else ())
    return tuple(
        Declared(one.key, one.name, one.tenant, one.where, tuple(one.phone.numbers), one.key in rows)
        for one in loaded.assistants
    )


def _told(error: AgentctlError) -> str:
    return f"{error.message}. {error.hint}" if error.hint else error.message
