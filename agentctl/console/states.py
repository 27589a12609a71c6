"""How the assistants stand at the platform, asked for once by however many pages want to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import chain

from agentctl.calls.tenant import OPERATOR
from agentctl.console.home import home, place, spare
from agentctl.console.kept import Kept
from agentctl.console.telling import trouble
from agentctl.errors import AgentctlError, ConfigurationError
from agentctl.sources.loaded import Loaded
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
class Declarations:
    """What a tenant's files and rows declare, as far as that can be read. `problem`: what keeps the rest from it;
    `wrong`: the keys of rows of which nothing can be made; `denied`: the numbers that rows name in vain, each with why;
    `elsewhere`: those that others name, of whom nothing is told; `place`: where the agents are that are made of it, as
    `living` takes it; `is_read`: there is a project.
    """

    ones: Sequence[Declared] = ()
    problem: str = ""
    wrong: frozenset[str] = frozenset()
    denied: Mapping[str, str] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    is_read: bool = True
    place: Mapping[str, str] = field(default_factory=dict)

    def hide(self, key: str) -> bool:
        """Whether somebody may declare it, although it is not to be seen."""
        return not self.is_read or bool(self.problem) or key in self.wrong


@dataclass(frozen=True)
class Stand:
    """`standings`: by key; `errors`: why some could not be looked at, or none. Nothing in them is secret."""

    standings: Mapping[str, Standing]
    errors: tuple[str, ...]


NOTHING = Stand({}, ())


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
            return [one for one in declared(await read(there)) if one.tenant == tenant]

    async def declarations(self, tenant: str) -> Declarations:
        """The same, with what could not be read, and why."""
        if not self.control.has_project:
            return Declarations(is_read=False)
        known: Mapping[str, str] = {}
        try:
            async with self.control.afresh() as control, home(control, tenant) as there:
                known = place(there)
                return replace(await declarations(self.control, tenant, await read(there)), place=known)
        except AgentctlError as error:
            return Declarations(problem=trouble(error, self.control.veil), place=known)

    async def seen(self, tenant: str, *, whole: bool) -> Stand:
        """How each stands now, or stood a moment ago, as whoever looks at that tenant may know it.

        `whole`: with what makes it so, which tells of what it is declared to be.
        """
        try:
            found = await self.kept.answer("states", "", self._look)
        except AgentctlError as one_of_all:
            error = copy(one_of_all)  # each tenant's people are told it in their own way
            await spare(self.control, tenant, error)
            return replace(NOTHING, errors=(trouble(error, self.control.veil),))
        standings = found.standings
        if not whole:
            standings = {key: replace(one, what=(), parts=()) for key, one in standings.items()}
        # Errors name the tenants whose workspaces they are of: for whoever runs all of it alone.
        return replace(found, standings=standings, errors=found.errors if tenant == OPERATOR else ())

    async def _look(self) -> Stand:
        async with self.control.afresh() as control:
            found = await status.everywhere(control)
        veil = self.control.veil
        standings = {one.assistant: replace(one, what=tuple(map(veil, one.what))) for one in found.results}
        return Stand(standings, tuple(trouble(error, veil, _told(error)) for error in found.errors))


def declared(loaded: Loaded) -> tuple[Declared, ...]:
    """Every assistant that can be read of what a workspace's files and rows declare."""
    rows = set(loaded.rows.keys if loaded.rows else ())
    return tuple(
        Declared(one.key, one.name, one.tenant, one.where, tuple(one.phone.numbers), one.key in rows)
        for one in loaded.assistants
    )


async def declarations(control: Control, tenant: str, loaded: Loaded) -> Declarations:
    """What `loaded` has of that tenant, and what is wrong with it as its people may know it. Raises StoreError."""
    problem: str = ""
    try:
        loaded.checked()
    except ConfigurationError as error:
        await spare(control, tenant, error)
        problem = trouble(error, control.veil)
    wrong = {row.key for row in loaded.rows.wrong} if loaded.rows else set()
    mine = [one for one in declared(loaded) if one.tenant == tenant]
    return Declarations(mine, problem, loaded.unsure | wrong, _denied(loaded, tenant), _elsewhere(loaded, tenant))


def _denied(loaded: Loaded, tenant: str) -> dict[str, str]:
    rows = loaded.rows.rows if loaded.rows else ()
    return {number: why for row in rows if row.tenant == tenant for number, why in row.denied.items() if why}


def _elsewhere(loaded: Loaded, tenant: str) -> frozenset[str]:
    rows = [row for row in (loaded.rows.rows if loaded.rows else ()) if row.tenant != tenant]
    others = [one for one in (*loaded.assistants, *loaded.others) if one.tenant != tenant]
    return frozenset(chain(*(row.denied for row in rows), *(one.phone.numbers for one in others)))


def _told(error: AgentctlError) -> str:
    return f"{error.message}. {error.hint}" if error.hint else error.message
