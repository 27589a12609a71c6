"""Apply a plan: in the order of kinds, resolving Refs, binding each id the moment it exists, verifying each write.

What somebody changed there is not overwritten unless the caller says that ours counts, and what would destroy something
for good is not written unless the caller says so. Before a create its intent is recorded, so that a run that was cut
off is looked for by the next one and not repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from agentctl.errors import AgentctlError, Blocked, Rejected, Stale
from agentctl.sync.amending import amended, delivered
from agentctl.sync.applied import Applied as Applied
from agentctl.sync.bindings import Bindings
from agentctl.sync.departure import let_go, staying
from agentctl.sync.diff import Edit, diff, patch, without
from agentctl.sync.entries import edited, postponed, survivors, written
from agentctl.sync.exchange import Exchange
from agentctl.sync.fresh import PLAN_AGAIN, must_be_fresh, must_be_ours
from agentctl.sync.gate import Gate, Verdicts, named_by_id
from agentctl.sync.interrupted import Said
from agentctl.sync.keeping import must_be_kept
from agentctl.sync.kind import Desired, Kind, Observed, Ref
from agentctl.sync.ledger import Ledger
from agentctl.sync.ledger import OnChange as OnChange
from agentctl.sync.making import made, set_since
from agentctl.sync.opaque import afterwards
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Change, Plan, by_kind, refs, resolve
from agentctl.sync.removal import Removal, in_order
from agentctl.sync.task import all_of
from agentctl.telemetry.spans import traced


@traced("sync apply")
async def apply(
    plan: Plan,
    kinds: Sequence[Kind[Any]],
    bindings: Bindings,
    *,
    take_ours: bool = False,
    destroy: bool = False,
    gate: Gate | None = None,
    retire: bool = True,
    patience: Patience | None = None,
    on_change: OnChange | None = None,
) -> Applied:
    """Make the plan true. One resource's failure stops only what refers to it; `on_change` hears of each end.

    `take_ours` overwrites drift and conflicts too, and does what is probably not meant. `destroy` makes the edits that
    destroy something for good. `gate` is asked before a change goes live. Without `retire`, for a plan without the
    users of its kinds, what was replaced is left to one that has them. `patience`: how often an edit without an answer
    is looked for and sent again.
    """
    ledger = Ledger(plan, kinds, on_change)
    removal = Removal(kinds, bindings, ledger)
    stay = staying(plan, kinds, lambda one: one.stays(take_ours=take_ours))
    await bindings.settle(plan.settled)
    await let_go(plan, kinds, bindings)
    exchange = Exchange(plan, kinds, bindings, judged=gate is not None)
    waiting = _waiting(plan, take_ours=take_ours)
    run = _Run(bindings, ledger, removal, exchange, take_ours, destroy, gate, patience or Patience(), waiting)
    for kind in kinds:
        changes = [change for change in by_kind(plan.changes, kind.name) if change.action != "delete"]
        run.expect(changes)
        await all_of(run.change(kind, change) for change in changes)
    for kind in in_order(kinds):
        doomed = [change for change in by_kind(plan.changes, kind.name) if change.action == "delete"]
        ledger.held += [change for change in doomed if change in stay]
        await all_of(removal.delete(kind, change) for change in doomed if change not in stay)
        if retire:
            await removal.retire(kind)
    with suppress(AgentctlError):  # All is written; what is lost of this leads to a question and to nothing wrong.
        await bindings.detach(removal.gone)
    return ledger.applied()


def _waiting(plan: Plan, *, take_ours: bool) -> set[Ref]:
    """What is not written as a whole. A barred deletion is of what is not ours, or stays: nothing waits for it."""
    barred = {change.desired.ref for change in plan.changes if change.barred and change.action != "delete"}
    return barred if take_ours else barred | {change.desired.ref for change in plan.doubtful}


class _Run:
    """The writes of one apply."""

    def __init__(
        self,
        bindings: Bindings,
        ledger: Ledger,
        removal: Removal,
        exchange: Exchange,
        take_ours: bool,
        destroy: bool,
        gate: Gate | None,
        patience: Patience,
        waiting: set[Ref],
    ) -> None:
        self._bindings = bindings
        self._ledger = ledger
        self._removal = removal
        self._exchange = exchange
        self._take_ours = take_ours
        self._destroy = destroy
        self._verdicts = Verdicts(gate, bindings.unjudged)
        self._patience = patience
        self._absent = set(waiting)  # with what was deleted there, held back: what refers to them waits with them
        self._made: dict[Ref, asyncio.Event] = {}  # of the kind at hand: set once the new id is bound, or never will be

    def expect(self, changes: Sequence[Change]) -> None:
        """Get ready for the changes of one kind, which run at once and may refer to each other."""
        new = [change for change in changes if change.observed is None or change.replaces]
        self._made = {change.desired.ref: asyncio.Event() for change in new}
        self._verdicts.expect([*new, *(change for change in changes if change.unjudged and change not in new)])
        if not self._take_ours:
            waiting = [one for one in changes if one.vanished or (one.awaits and one.observed is None)]
            self._absent |= {change.desired.ref for change in waiting}
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
        absent = refs(change.desired.body) & self._absent
        # What refers to something that was deleted there stays as it is; the rest of its user is written.
        parts = () if change.observed is None or change.replaces else postponed(change.desired.body, absent, kind.lists)
        spared = [*(edit.keys for edit in held), *parts]
        left = [edit for edit in change.edits if edit not in held and not any(edit.under(part) for part in parts)]
        first = self._ledger.lacking(_first(change.desired))
        waits = change.desired.ref in self._absent or bool(first or (absent and not parts))
        if spared or waits:
            self._ledger.held.append(change)
        try:
            if not waits and (not spared or (left and not change.replaces)):
                await self._ledger.ended(change, self._write(kind, change, held, spared))
        finally:
            if change.desired.ref in self._made:
                self._made[change.desired.ref].set()
            self._verdicts.ended(change.desired.ref, failed=change.desired.ref in self._ledger.failed)

    async def _write(
        self, kind: Kind[Any], change: Change, held: Sequence[Edit], spared: Sequence[tuple[str, ...]]
    ) -> bool:
        """Whether anything was written: not so where all of it waits for what is held back."""
        desired = change.desired
        self._need_first(desired)
        new = change.observed is None or change.replaces
        gone = () if new else tuple(edit for edit in change.edits if edit.removes and edit not in held)
        there = None if new else change.observed
        observed = there or await self._begin(kind, change, spared)
        wanted = await self._resolved(desired)
        body = without(wanted, spared)
        # Refs that became known since the plan was made are in `body`, so the edits are made anew. After a create they
        # are what it could not say, or what the platform did not take; the id is bound by now.
        edits = (*diff(body, observed.body, kind.lists, self._bindings.applied(desired.ref)), *gone)
        theirs = self._set_there(change, observed, edits) if new else ()
        edits = tuple(edit for edit in edits if edit.keys not in theirs)
        if not new and (edits or change.unjudged):
            await self._admit(change, observed.remote_id, edited(observed.body, edits), spared)
        if not new:
            observed = await must_be_fresh(kind, change) or observed
            await must_be_ours(kind, observed.remote_id, edits, self._bindings.ids())
            before, after = [edit.before for edit in edits], [edit.after for edit in edits]
            await self._exchange.must_be_as_seen(desired.ref, before, after)
        if edits:
            sent = written(edits, without(body, theirs), wanted, observed.body, kind.lists)
            said = Said.by(edits, body)
            observed = await amended(kind, desired, observed, sent, said, self._bindings, self._patience)
        if left := survivors(gone, observed.body, kind.lists):
            observed = await self._nulled(kind, change, left, observed)
        await self._verify(kind, change, body, observed, gone, theirs, {edit.keys for edit in edits})
        if new:
            await self._admit(change, observed.remote_id, observed.body, spared)
        if not self._verdicts.open:
            await self._bindings.judge(desired.ref)
        return bool(new or edits or gone or change.unjudged or not refs(desired.body) & self._ledger.held_refs)

    def _need_first(self, desired: Desired) -> None:
        if lost := _first(desired) & (self._ledger.unplanned.keys() | self._ledger.failed):
            raise Blocked(f"{desired.kind} {desired.key} was not written, because {_named(lost)} was not")

    async def _admit(
        self, change: Change, remote_id: str, planned: Mapping[str, Any], spared: Sequence[tuple[str, ...]]
    ) -> None:
        if self._verdicts.open:
            return  # Nobody asks what it leads to, which is looked for among all that is bound.
        body = without(change.desired.body, spared)
        leads = refs(body) | named_by_id(body, change.desired.kind, self._bindings.of(change.desired.kind))
        if lost := await self._verdicts.ask(change, remote_id, planned, leads):
            what = f"{change.desired.kind} {change.desired.key} was not let through, because {_named(lost)} was not"
            raise Blocked(what, "Nothing leads to what no gate has let through: sync that with it, or before.")

    async def _begin(self, kind: Kind[Any], change: Change, spared: Sequence[tuple[str, ...]]) -> Observed:
        """Create, without what cannot be said before others of the kind are there; then wait until they are."""
        desired = change.desired
        others = refs(desired.body) & self._made.keys()
        later = postponed(desired.body, others, kind.lists)
        first = without(without(desired.body, later), spared)
        body = resolve(first, self._ids(refs(first), f"{desired.kind} {desired.key} was not written"))
        await self._exchange.must_be_as_seen(desired.ref, None, body)
        remote_id = await self._create(kind, change, body)
        self._made[desired.ref].set()
        for other in others:
            await self._made[other].wait()
        observed = await kind.read(remote_id)  # Not before: what is written next is judged by what is there then.
        if any(other in self._ledger.failed or self._bindings.get(other) is None for other in others):
            theirs = self._set_there(change, observed, diff(body, observed.body, kind.lists))
            await self._verify(kind, change, body, observed, (), theirs)
            parts = ", ".join(".".join(path) for path in later)
            self._ids(others, f"{desired.kind} {desired.key} was made without {parts}")
        return observed

    async def _nulled(self, kind: Kind[Any], change: Change, left: Sequence[Edit], observed: Observed) -> Observed:
        """Ask once more, with null, for what is there although it was left out; a refusal leaves it there."""
        entries = [edit for edit in left if edit.after is None]
        if not entries:
            return observed
        try:
            words = patch(entries)  # Remembered with the edit that left them out.
            return await delivered(kind, change.desired, observed, words, words, self._bindings, self._patience)
        except Rejected:
            return observed

    def _set_there(self, change: Change, made: Observed, edits: Sequence[Edit]) -> tuple[tuple[str, ...], ...]:
        """The paths of what was just made that somebody has set since: drift like any other, and held back as such."""
        said = self._bindings.said(change.desired.ref, made.remote_id)
        if theirs := set_since(edits, said or Said({})):
            self._ledger.held.append(replace(change, edits=theirs, observed=made))
        return tuple(edit.keys for edit in theirs)

    async def _create(self, kind: Kind[Any], change: Change, body: Mapping[str, Any]) -> str:
        ref, old = change.desired.ref, change.observed.remote_id if change.observed else None
        if not change.replaces and self._bindings.get(ref) != change.bound:
            raise Stale(f"{ref.kind} {ref.key} was made by another sync after this plan was made", PLAN_AGAIN)
        unjudged = kind.traits.judged and not self._verdicts.open
        remote_id = await made(
            kind, change.desired, body, self._bindings, again=change.again, former=old, unjudged=unjudged
        )
        if old is not None:
            self._removal.replaced(change, old)
        return remote_id

    async def _verify(
        self,
        kind: Kind[Any],
        change: Change,
        body: Mapping[str, Any],
        observed: Observed,
        gone: Sequence[Edit],
        theirs: Sequence[tuple[str, ...]],
        said: Collection[tuple[str, ...]] | None = None,
    ) -> None:
        """Remember as applied what the platform has kept, and what was at `theirs` before it was set otherwise there.

        With that, the next plan knows whose it is. `said`: the paths that were written; None: all. What differs beside
        them was as declared before, so that the platform has ignored nothing there.
        """
        differing = diff(body, observed.body, kind.lists, self._bindings.applied(change.desired.ref))
        left = [edit for edit in differing if edit.keys not in theirs]
        stayed = survivors(gone, observed.body, kind.lists)
        kept = without(body, [edit.keys for edit in left])
        removed = [edit.keys for edit in gone if edit not in stayed]
        seen = afterwards(kind, observed, kept, self._bindings.recall(change.desired.ref, observed.remote_id), said)
        await self._bindings.bind(change.desired.ref, observed.remote_id, kept, removed, **seen)
        ignored = [edit for edit in left if said is None or edit.keys in said]
        must_be_kept(kind, change.desired, left, ignored, stayed)

    async def _resolved(self, desired: Desired) -> Any:
        """The body with an id for every Ref, once those that are being made are made."""
        needed = refs(desired.body)
        for ref in needed & self._made.keys() - {desired.ref}:
            await self._made[ref].wait()
        return resolve(desired.body, self._ids(needed, f"{desired.kind} {desired.key} was not written"))

    def _ids(self, needed: Iterable[Ref], otherwise: str) -> dict[Ref, str]:
        ids = {ref: remote_id for ref in needed if (remote_id := self._bindings.get(ref)) is not None}
        if lost := [ref for ref in needed if ref in self._ledger.failed or ref not in ids]:
            raise Blocked(f"{otherwise}, because {_named(lost)} was not")
        return ids


def _first(desired: Desired) -> frozenset[Ref]:
    """What has to be as declared before this is written."""
    return desired.after | refs(desired.body) if desired.follows else desired.after


def _named(refs: Iterable[Ref]) -> str:
    """What a person calls them."""
    return ", ".join(sorted(f"{ref.kind} {ref.key}" for ref in refs))
