"""What the source table has: one row, as an Assistant or as what is wrong with it, and all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agentctl.errors import Problem
from agentctl.resources.assistant import Assistant
from agentctl.resources.part import OPERATOR
from agentctl.sources.mapping import SourceTable


@dataclass(frozen=True)
class Row:
    """What the table has under one key. `assistant` is None where `problems` say why, or where it is dormant.

    `dormant`: it is disabled and never had an agent, so that there is nothing to be done about it. `told`: what a sync
    has written back before, or somebody has put there: `agent_id`, `phone_number_id`, `error`. `tenant`: whose it is,
    as far as it says so. `denied`: the numbers that it names and `assistant` is without, each with why; empty where it
    asks for nothing, as one that is disabled.
    """

    key: str
    where: str
    assistant: Assistant | None = None
    problems: tuple[Problem, ...] = ()
    dormant: bool = False
    told: Mapping[str, str | None] = field(default_factory=dict)
    tenant: str = OPERATOR
    denied: Mapping[str, str] = field(default_factory=dict)

    @property
    def error(self) -> str | None:
        """What the row itself is told of its problems; None where it has none."""
        said = [str(one).removeprefix(f"{self.where}: ") for one in self.problems]
        return "; ".join(said) or None


@dataclass(frozen=True)
class Rows:
    """What a source table has. `back`: the column of each thing that is written back, as far as that is possible.

    `bound`: by key, the agent that the store knows.
    """

    source: SourceTable
    rows: tuple[Row, ...] = ()
    back: Mapping[str, str] = field(default_factory=dict)
    bound: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        """Of every row that is to have an agent, wrong ones too."""
        return [row.key for row in self.rows if not row.dormant]

    @property
    def wrong(self) -> list[Row]:
        """Those of which nothing can be made."""
        return [row for row in self.rows if row.problems]


def is_row(where: str) -> bool:
    """Whether it is the place of a row, as messages say it, and none of a file."""
    return where.startswith("table ") and ", row " in where


def place(source: SourceTable, key: str) -> str:
    """Where the row with that key is, as messages say it."""
    return f"table {source.table}, row {key[:80]}"
