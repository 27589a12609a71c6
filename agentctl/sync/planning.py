"""Make a plan: observe all kinds at once, compare in the order of kinds, ask each kind for its objections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from agentctl.errors import AgentctlError, Ambiguous, Blocked, Problem, SyncError, Waiting
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import attributed, diff, without
from agentctl.sync.kind import Desired, Eager, Kind, Observed, Ref, Sighting
from agentctl.sync.plan import Change, Failure, Plan, Settled, refs, resolve

Spec = TypeVar("Spec")
Wanted = Mapping[str, Desired]


@dataclass(frozen=True)
class Patience:
    """How long to look for what an interrupted create may have left, since the platform's lists may lag behind.

    `pauses` in seconds between looks; `on_pause` hears of each with what is looked for.
    """

    pauses: Sequence[float] = (0.5, 1.0, 2.0, 4.0)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    on_pause: Callable[[Sequence[Ref], float], None] = lambda missing, seconds: None


def begin(kinds: Sequence[Kind[Any]], bindings: Bindings, keys: Callable[[str], bool]) -> None:
    """Have the kinds that can begin to look at what is bound, under keys that `keys` accepts, while files are read.

    `plan` goes on from there.
    """
    for kind in kinds:
        if isinstance(kind, Eager):
            kind.begin({key: remote_id for key, remote_id in bindings.of(kind.name).items() if keys(key)})


async def plan(
    kinds: Sequence[Kind[Spec]],
    specs: Sequence[Spec],
    bindings: Bindings,
    *,
    notices: Iterable[Problem] = (),
    whole: bool = True,
    prune: bool = False,
    patience: Patience | None = None,
) -> Plan:
    """Compare what `specs` want with what is there. `whole`: specs are all there are, so what else is ours is orphaned.

    `prune` plans to delete orphans. Raises SyncError where two specs want the same resource differently; whatever
    concerns one resource only stands in the plan's failures.
    """
    wanted = {kind.name: _collect(kind, specs) for kind in kinds}
    sightings = await asyncio.gather(
        *(_observe(kind, wanted[kind.name], bindings, patience or Patience()) for kind in kinds)
    )
    draft = _Draft(bindings, wanted)
    for kind, seen in zip(kinds, sightings, strict=True):
        for desired in wanted[kind.name].values():
            draft.add(kind, desired, seen.get(desired.key, ()))
        if whole:
            draft.orphans(kind, seen, prune=prune)
    await draft.check({kind.name: kind for kind in kinds})
    return draft.plan(notices)


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


async def _observe(kind: Kind[Any], wanted: Wanted, bindings: Bindings, patience: Patience) -> Mapping[str, Sighting]:
    """Look; and where a create was begun and nothing of it is seen, look again before it may be made a second time."""
    bound = bindings.of(kind.name)
    seen = dict(await kind.observe(list(wanted.values()), bound))
    for pause in patience.pauses:
        missing = [one for one in wanted.values() if bindings.intended(one.ref) and not seen.get(one.key)]
        if not missing:
            break
        patience.on_pause([one.ref for one in missing], pause)
        await patience.sleep(pause)
        again = await kind.observe(missing, {})
        seen.update({one.key: again.get(one.key, ()) for one in missing})
    return seen


class _Draft:
    """The plan while it grows, kind after kind, so that each can refer to those before it."""

    def __init__(self, bindings: Bindings, wanted: Mapping[str, Wanted]) -> None:
        self._bindings = bindings
        self._wanted = wanted
        self._ids: dict[Ref, str] = {}
        self._pending: set[Ref] = set()
        self._changes: list[Change] = []
        self._settled: list[Settled] = []
        self._unchanged = 0
        self._orphans: list[Ref] = []
        self._waiting: list[Failure] = []
        self._failures: list[Failure] = []

    def plan(self, notices: Iterable[Problem]) -> Plan:
        """What has come together."""
        return Plan(
            changes=tuple(self._changes),
            settled=tuple(self._settled),
            unchanged=self._unchanged,
            orphans=tuple(self._orphans),
            waiting=tuple(self._waiting),
            notices=tuple(notices),
            failures=tuple(self._failures),
            known=len(self._bindings),
        )

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
        ref, body = desired.ref, resolve(desired.body, self._ids)
        bound, applied = self._bindings.get(ref), self._bindings.applied(ref)
        if observed is None:
            self._pending.add(ref)
            edits = diff(body, {}, kind.lists)
            self._changes.append(Change("create", desired, edits, bound=bound))
            return
        known = applied if bound == observed.remote_id else {}
        edits = attributed(diff(body, observed.body, kind.lists), known, kind.lists)
        if bound != observed.remote_id and not observed.free:
            edits = tuple(replace(edit, origin="there") for edit in edits)
        equal = without(body, [edit.keys for edit in edits])
        if bound != observed.remote_id or diff(equal, known, kind.lists):
            self._settled.append(Settled(ref, observed.remote_id, equal))
        replaces = kind.replaces(desired, frozenset(edit.path for edit in edits))
        if replaces:
            self._pending.add(ref)
        else:
            self._ids[ref] = observed.remote_id
        if edits:
            self._changes.append(Change("update", desired, edits, observed, replaces, bound))
        else:
            self._unchanged += 1

    def orphans(self, kind: Kind[Any], seen: Mapping[str, Sighting], *, prune: bool) -> None:
        """What is ours by binding or by mark and is no longer declared."""
        bound = self._bindings.of(kind.name)
        for key in sorted((bound.keys() | seen.keys()) - self._wanted[kind.name].keys()):
            sighting = seen.get(key, ())
            ids = [bound[key]] if key in bound else []
            ids += [one.remote_id for one in sighting] if not isinstance(sighting, AgentctlError) else []
            if not prune or not kind.prunable:
                self._orphans.append(Ref(kind.name, key))
                continue
            desired = Desired(kind.name, key, {}, "no longer declared")
            self._changes += [Change("delete", desired, (), Observed(i, {})) for i in dict.fromkeys(ids)]

    async def check(self, kinds: Mapping[str, Kind[Any]]) -> None:
        """Ask each change's kind whether it can be made; one that cannot leaves the changes."""

        async def ask(change: Change) -> AgentctlError | None:
            changed = frozenset(edit.path for edit in change.edits)
            try:
                await kinds[change.desired.kind].check(change.desired, changed, exists=change.observed is not None)
            except AgentctlError as error:
                return error
            return None

        asked = [change for change in self._changes if change.action != "delete"]
        answers = await asyncio.gather(*(ask(change) for change in asked))
        refused = [(change, error) for change, error in zip(asked, answers, strict=True) if error]
        for change, error in refused:
            self._changes.remove(change)
            if isinstance(error, Waiting):
                self._waiting.append(Failure(change.desired.ref, change.desired.where, error))
            else:
                self._fail(change.desired, error)
        self._block_dependents({change.desired.ref for change, _ in refused if change.observed is None})

    def _block_dependents(self, missing: set[Ref]) -> None:
        for change in list(self._changes):
            lost = refs(change.desired.body) & missing
            if lost:
                names = ", ".join(sorted(f"{ref.kind} {ref.key}" for ref in lost))
                self._changes.remove(change)
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
        self._failures.append(Failure(desired.ref, desired.where, error))
