"""Apply a plan: in the order of kinds, resolving Refs, binding each id the moment it exists, verifying each write.

What somebody changed there is not overwritten unless the caller says that ours counts, and what would destroy something
for good is not written unless the caller says so. Before a create its intent is
recorded, so that a run that was cut off is looked for by the next one and not repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from agentctl.errors import AgentctlError, Blocked, Ignored, InUse, Rejected, Stale, Unauthorized
from agentctl.sync.applied import Applied as Applied
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit, diff, patch, without
from agentctl.sync.entries import edited, postponed, survivors, written
from agentctl.sync.gate import Gate, Verdicts
from agentctl.sync.kind import Desired, Kind, Observed, Ref, Repeatable, Shared
from agentctl.sync.plan import Change, Failure, Plan, by_kind, referring, refs, resolve

OnChange = Callable[[Change, AgentctlError | None], None]


async def apply(
    plan: Plan,
    kinds: Sequence[Kind[Any]],
    bindings: Bindings,
    *,
    take_ours: bool = False,
    destroy: bool = False,
    gate: Gate | None = None,
    retire: bool = True,
    on_change: OnChange | None = None,
) -> Applied:
    """Make the plan true. One resource's failure stops only what refers to it; `on_change` hears of each end.

    `take_ours` overwrites drift and conflicts too. `destroy` makes the edits that destroy something for good. `gate` is
    asked before a change goes live. Without `retire`, for a plan without the users of its kinds, what was replaced is
    left to one that has them.
    """
    run = _Run(plan, bindings, take_ours, destroy, on_change, gate)
    await bindings.settle(plan.settled)
    for kind in kinds:
        changes = [change for change in by_kind(plan.changes, kind.name) if change.action != "delete"]
        run.expect(changes)
        await _all(run.change(kind, change) for change in changes)
    for kind in reversed(kinds):
        await _all(run.delete(kind, change) for change in by_kind(plan.changes, kind.name) if change.action == "delete")
        if retire:
            await run.retire(kind)
    return Applied(plan, tuple(run.done), (*plan.failures, *run.failures), tuple(run.held), tuple(run.left))


async def _all(steps: Iterable[Any]) -> None:
    """Run all to their end, whatever becomes of one; what is no expected failure is raised then."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


