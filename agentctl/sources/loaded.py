"""What any source of assistants answers: the assistants it could read, and everything that is wrong, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agentctl.errors import ConfigurationError, Problem, UsageError
from agentctl.resources.assistant import Assistant, Document
from agentctl.secrecy.secret import secrets
from agentctl.sources.environment import Environment
from agentctl.sources.project import Project
from agentctl.sources.row import Rows
from agentctl.sync.target import Target

_FILE = "assistant.toml"


def apart(name: str, tenant: str) -> UsageError:
    """The error for `name`, a key or a glob of it, where that is of a tenant's assistant in another workspace."""
    what = f"{name!r} is of tenant {tenant}, whose agents are in another workspace"
    return UsageError(what, f"Add --tenant {tenant}, or set AGENTCTL_TENANT={tenant}.")


@dataclass(frozen=True)
class Loaded:
    """A project as its source declares it.

    An assistant with a problem is not in `assistants`, so a caller that goes on with problems present must not
    take an absent assistant for a removed one. `warnings` are advice; they stop nothing. `layers`: what the environment
    lays under and over the files. `target`: the only one that was read; None: all were. `parts` of prompts
    and `shared` documents are for whatever else declares assistants. `rows`: what the source table has, wrong rows too;
    None: it was not read, or there is none. `elsewhere`: the keys of those that live in other workspaces, each with its
    tenant; `unsure`: of those the keys of wrong rows, which may not say whose they are; `others`: those that are right.
    """

    project: Project
    assistants: tuple[Assistant, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    layers: Environment | None = None
    parts: Mapping[str, str] = field(default_factory=dict, repr=False)
    shared: Mapping[str, Document] = field(default_factory=dict, repr=False)
    rows: Rows | None = None
    target: Target | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()
    others: tuple[Assistant, ...] = ()

    @property
    def keys(self) -> list[str]:
        """Every key that is declared, by an assistant with a problem too."""
        return list(dict.fromkeys([*(one.key for one in self.assistants), *(self.rows.keys if self.rows else ())]))

    @property
    def rows_keys(self) -> frozenset[str]:
        """Of every row, which keeps its key as long as it is there."""
        return frozenset((*(row.key for row in self.rows.rows), *self.elsewhere)) if self.rows else frozenset()

    def housed(self, houses: Callable[[str], bool]) -> Loaded:
        """This, less the assistants of tenants that live in another workspace; `houses`: whether one lives in this.

        A key lives in one place: a row that has a file's is a wrong one where the file's assistant lives.
        """
        rows = self.rows.rows if self.rows else ()
        homes = {row.key: row.tenant for row in rows} | {one.key: one.tenant for one in self.assistants}
        homes |= self.elsewhere
        moved = {key: tenant for key, tenant in homes.items() if not houses(tenant)}
        if not moved:
            return self
        others = [row for row in rows if row.key in moved]
        places = {row.where for row in others}
        return replace(
            self,
            assistants=tuple(one for one in self.assistants if one.key not in moved),
            warnings=tuple(one for one in self.warnings if one.where.partition(": ")[0] not in places),
            rows=self.rows and replace(self.rows, rows=tuple(row for row in rows if row.key not in moved)),
            elsewhere=moved,
            others=(*self.others, *(one for one in self.assistants if one.key in moved)),
            unsure=self.unsure | {row.key for row in others if row.problems or houses(row.tenant)},
        )

    def advice(self, chosen: Sequence[Assistant]) -> tuple[Problem, ...]:
        """The warnings, less those about assistants that were not chosen, where some were."""
        rows = self.rows.rows if self.rows else ()
        others = {*(one.where for one in self.assistants), *(one.where for one in rows)} - {one.where for one in chosen}
        folders = tuple(one.removesuffix(_FILE) for one in others if one.endswith(_FILE))
        places = [(one, one.where.partition(": ")[0]) for one in self.warnings]
        return tuple(
            one for one, place in places if not chosen or (place not in others and not place.startswith(folders))
        )

    def secrets(self) -> Iterator[object]:
        """Every secret that the files declare."""
        yield from self.project.secrets()
        for assistant in self.assistants:
            yield from secrets(assistant.model_dump(exclude_defaults=True))

    def checked(self) -> Loaded:
        """This, if it has no problems. Raises ConfigurationError with all of them otherwise."""
        if self.problems:
            raise ConfigurationError(list(self.problems), hint="Nothing was changed. Correct these and run it again.")
        return self
