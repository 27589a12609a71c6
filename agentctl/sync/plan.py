"""Plan: what would have to be written so that the real resources match the desired ones. Making one writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from agentctl.errors import AgentctlError, Ambiguous, Blocked, Problem, SyncError, Waiting
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit, diff
from agentctl.sync.kind import Desired, Kind, Observed, Ref, Sighting

Spec = TypeVar("Spec")


@dataclass(frozen=True)
class Change:
    """One resource to write. `replaces`: a new object takes over and the old one goes once nothing refers to it.

    `bound` is the id that was bound when the plan was made: another one at apply means that somebody else was quicker.
    """

    action: Literal["create", "update", "delete"]
    desired: Desired
    edits: tuple[Edit, ...]
    observed: Observed | None = None
    replaces: bool = False
    bound: str | None = None


@dataclass(frozen=True)
class Failure:
    """One resource that cannot be planned or was not applied, and why."""

    ref: Ref
    where: str
    error: AgentctlError


@dataclass(frozen=True)
class Plan:
    """What to write, in the order of kinds; what is only to be bound; and what a person should know.

    `waiting`: resources that need a step by a person first. They are no failures, and nothing else waits for them.
    """

    changes: tuple[Change, ...] = ()
    adopted: tuple[tuple[Ref, Observed], ...] = ()
    unchanged: int = 0
    orphans: tuple[Ref, ...] = ()
    waiting: tuple[Failure, ...] = ()
    notices: tuple[Problem, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing to write and nothing wrong."""
        return not self.changes and not self.failures

    def counts(self) -> dict[str, int]:
        """Number of resources by what happens to them."""
        actions = [change.action for change in self.changes]
        return {
            "create": actions.count("create"),
            "update": actions.count("update"),
            "delete": actions.count("delete"),
            "unchanged": self.unchanged,
        }


async def plan(
    kinds: Sequence[Kind[Spec]],
    specs: Sequence[Spec],
    bindings: Bindings,
    *,
    notices: Iterable[Problem] = (),
    whole: bool = True,
) -> Plan:
    """Compare what `specs` want with what is there. `whole`: specs are all there are, so other bindings are orphans.

    Raises SyncError where two specs want the same resource differently; whatever concerns one resource only
    stands in the plan's failures.
    """
    wanted = {kind.name: _collect(kind, specs) for kind in kinds}
    sightings = await asyncio.gather(
        *(kind.observe(list(wanted[kind.name].values()), bindings.of(kind.name)) for kind in kinds)
    )
    draft = _Draft(bindings, wanted)
    for kind, seen in zip(kinds, sightings, strict=True):
        for desired in wanted[kind.name].values():
            draft.add(kind, desired, seen.get(desired.key, ()))
    await draft.check({kind.name: kind for kind in kinds})
    orphans = [
        Ref(kind.name, key) for kind in kinds for key in sorted(bindings.of(kind.name)) if key not in wanted[kind.name]
    ]
    return Plan(
        changes=tuple(draft.changes),
        adopted=tuple(draft.adopted),
        unchanged=draft.unchanged,
        orphans=tuple(orphans) if whole else (),
        waiting=tuple(draft.waiting),
        notices=tuple(notices),
        failures=tuple(draft.failures),
    )


def resolve(body: Any, ids: Mapping[Ref, str]) -> Any:
    """`body` with every Ref that `ids` knows replaced by its id; the others stay."""
    if isinstance(body, Ref):
        return ids.get(body, body)
    if isinstance(body, Mapping):
        return {key: resolve(value, ids) for key, value in body.items()}
    if isinstance(body, list | tuple):
        return [resolve(entry, ids) for entry in body]
    return body


def refs(body: Any) -> set[Ref]:
    """Every Ref in `body`."""
    if isinstance(body, Ref):
        return {body}
    parts: Iterable[Any] = (
        body.values() if isinstance(body, Mapping) else body if isinstance(body, list | tuple) else ()
    )
    return {ref for part in parts for ref in refs(part)}


def _collect(kind: Kind[Spec], specs: Sequence[Spec]) -> dict[str, Desired]:
    found: dict[str, Desired] = {}
    for spec in specs:
        for desired in kind.desired(spec):
            other = found.setdefault(desired.key, desired)
            if other != desired:
                raise SyncError(
                    f"{kind.name} {desired.key} is declared twice and differently: {other.where} and {desired.where}",
                    "Let one of them go, or make them equal.",
                )
    return found


