"""The plan while it grows, kind after kind, so that each can refer to those before it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentctl.errors import AgentctlError, Blocked, Problem, Waiting
from agentctl.secrecy.secret import sealed
from agentctl.sync.abandoned import abandoned
from agentctl.sync.bindings import Bindings
from agentctl.sync.changes import Changes
from agentctl.sync.claims import ambiguous, claiming, counting, doubled, ids_of, lacking
from agentctl.sync.departure import as_they_are, nameable, named_in
from agentctl.sync.diff import Edit, diff, differs, overlaid, without
from agentctl.sync.entries import forgotten, removals
from agentctl.sync.interrupted import arrived, believed
from agentctl.sync.kind import Desired, Kind, Observed, Ref, Shared, Sighting
from agentctl.sync.loss import losses
from agentctl.sync.opaque import Look, look
from agentctl.sync.plan import Change, Failure, Plan, Settled, refs, resolve, traced
from agentctl.sync.provenance import attempted
from agentctl.sync.sharing import Others, Parties, named

Wanted = Mapping[str, Desired]


class Draft:
    """What is known so far. `gated`: an edit that users of an object would feel at once is made in a new object.

    `gone`: what is bound, wanted by nobody and there no more.
    """

    def __init__(
        self, bindings: Bindings, wanted: Mapping[str, Wanted], gone: Mapping[Ref, str], *, gated: bool = False
    ) -> None:
        self._bindings = bindings
        self._wanted = wanted
        self._gone = gone
        self._gated = gated
        self.ids: dict[Ref, str] = {}
        self._pending: set[Ref] = set()
        self._several: set[Ref] = set()  # more than one claims to be it, and none is bound
        self._changes = Changes()
        self._settled: list[Settled] = []
        self._unchanged = 0
        self._ours: dict[str, int] = {}
        self._adopted: list[Ref] = []
        self._orphans: list[Ref] = []
        self._abandoned: list[Ref] = []
        self._leftover: dict[str, Ref] = {}  # id of what was replaced and is there: the name that it has there
        self._there: set[str] = set()  # of the kind at hand: every id that was seen
        self._doubled: list[Failure] = []
        self._waiting: list[Failure] = []
        self._notices: list[Problem] = []
        self._failures: list[Failure] = []

    def plan(self, notices: Iterable[Problem]) -> Plan:
        """What has come together."""
        return Plan(
            changes=tuple(self._changes),
            settled=tuple(self._settled),
            unchanged=self._unchanged,
            orphans=tuple(self._orphans),
            waiting=tuple(self._waiting),
            notices=(*notices, *self._notices),
            failures=tuple(self._failures),
            known=len(self._bindings),
            ours=self._ours,
            adopted=tuple(self._adopted),
            abandoned=tuple(self._abandoned),
            doubled=tuple(self._doubled),
        )

    def expect(self, wanted: Collection[Desired], seen: Mapping[str, Sighting]) -> None:
        """Know the ids of one kind before any of it is compared, since its resources may refer to each other.

        A kind that refers to itself must not replace: whoever was compared before would keep the old id.
        """
        self._there = {i for sighting in seen.values() for i in ids_of(sighting)}
        for desired in wanted:
            sighting = seen.get(desired.key, ())
            if isinstance(sighting, AgentctlError):
                continue
            claims = claiming(sighting, self._bindings.former(desired.ref))
            if counts := counting(claims, self._bindings.get(desired.ref)):
                self.ids[desired.ref] = counts
            elif claims:
                self._several.add(desired.ref)
            else:
                self._pending.add(desired.ref)

    def block(self) -> None:
        """Take out what refers to one that cannot be planned and is not there."""
        self._block_dependents({failure.ref for failure in self._failures} - self.ids.keys())

    def add(self, kind: Kind[Any], desired: Desired, sighting: Sighting, strangers: Others = ()) -> None:
        """Compare one resource and note what follows. `strangers`: see `Parties.strangers`."""
        if isinstance(sighting, AgentctlError):
            return self._fail(desired, sighting)
        if isinstance(strangers, AgentctlError):
            return self._fail(desired, strangers)
        claims = claiming(sighting, self._bindings.former(desired.ref))
        if len(claims) > 1:
            bound, mark = self._bindings.get(desired.ref), kind.traits.mark
            names = set[str]().union(*map(named_in, claims))
            return self._fail(desired, ambiguous(desired.ref, bound, claims, mark), names=names)
        unknown = {ref for ref in refs(desired.body) if not self._known(ref)}
        if unknown:
            self._pending.discard(desired.ref)
            return self._fail(desired, lacking(desired.ref, unknown, self._several))
        return self._compare(kind, desired, claims[0] if claims else None, named(strangers))

    def _compare(self, kind: Kind[Any], desired: Desired, observed: Observed | None, others: str) -> None:
        ref, body = desired.ref, resolve(desired.body, self.ids)
        bound, begun = self._bindings.get(ref), self._bindings.intended(ref)
        if observed is None:
            self._pending.add(ref)
            edits = diff(body, {}, kind.lists)
            self._changes.add([Change("create", desired, edits, bound=bound, again=begun)])
            return
        memory = self._bindings.memory(ref, observed.remote_id)
        if bound is None and memory is None and not begun:
            self._adopted.append(ref)
        said = self._bindings.said(ref, observed.remote_id)
        taken = believed(said, memory, observed, kind)
        known = overlaid(desired.implied, overlaid(memory or {}, taken))
        edits = traced(diff(body, observed.body, kind.lists, known), known, kind.lists, self._changes.vanished)
        edits += removals(desired, observed.body, known, kind.lists)
        gone = forgotten(desired, observed.body, known, kind.lists)
        if theirs := memory is None and not observed.free and not arrived(said, observed, kind.lists):
            edits = tuple(replace(edit, origin="there") for edit in edits)
        # What was taken is remembered where it differs too: the next plan would not know whose it is.
        seen = self._look(kind, desired, observed, edits)
        equal = overlaid({**seen.basis, **without(taken, gone)}, without(body, [edit.keys for edit in edits]))
        news = bound != observed.remote_id or begun or gone or seen.touched or said or self._bindings.exposed(ref)
        # What is somebody else's is not bound before it is taken: bound, it would count as ours in the next plan.
        unjudged = self._unjudged(kind, desired, observed)
        if not (theirs and edits) and (news or differs(sealed(equal), known, kind.lists)):
            former = bound if bound != observed.remote_id and bound in self._there else None
            how = seen.touched, former, unjudged, seen.fingerprint, {**attempted(kind, ref, self._bindings), **seen.own}
            self._settled.append(Settled(ref, observed.remote_id, equal, gone, *how))
        replaces = bool(others) or self._replaces(kind, desired, frozenset(edit.path for edit in edits))
        if replaces:
            self.ids.pop(ref)
            self._pending.add(ref)
        if edits or unjudged:
            instead = bool(theirs) and bound is not None and bound not in self._there
            change = Change("update", desired, edits, observed, replaces=replaces, bound=bound, again=begun)
            lost = tuple(losses(desired, body, observed.body, edits))
            self._changes.add([replace(change, losses=lost, others=others, unjudged=unjudged, instead=instead)])
        else:
            self._unchanged += 1

    def _look(self, kind: Kind[Any], desired: Desired, observed: Observed, edits: Collection[Edit]) -> Look:
        ref, remote_id = desired.ref, observed.remote_id
        memory, said = self._bindings.recall(ref, remote_id), self._bindings.said(ref, remote_id)
        seen = look(kind, desired, observed, memory, edits, said)
        self._notices += [seen.notice] if seen.notice else []
        return seen

    def _unjudged(self, kind: Kind[Any], desired: Desired, observed: Observed) -> bool:
        """Whether a gate has to let through what is there already. Of what was found by its mark nothing is known."""
        known = self._bindings.get(desired.ref) == observed.remote_id and not self._bindings.unjudged(desired.ref)
        if known or not self._gated or not kind.traits.judged:
            return False
        what = "is not known to have passed the tests that let it through; they run before anything leads to it"
        self._notices.append(Problem(f"{kind.name} {desired.key}", what))
        return True

    def _replaces(self, kind: Kind[Any], desired: Desired, changed: frozenset[str]) -> bool:
        felt = self._gated and isinstance(kind, Shared) and kind.felt(changed)
        return felt or kind.replaces(desired, changed)

    def leftovers(self, kind: Kind[Any], seen: Mapping[str, Sighting]) -> None:
        """What has been replaced and is there still, since a run was cut off or a user did not let go: it goes now.

        It is ours by its binding, and it is not the declaration that ends, so nobody has to ask for it.
        """
        strays = {i: key for key in seen.keys() - self._wanted[kind.name].keys() for i in ids_of(seen[key])}
        failed = {failure.ref for failure in self._failures}
        for desired in self._wanted[kind.name].values():
            ref = desired.ref
            now = ids_of(seen.get(desired.key, ()))
            known = {*self._bindings.former(ref), self._bindings.get(ref)}
            former = strays.keys() & known - set(now)
            if ref not in failed:
                self._leftover |= {i: Ref(kind.name, strays[i]) for i in former}
                old = Desired(kind.name, desired.key, {}, desired.where, payload=desired.payload)
                self._changes.add(Change("delete", old, (), Observed(i, {}), replaces=True) for i in sorted(former))
        self._count(kind, seen)

    def _count(self, kind: Kind[Any], seen: Mapping[str, Sighting]) -> None:
        """How many there are of ours, declared or not; what is to go already has another in its place."""
        if not kind.traits.internal:
            there = {i for sighting in seen.values() for i in ids_of(sighting)}
            self._ours[kind.name] = len((there | set(self._bindings.of(kind.name).values())) - self._leftover.keys())

    def orphans(self, kind: Kind[Any], seen: Mapping[str, Sighting], *, prune: bool) -> None:
        """What is ours by binding or by mark and is no longer declared, and what is only said to have been begun."""
        self._abandoned += abandoned(kind, self._wanted[kind.name], seen, self._bindings)
        bound = self._bindings.of(kind.name)
        whose = {remote_id: key for key, remote_id in bound.items()}
        in_use = {i for key in self._wanted[kind.name] for i in (bound.get(key), *ids_of(seen.get(key, ())))}
        for key in sorted((bound.keys() | seen.keys()) - self._wanted[kind.name].keys()):
            ref = Ref(kind.name, key)
            ids = [bound[key]] if key in bound and ref not in self._gone else []
            ids += [one for one in ids_of(seen.get(key, ())) if one not in self._leftover]
            # What is wanted under another key, or bound to one, may still carry the mark of this one.
            ids = [one for one in ids if one not in in_use and whose.get(one, key) == key]
            self._doubled += doubled(ref, ids, bound, seen.get(key, ()), kind.traits.mark)
            if not ids:
                continue
            # Bound, without a mark and never written to: whoever was about to adopt it was cut off. It is not ours yet.
            foreign = not seen.get(key) and not self._bindings.applied(ref)
            if foreign or not prune or not kind.traits.prunable:
                self._orphans.append(ref)
                continue
            desired = Desired(kind.name, key, {}, "no longer declared")
            known: dict[str, Any] = {"bound": bound.get(key), "again": self._bindings.intended(ref)}
            self._changes.add(Change("delete", desired, (), Observed(i, {}), **known) for i in dict.fromkeys(ids))

    async def spare(self, kinds: Mapping[str, Kind[Any]], parties: Parties) -> None:
        """Take back each deletion of what somebody uses whom this plan does not write, and say who; look at the rest.

        What becomes of those after this look stops their deletion.
        """
        doomed = [change for change in self._changes if change.action == "delete"]
        keepers, spared = await parties.keepers(kinds, doomed, tuple(self._changes)), list[tuple[Change, None]]()
        for change, users in zip(doomed, keepers, strict=True):
            if not users or change.observed is None:
                continue
            spared.append((change, None))
            if isinstance(users, AgentctlError):
                self._fail(change.desired, users, leaving=True)
                continue
            ref = self._leftover.get(change.observed.remote_id, change.desired.ref)
            self._orphans.append(ref)
            why = "was replaced" if change.replaces else "is no longer declared"
            what = f"{why}, and stays since it is used by {named(users)}"
            self._notices.append(Problem(f"{ref.kind} {ref.key}", what))
        self._changes.amend(spared)
        doomed = [change for change in self._changes if change.action == "delete"]
        looks = await as_they_are(kinds, doomed, self._bindings, nameable(self._gone, kinds))
        seen = [(change, now) for change, now in zip(doomed, looks, strict=True) if now is not change]
        self._changes.amend((change, now if isinstance(now, Change) else None) for change, now in seen)
        for change, now in seen:
            if not isinstance(now, Change):
                self._fail(change.desired, now, leaving=True)

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
            if isinstance(error, Waiting) and change.vanished:  # Drift, since it was there: how to mend it is a note.
                self._notices.append(Problem(change.desired.where, str(error)))
            elif isinstance(error, Waiting):
                self._waiting.append(Failure(change.desired.ref, change.desired.where, error))
            else:
                self._fail(change.desired, error, names=named_in(change.observed))
        self._changes.amend((one, None) for one, error in refused if not (one.vanished and isinstance(error, Waiting)))
        self._block_dependents({change.desired.ref for change, _ in refused if change.observed is None})

    def _block_dependents(self, missing: set[Ref]) -> None:
        blocked = list[tuple[Change, None]]()
        for change in self._changes if missing else ():
            lost = refs(change.desired.body) & missing
            if lost:
                names = ", ".join(sorted(f"{ref.kind} {ref.key}" for ref in lost))
                blocked.append((change, None))
                why = Blocked(f"{change.desired.kind} {change.desired.key} needs {names}")
                self._fail(change.desired, why, names=named_in(change.observed))
                missing.add(change.desired.ref)
        self._changes.amend(blocked)

    def _known(self, ref: Ref) -> bool:
        """Whether a Ref has an id now or gets one by this plan; ids of kinds outside the plan come from bindings."""
        if ref in self.ids or ref in self._pending:
            return True
        bound = self._bindings.get(ref)
        if bound is None or ref.key in self._wanted.get(ref.kind, {}):
            return False
        self.ids[ref] = bound
        return True

    def _fail(self, desired: Desired, error: AgentctlError, **more: Any) -> None:
        self._failures.append(Failure(desired.ref, desired.where, error, **more))