class _Run:
    """One apply in progress: what is done, what failed, what was held back and what has to go at the end."""

    def __init__(
        self,
        plan: Plan,
        bindings: Bindings,
        take_ours: bool,
        destroy: bool,
        on_change: OnChange | None,
        gate: Gate | None,
    ) -> None:
        self._bindings = bindings
        self._take_ours = take_ours
        self._destroy = destroy
        self._on_change = on_change or (lambda change, error: None)
        self._verdicts = Verdicts(gate)
        self._users = referring(plan.changes)
        self._unplanned = {failure.ref for failure in plan.failures}  # there may be users whose changes nobody knows
        self._retired: list[tuple[Change, str]] = []
        self._failed: set[Ref] = set()
        self._absent: set[Ref] = set()  # deleted there and held back: what refers to them waits with them
        self._made: dict[Ref, asyncio.Event] = {}  # of the kind at hand: set once the new id is bound, or never will be
        self.done: list[Change] = []
        self.held: list[Change] = []
        self.failures: list[Failure] = []
        self.left: list[Failure] = []

    def expect(self, changes: Sequence[Change]) -> None:
        """Get ready for the changes of one kind, which run at once and may refer to each other."""
        new = [change for change in changes if change.observed is None or change.replaces]
        self._made = {change.desired.ref: asyncio.Event() for change in new}
        self._verdicts.expect(new)
        if not self._take_ours:
            self._absent |= {change.desired.ref for change in changes if change.vanished}
        while more := {
            change.desired.ref
            for change in changes
            if change.observed is None and change.desired.ref not in self._absent
            if refs(change.desired.body) & self._absent
        }:
            self._absent |= more

    async def change(self, kind: Kind[Any], change: Change) -> None:
        """Write one change, less what is held back, and verify it; an expected error becomes a failure."""
        held = change.held(take_ours=self._take_ours, destroy=self._destroy)
        needs = refs(change.desired.body)
        waits = bool(({change.desired.ref} | needs) & self._absent)
        waits = waits or (change.desired.follows and bool(needs & {other.desired.ref for other in self.held}))
        if held or waits:
            self.held.append(change)
        try:
            if not waits and not (held and (change.replaces or len(held) == len(change.edits))):
                await self._ended(change, self._write(kind, change, held))
        finally:
            if change.desired.ref in self._made:
                self._made[change.desired.ref].set()
            self._verdicts.given(change.desired.ref)

    async def delete(self, kind: Kind[Any], change: Change) -> None:
        """Remove what is no longer declared, or was replaced by an earlier run, and forget its id."""
        assert change.observed is not None
        if not change.replaces or self._may_go(kind, change.desired.ref):
            await self._ended(change, self._delete(kind, change.desired.ref, change.observed.remote_id))

    async def _delete(self, kind: Kind[Any], ref: Ref, remote_id: str) -> None:
        await kind.delete(remote_id)
        await self._bindings.forget(ref, remote_id)

    async def _ended(self, change: Change, work: Any) -> None:
        try:
            await work
        except InUse as error:
            self._keep(change, error)
            self._on_change(change, error)
        except AgentctlError as error:
            self._failed.add(change.desired.ref)
            self.failures.append(Failure(change.desired.ref, change.desired.where, error))
            self._on_change(change, error)
        else:
            self.done.append(change)
            self._on_change(change, None)

    async def _write(self, kind: Kind[Any], change: Change, held: Sequence[Edit]) -> None:
        desired, spared = change.desired, [edit.keys for edit in held]
        gone: tuple[Edit, ...] = ()
        if desired.follows and (lost := refs(desired.body) & self._unplanned):
            raise Blocked(f"{desired.kind} {desired.key} was not written, because {_named(lost)} was not")
        new = change.observed is None or change.replaces
        if change.observed is None or new:
            observed = await self._begin(kind, change, spared)
        else:
            observed = change.observed
            gone = tuple(edit for edit in change.edits if edit.removes and edit not in held)
        wanted = await self._resolved(desired)
        body = without(wanted, spared)
        # Refs that became known since the plan was made are in `body`, so the edits are made anew. After a create they
        # are what it could not say, or what the platform did not take; the id is bound by now.
        edits = (*diff(body, observed.body, kind.lists, self._bindings.applied(desired.ref)), *gone)
        if not new and edits:
            await self._admit(change, observed.remote_id, edited(observed.body, edits))
        if not new:
            await self._must_be_fresh(kind, change, observed)
        if edits:
            sent = written(edits, body, wanted, observed.body, kind.lists)
            observed = await kind.update(observed.remote_id, desired, sent)
        if left := survivors(gone, observed.body, kind.lists):
            observed = await self._nulled(kind, change, left, observed)
        await self._verify(kind, change, body, observed, gone)
        if new:
            await self._admit(change, observed.remote_id, observed.body)

    async def _admit(self, change: Change, remote_id: str, planned: Mapping[str, Any]) -> None:
        others = await self._verdicts.ask(change, remote_id, planned)
        self._ids(others, f"{change.desired.kind} {change.desired.key} was not let through")

    async def _begin(self, kind: Kind[Any], change: Change, spared: Sequence[tuple[str, ...]]) -> Observed:
        """Create, without what cannot be said before others of the kind are there; then wait until they are."""
        desired = change.desired
        others = refs(desired.body) & self._made.keys()
        later = postponed(desired.body, others, kind.lists)
        first = without(without(desired.body, later), spared)
        body = resolve(first, self._ids(refs(first), f"{desired.kind} {desired.key} was not written"))
        observed = await self._create(kind, change, body)
        self._made[desired.ref].set()
        for other in others:
            await self._made[other].wait()
        if any(other in self._failed or self._bindings.get(other) is None for other in others):
            await self._verify(kind, change, body, observed, ())
            parts = ", ".join(".".join(path) for path in later)
            self._ids(others, f"{desired.kind} {desired.key} was made without {parts}")
        return observed

    async def _nulled(self, kind: Kind[Any], change: Change, left: Sequence[Edit], observed: Observed) -> Observed:
        """Ask once more, with null, for what is there although it was left out; a refusal leaves it there."""
        entries = [edit for edit in left if edit.after is None]
        if not entries:
            return observed
        try:
            return await kind.update(observed.remote_id, change.desired, patch(entries))
        except Rejected:
            return observed

    async def _create(self, kind: Kind[Any], change: Change, body: Mapping[str, Any]) -> Observed:
        ref, old = change.desired.ref, change.observed.remote_id if change.observed else None
        if not change.replaces and self._bindings.get(ref) != change.bound:
            raise Stale(f"{ref.kind} {ref.key} was made by another sync after this plan was made", _PLAN_AGAIN)
        if not isinstance(kind, Repeatable):
            await self._bindings.intend(ref, again=change.again)
        try:
            remote_id = await kind.create(change.desired, body)
        except (Rejected, Unauthorized):
            # Nothing was made, so nobody has to look for it. Of an earlier create, something may come to light still.
            if not change.again:
                await self._bindings.abandon([ref])
            raise
        await self._bindings.bind(ref, remote_id, former=old)
        if old is not None:
            self._retired.append((change, old))
        return await kind.read(remote_id)

    async def _verify(
        self, kind: Kind[Any], change: Change, body: Mapping[str, Any], observed: Observed, gone: Sequence[Edit]
    ) -> None:
        """Remember as applied what the platform has kept, and no more."""
        left = diff(body, observed.body, kind.lists, self._bindings.applied(change.desired.ref))
        stayed = survivors(gone, observed.body, kind.lists)
        kept = without(body, [edit.keys for edit in left])
        removed = [edit.keys for edit in gone if edit not in stayed]
        await self._bindings.bind(change.desired.ref, observed.remote_id, kept, removed, touched=observed.touched)
        name = f"{kind.name} {change.desired.key}"
        if left:
            keys = ", ".join(edit.path for edit in left)
            raise Ignored(
                f"{name}: the platform accepted the write but did not keep {keys}",
                f"Check the spelling and place of these keys in {change.desired.where}.",
            )
        if stayed:
            keys = ", ".join(edit.path for edit in stayed)
            raise Ignored(f"{name}: the platform does not let go of {keys}", "Take it away in the dashboard.")

    async def _must_be_fresh(self, kind: Kind[Any], change: Change, planned: Observed) -> None:
        if planned.version and (await kind.read(planned.remote_id)).version != planned.version:
            name = f"{change.desired.kind} {change.desired.key}"
            raise Stale(
                f"{name} was changed at the platform after this plan was made; nothing was written", _PLAN_AGAIN
            )

    async def _resolved(self, desired: Desired) -> Any:
        """The body with an id for every Ref, once those that are being made are made."""
        needed = refs(desired.body)
        for ref in needed & self._made.keys() - {desired.ref}:
            await self._made[ref].wait()
        return resolve(desired.body, self._ids(needed, f"{desired.kind} {desired.key} was not written"))

    def _ids(self, needed: Iterable[Ref], otherwise: str) -> dict[Ref, str]:
        ids = {ref: remote_id for ref in needed if (remote_id := self._bindings.get(ref)) is not None}
        if lost := [ref for ref in needed if ref in self._failed or ref not in ids]:
            raise Blocked(f"{otherwise}, because {_named(lost)} was not")
        return ids

    async def retire(self, kind: Kind[Any]) -> None:
        """Delete what was replaced. What cannot go yet is remembered, and is a leftover in the next plan."""
        mine = [(change, old_id) for change, old_id in self._retired if change.desired.kind == kind.name]
        await _all(self._retire(kind, change, old_id) for change, old_id in mine)

    async def _retire(self, kind: Kind[Any], change: Change, old_id: str) -> None:
        try:
            if self._may_go(kind, change.desired.ref):
                await self._delete(kind, change.desired.ref, old_id)
        except InUse as error:
            self._keep(change, error)
        except AgentctlError as error:
            self.failures.append(Failure(change.desired.ref, change.desired.where, error))

    def _may_go(self, kind: Kind[Any], ref: Ref) -> bool:
        """Whether what was replaced may go: all that refer to it took up the new one, or the kind itself will know."""
        known = ref in self._users or not self._unplanned
        return isinstance(kind, Shared) or (known and not self._clinging(ref))

    def _clinging(self, ref: Ref) -> set[Ref]:
        return self._users.get(ref, set()) & (self._failed | {change.desired.ref for change in self.held})

    def _keep(self, change: Change, error: InUse) -> None:
        """It stays in use; where that is since a user of ours failed or was held back, that tells enough."""
        if not self._clinging(change.desired.ref):
            self.left.append(Failure(change.desired.ref, change.desired.where, error))


def _named(refs: Iterable[Ref]) -> str:
    """What a person calls them."""
    return ", ".join(sorted(f"{ref.kind} {ref.key}" for ref in refs))


_PLAN_AGAIN = "Run it again: the new plan shows what is there now."