class _Draft:
    """The plan while it grows, kind after kind, so that each can refer to those before it."""

    def __init__(self, bindings: Bindings, wanted: Mapping[str, Mapping[str, Desired]]) -> None:
        self._bindings = bindings
        self._wanted = wanted
        self._ids: dict[Ref, str] = {}
        self._pending: set[Ref] = set()
        self.changes: list[Change] = []
        self.adopted: list[tuple[Ref, Observed]] = []
        self.unchanged = 0
        self.waiting: list[Failure] = []
        self.failures: list[Failure] = []

    def add(self, kind: Kind[Any], desired: Desired, sighting: Sighting) -> None:
        """Compare one resource and note what follows."""
        if isinstance(sighting, AgentctlError):
            return self._fail(desired, sighting)
        if len(sighting) > 1:
            ids = ", ".join(observed.remote_id for observed in sighting)
            message = f"{kind.name} {desired.key}: {len(sighting)} remote objects claim to be it: {ids}"
            return self._fail(desired, Ambiguous(message, "Delete or rename the wrong ones in the dashboard."))
        unknown = {ref for ref in refs(desired.body) if not self._known(ref)}
        if unknown:
            names = ", ".join(f"{ref.kind} {ref.key}" for ref in sorted(unknown, key=str))
            return self._fail(desired, Blocked(f"{kind.name} {desired.key} needs {names}, which is not there"))
        return self._compare(kind, desired, sighting[0] if sighting else None)

    def _compare(self, kind: Kind[Any], desired: Desired, observed: Observed | None) -> None:
        edits = diff(resolve(desired.body, self._ids), observed.body if observed else {}, kind.lists)
        if observed is None:
            self._pending.add(desired.ref)
            self.changes.append(Change("create", desired, edits, bound=self._bindings.get(desired.ref)))
            return
        if self._bindings.get(desired.ref) != observed.remote_id:
            self.adopted.append((desired.ref, observed))
        replaces = kind.replaces(desired, frozenset(edit.path for edit in edits))
        if replaces:
            self._pending.add(desired.ref)
        else:
            self._ids[desired.ref] = observed.remote_id
        if edits:
            self.changes.append(Change("update", desired, edits, observed, replaces))
        else:
            self.unchanged += 1

    async def check(self, kinds: Mapping[str, Kind[Any]]) -> None:
        """Ask each change's kind whether it can be made; one that cannot leaves the changes."""

        async def ask(change: Change) -> AgentctlError | None:
            changed = frozenset(edit.path for edit in change.edits)
            try:
                await kinds[change.desired.kind].check(change.desired, changed, exists=change.observed is not None)
            except AgentctlError as error:
                return error
            return None

        answers = await asyncio.gather(*(ask(change) for change in self.changes))
        refused = [(change, error) for change, error in zip(self.changes, answers, strict=True) if error]
        for change, error in refused:
            self.changes.remove(change)
            if isinstance(error, Waiting):
                self.waiting.append(Failure(change.desired.ref, change.desired.where, error))
            else:
                self._fail(change.desired, error)
        self._block_dependents({change.desired.ref for change, _ in refused if change.observed is None})

    def _block_dependents(self, missing: set[Ref]) -> None:
        for change in list(self.changes):
            lost = refs(change.desired.body) & missing
            if lost:
                names = ", ".join(sorted(f"{ref.kind} {ref.key}" for ref in lost))
                self.changes.remove(change)
                self._fail(change.desired, Blocked(f"{change.desired.kind} {change.desired.key} needs {names}"))
                missing.add(change.desired.ref)

    def _known(self, ref: Ref) -> bool:
        """Whether a Ref has an id now or gets one by this plan; ids of kinds outside the plan come from bindings."""
        if ref in self._ids or ref in self._pending:
            return True
        bound = self._bindings.get(ref)
        if bound is None or ref.key in self._wanted.get(ref.kind, {}):
            return False
        self._ids[ref] = bound
        return True

    def _fail(self, desired: Desired, error: AgentctlError) -> None:
        self.failures.append(Failure(desired.ref, desired.where, error))
