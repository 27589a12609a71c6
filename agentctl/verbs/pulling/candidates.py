"""Which agents of the workspace could become assistants: those that no file declares and no other project has."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from agentctl.errors import Problem, UsageError
from agentctl.resources import agent
from agentctl.resources.agent import Agent
from agentctl.resources.answer import having
from agentctl.resources.assistant import KEY, RESERVED, Assistant
from agentctl.resources.endpoints import AGENT, AGENTS
from agentctl.sources.files import ASSISTANTS
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.verbs.pulling.fetching import short
from agentctl.verbs.renaming.former import must_be_called_so
from agentctl.verbs.renaming.outdated import outdated, told
from agentctl.verbs.renaming.renamed import moves
from agentctl.verbs.rows.outside import need_here
from agentctl.verbs.sync import load
from agentctl.wiring import Control

_LONGEST_NAME = 60
_ROWS = (
    "It is declared in a row, which only its product writes. What was changed there: agentctl plan --tenant TENANT "
    "--only KEY; to put the row's back: agentctl sync --tenant TENANT --take-ours --only KEY"
)


@dataclass(frozen=True)
class Candidate:
    """One agent and the key that its assistant is to have."""

    agent_id: str
    key: str
    name: str


@dataclass(frozen=True)
class Candidates:
    """The agents to adopt. `keys`: what of the asked keys is about declared assistants.

    `left`: agents that cannot be adopted; `notes`: those of other projects, which are left alone.
    """

    found: tuple[Candidate, ...] = ()
    keys: tuple[str, ...] = ()
    left: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


def called(name: object) -> str:
    """A name from the platform in quotes, cut where it is longer than anybody reads."""
    text = str(name)
    return repr(text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…")


async def candidates(
    control: Control, keys: Sequence[str] = (), *, every: bool = False, agents: Mapping[str, str] | None = None
) -> Candidates:
    """Those of `agents` (id -> key, or "" for one made of the name), with `every` all others that nobody has, and
    those of ours whose key matches one of `keys` (globs) and is no longer declared.

    An agent of ours comes back under its key. Raises UsageError for one that cannot be had.
    """
    loaded = await load(control)
    need_here(loaded, keys, _ROWS)
    declared = {*loaded.keys, *loaded.elsewhere}  # What those have left behind here is nobody's to take into files.
    unknown = [glob for glob in keys if not any(fnmatchcase(key, glob) for key in declared)]
    if not (every or agents or unknown):
        return Candidates(keys=tuple(keys))
    await must_be_called_so(control, unknown)
    asked = agents or {}
    search = _Search(control, await control.bindings(), declared)
    for agent_id in asked:
        entry = await control.api.get(AGENT, agent_id=agent_id)
        search.ask(having(f"GET {AGENT}", entry, "agent_id"), asked[agent_id], alone=len(asked) == 1)
    entries = [entry async for entry in _listed(control) if entry["agent_id"] not in asked]
    search.moved = await _older(control, loaded.assistants)
    if every:
        search.moved |= await _moved(control, search, loaded.assistants, entries)
    for entry in entries:
        search.add(entry, every=every, globs=unknown)
    found = tuple(search.found.values())
    answered = {*(one.key for one in found), *search.moved}
    rest = tuple(glob for glob in keys if glob not in unknown or not any(fnmatchcase(key, glob) for key in answered))
    return Candidates(found, rest, tuple(search.left), tuple(search.notes))


async def _listed(control: Control) -> AsyncIterator[Mapping[str, Any]]:
    """Every agent that is not archived, the oldest first, so that names keep their keys."""
    pages = control.api.pages(AGENTS, items="agents", params={"page_size": 100})
    entries = [having(f"GET {AGENTS}", one, "agent_id") async for one in pages]
    for entry in sorted(entries, key=lambda one: (one.get("created_at_unix_secs") or 0, str(one["agent_id"]))):
        yield entry


async def _older(control: Control, assistants: Sequence[Assistant]) -> dict[str, str]:
    """Of each key that is newer than these files: what to do. Pulled, the one that it was would pass for a new one."""
    older = await outdated(control, await control.bindings(), assistants)
    return {one.new: told(key, one) for key, one in older.items()}


async def _moved(
    control: Control, search: _Search, assistants: Sequence[Assistant], entries: Iterable[Mapping[str, Any]]
) -> Mapping[str, str]:
    """Of each key that is no longer declared, because its folder seems to have been renamed by hand: what to do.

    Pulled under its old key, nothing would tell any more whose the new assistant is.
    """
    seen: dict[Ref, list[Mapping[str, Any]]] = {}
    for entry in entries:
        if key := search.key_of(entry):
            seen.setdefault(Ref(agent.KIND, key), []).append({"name": entry.get("name")})
    bindings = await control.bindings()
    older = await outdated(control, bindings, assistants)
    apart = {*older, *(one.new for one in older.values())}
    found = moves(bindings, await control.kinds(bindings), assistants, seen=seen, apart=apart)
    return {
        key: f"was {one.whose}, and {one.first} may be it by now; if its folder was renamed, keep its agent and "
        f"numbers: {one.way}; to have it back beside {one.first}: agentctl pull {key}"
        for one in found.told()
        for key in one.keys - found.declared
    }


class _Search:
    """Takes agents one by one; what it has found grows."""

    def __init__(self, control: Control, bindings: Bindings, declared: Iterable[str]) -> None:
        self._root = control.directory
        self._veil = control.veil
        self._prefix = Agent(control.api, control.scope).tag("")
        self._declared = set(declared)
        bound = sorted(bindings.of(agent.KIND).items(), key=lambda one: one[0] in self._declared)
        self._bound = {remote_id: key for key, remote_id in bound}  # of two that have it, the declared one
        self.found: dict[str, Candidate] = {}
        self.left: list[Problem] = []
        self.notes: list[Problem] = []
        self.moved: dict[str, str] = {}  # by key: what to do where it seems to be another's by now, or another was its

    def key_of(self, entry: Mapping[str, Any]) -> str:
        """Our key for it, or nothing."""
        return self._whose(entry)[1]

    def ask(self, entry: Mapping[str, Any], key: str, *, alone: bool) -> None:
        """One that was asked for by its id. Raises UsageError where it is not to be had, or not under this key.

        Of several, those that are declared already are left: a run that was cut off goes on where it was.
        """
        agent_id, ours, foreign = self._whose(entry)
        if ours in self._declared and not alone and key in ("", ours):
            self.notes.append(Problem(ours, f"declares agent {agent_id} already; agentctl pull {ours} takes its edits"))
            return
        if ours in self._declared:
            raise UsageError(f"agent {agent_id} is declared already, as {ours}", f"agentctl pull {ours}")
        if foreign:
            raise UsageError(f"agent {agent_id} belongs to another project: {foreign}", "Pull it there.")
        if key and (not KEY.fullmatch(key) or key == RESERVED):
            hint = f"Use at most 63 of a-z, 0-9, - and _; {RESERVED} stands for all assistants."
            raise UsageError(f"{key!r} cannot be a key", hint)
        if key and self._is_taken(key):
            raise UsageError(f"{key} is taken already", "Give it another key: --agent ID=KEY")
        self._take(entry, key or self._key(entry, ours))

    def add(self, entry: Mapping[str, Any], *, every: bool, globs: Sequence[str]) -> None:
        """One of the workspace's list."""
        agent_id, ours, foreign = self._whose(entry)
        if agent_id in self._bound and ours in self._declared:
            return
        where = f"agent {called(entry.get('name'))} ({agent_id})"
        if ours in self._declared:
            # Without a binding it is the declared one itself, which the next sync finds by its tag.
            if ours in self._bound.values() and every:
                self.left.append(
                    Problem(where, f"is tagged as {ours}, which is another agent; take its tag away there")
                )
        elif ours in self.moved and (every or any(fnmatchcase(ours, glob) for glob in globs)):
            self.left.append(Problem(where, self.moved[ours]))
        elif foreign and every:
            self.notes.append(Problem(where, f"belongs to another project and is left alone: {foreign}"))
        elif not foreign and (every or (ours and any(fnmatchcase(ours, glob) for glob in globs))):
            self._take(entry, self._key(entry, ours))

    def _whose(self, entry: Mapping[str, Any]) -> tuple[str, str, str]:
        """The id, our key for it and another project's tag; empty where there is none."""
        agent_id, tags = str(entry["agent_id"]), [str(tag) for tag in entry.get("tags") or ()]
        tagged = [tag.removeprefix(self._prefix) for tag in tags if tag.startswith(self._prefix)]
        ours = self._bound.get(agent_id) or next(iter(tagged), "")
        marks = [tag for tag in tags if tag.startswith(agent.MARK) and not tag.startswith(self._prefix)]
        return agent_id, ours, "" if ours else next(iter(marks), "")

    def _key(self, entry: Mapping[str, Any], ours: str) -> str:
        if ours and KEY.fullmatch(ours) and not self._is_taken(ours):
            return ours
        slug = short(self._veil(str(entry.get("name") or "")))  # It becomes a folder's name, and is shown everywhere.
        return slug if not self._is_taken(slug) else f"{slug[:50].strip('-')}-{short(str(entry['agent_id'])[-6:])}"

    def _is_taken(self, key: str) -> bool:
        taken = key == RESERVED or key in self._declared or any(key == one.key for one in self.found.values())
        return taken or os.path.lexists(self._root / ASSISTANTS / key)

    def _take(self, entry: Mapping[str, Any], key: str) -> None:
        agent_id = str(entry["agent_id"])
        self.found[agent_id] = Candidate(agent_id, key, str(entry.get("name")))
