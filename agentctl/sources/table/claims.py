"""What one row cannot know of itself: keys, agents and numbers that somebody else has, transfers to others.

Rows are written by many people, who may not know of each other: what is wrong with one must stop nobody else, and
nobody takes away what another has already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from agentctl.errors import Problem
from agentctl.resources.agent import MARK
from agentctl.sources.loaded import Loaded
from agentctl.sources.mapping import SourceTable
from agentctl.sources.problems import located
from agentctl.sources.row import Row


class Known(Protocol):
    """What the store knows of the table and of agents."""

    @property
    def names(self) -> Collection[str]:
        """The table's columns."""

    @property
    def bound(self) -> Mapping[str, str]:
        """By key, its agent's id."""

    @property
    def owners(self) -> Mapping[str, str]:
        """By key, the tenant whose its agent is, of those that the row does not name."""

    @property
    def theirs(self) -> Collection[str]:
        """Agents of other environments."""


def settled(rows: Sequence[Row], source: SourceTable, loaded: Loaded, known: Known) -> list[Row]:
    """The rows with what is wrong between them, and between them and the files."""
    named = _by(rows, lambda row: [row.told["agent_id"] or ""] if "agent_id" in row.told else [])
    files = {one.key: one.where for one in loaded.assistants}
    theirs = {number: one.where for one in loaded.assistants for number in one.phone.numbers}
    holders = {agent_id: key for key, agent_id in known.bound.items()}
    tenants = {row.key: row.assistant.tenant for row in rows if row.assistant}
    declared = {*files, *(row.key for row in rows)}
    found = []
    for row in rows:
        problems = [*_about_key(row, files), *_about_owner(row, source, loaded, known)]
        problems += _about_agent(row, named, known, holders, declared)
        problems += [*_about_numbers(row, theirs), *_about_transfers(row, tenants, files)]
        placed = (*row.problems, *(source.placed(one, row.where) for one in problems))
        found.append(replace(row, assistant=None, problems=placed) if problems else row)
    return found


def _by(rows: Sequence[Row], names: Callable[[Row], Iterable[str]]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        for name in names(row):
            found.setdefault(name, []).append(row)
    return found


def _about_key(row: Row, files: Mapping[str, str]) -> Iterator[Problem]:
    if row.key in files:
        what = f"{row.key!r} is the key of {files[row.key]} too: one assistant is declared in one place"
        yield Problem(row.where, what)


def _about_owner(row: Row, source: SourceTable, loaded: Loaded, known: Known) -> Iterator[Problem]:
    """A row that passes to another tenant brings its agent's id along; another row that has its key does not."""
    if row.assistant is None:
        return
    if known.owners.get(row.key, row.assistant.tenant) != row.assistant.tenant:  # whose, is not this one's to read
        what = "the agent of this key was made for another tenant, and stays as it is: give the row another key"
        tag = f"{MARK}{loaded.project.name}/{loaded.project.environment}/{row.key}"
        column = source.wanted["agent_id"]
        way = (
            "where the row itself has passed to this tenant, write the id of that agent, which has the tag "
            f"{tag} in the dashboard, into {column}"
        )
        if column not in known.names:
            way += f", a column that the table does not have yet: {source.adoption}"
        yield Problem(located(row.where, source.key_column), f"{what}; {way}")


def _about_agent(
    row: Row,
    named: Mapping[str, list[Row]],
    known: Known,
    holders: Mapping[str, str],
    declared: Collection[str],
) -> Iterator[Problem]:
    """An agent is one assistant's: that of the key that it is bound to, if any."""
    agent_id = row.told.get("agent_id")
    if agent_id is None or row.key in known.bound or row.assistant is None:
        return
    where = located(row.where, "agent_id")
    holder = holders.get(agent_id)
    if holder is not None and holder not in declared:
        # Whose key that is nobody knows here: it may be another tenant's, and its mark tells whoever may look.
        what = f"{agent_id} is the agent of a key that nobody declares any more, and that its tag {MARK}… names"
        yield Problem(where, f"{what}; a key must not change: give the row that one back")
    elif holder is not None or agent_id in known.theirs or len(named[agent_id]) > 1:
        yield Problem(where, f"{agent_id} is named by another assistant too; empty it to have an agent made")


def _about_numbers(row: Row, files: Mapping[str, str]) -> Iterator[Problem]:
    """What files declare is theirs. Whose a number is that only rows name: see `succession`."""
    for number in row.assistant.phone.numbers if row.assistant else ():
        if number in files:
            yield Problem(located(row.where, "numbers"), f"{number} is declared by another assistant too")


def _about_transfers(row: Row, tenants: Mapping[str, str], files: Mapping[str, str]) -> Iterator[Problem]:
    """A row transfers to assistants of its own tenant, and to those that the project declares for all."""
    tool = row.assistant.built_in_tools.transfer_to_agent if row.assistant else None
    for index, transfer in enumerate(tool.transfers if tool else ()):
        to = transfer.assistant
        mine = to in files or (row.assistant is not None and tenants.get(to or "") == row.assistant.tenant)
        if to is not None and (to == row.key or not mine):
            where = located(row.where, f"built_in_tools.transfer_to_agent.transfers[{index}].assistant")
            yield Problem(where, "is this assistant itself" if to == row.key else f"there is no assistant {to!r}")
