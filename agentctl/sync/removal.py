"""Delete what is declared no longer, and what was replaced: after everything else, and never under a user."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from agentctl.errors import AgentctlError, InUse
from agentctl.sync.bindings import Bindings
from agentctl.sync.departure import words
from agentctl.sync.fresh import must_be_fresh
from agentctl.sync.kind import Kind, Ref, Shared
from agentctl.sync.ledger import Ledger
from agentctl.sync.opaque import must_be_as_seen
from agentctl.sync.plan import Change
from agentctl.sync.task import all_of

_LETS_GO = "An assistant of this project lets go of it, and it goes, with the sync of that: agentctl sync"


def in_order(kinds: Sequence[Kind[Any]]) -> list[Kind[Any]]:
    """Users before what they use. What our own store says of them last: it is needed for as long as they are there."""
    return [kind for internal in (False, True) for kind in reversed(kinds) if kind.traits.internal is internal]


class Removal:
    """The deletions of one plan. What cannot go yet is remembered, and is a leftover in the next plan."""

    def __init__(self, kinds: Sequence[Kind[Any]], bindings: Bindings, ledger: Ledger) -> None:
        self._order = {kind.name: number for number, kind in enumerate(kinds)}
        self._outside = [kind.name for kind in kinds if not kind.traits.internal]
        self._bindings = bindings
        self._ledger = ledger
        self._replaced: list[tuple[Change, str]] = []
        self.gone: set[str] = set()  # the ids that are no more, and that others may have named

    def replaced(self, change: Change, old_id: str) -> None:
        """A new object has taken the place of this one."""
        self._replaced.append((change, old_id))

    async def delete(self, kind: Kind[Any], change: Change) -> None:
        """Remove one that is declared no longer, or was replaced by an earlier run, and forget its id."""
        assert change.observed is not None
        ref, remote_id = change.desired.ref, change.observed.remote_id
        if change.replaces and not self._may_go(kind, ref):
            return
        await self._ledger.ended(change, self._delete(kind, ref, remote_id, change))

    async def retire(self, kind: Kind[Any]) -> None:
        """Delete what this run has replaced."""
        mine = [(change, old_id) for change, old_id in self._replaced if change.desired.kind == kind.name]
        await all_of(self._retire(kind, change, old_id) for change, old_id in mine)

    async def _retire(self, kind: Kind[Any], change: Change, old_id: str) -> None:
        try:
            if self._may_go(kind, change.desired.ref):
                await must_be_as_seen(kind, change, old_id, self._bindings)
                await self._delete(kind, change.desired.ref, old_id, None)
        except InUse as error:
            self._ledger.keep(change, error)
        except AgentctlError as error:
            self._ledger.fail(change, error)

    async def _delete(self, kind: Kind[Any], ref: Ref, remote_id: str, planned: Change | None) -> bool:
        if kind.traits.internal and planned is not None and (about := self._about(planned)):
            names = ", ".join(f"{one.kind} {one.key}" for one in about)
            raise InUse(f"{ref.kind} {ref.key} stays, since {names} does", "Once that can go, run the same again.")
        # A Shared kind asks who uses it; of the others nobody but us knows.
        if not isinstance(kind, Shared) and (users := self._users(ref.kind, remote_id)):
            names = ", ".join(sorted(f"{user.kind} {user.key}" for user in users))
            what = f"{ref.kind} {ref.key} stays, since {names} was not written and may refer to it"
            raise InUse(what, "Once that is in sync, run the same again.")
        if planned is not None and planned.replaces:
            await must_be_as_seen(kind, planned, remote_id, self._bindings)
        elif planned is not None:
            await must_be_fresh(kind, planned)
        try:
            await kind.delete(remote_id)
        except InUse as error:
            replaced = planned is None or planned.replaces
            raise (_of(error, self._bindings.ids()) if replaced else error) from None
        await self._bindings.forget(ref, remote_id)
        if planned is not None and not planned.replaces and self._bindings.intended(ref):
            await self._bindings.abandon([ref])  # What that create had made was found, and is gone.
        if not kind.traits.internal:
            self.gone.add(remote_id)
        return True

    def _about(self, change: Change) -> list[Ref]:
        """What is bound outside of our store, and named by what that says of it."""
        named = words(change.observed.body) if change.observed else set()
        bound = [(Ref(kind, key), i) for kind in self._outside for key, i in self._bindings.of(kind).items()]
        return [ref for ref, remote_id in bound if remote_id in named]

    def _users(self, kind: str, remote_id: str) -> set[Ref]:
        """What was not written and refers to it, or may: of what no change is known, it is as it was."""
        return self._ledger.holding(remote_id) | {
            ref
            for ref, names in self._ledger.unplanned.items()
            if self._order[ref.kind] >= self._order[kind] and (names is None or remote_id in names)
        }

    def _may_go(self, kind: Kind[Any], ref: Ref) -> bool:
        """Whether what was replaced may go: all that refer to it took up the new one, or the kind itself will know."""
        return isinstance(kind, Shared) or (self._ledger.is_known(ref) and not self._ledger.clinging(ref))


def _of(error: InUse, ours: Collection[str]) -> InUse:
    """The same, of what was replaced: no user of ours has to be detached by hand. `ours`: every bound id."""
    others = [name for remote_id, name in error.users.items() if remote_id not in ours]
    if len(others) == len(error.users):
        return error
    rest = f"; for {', '.join(others)}: {error.hint}" if others else ""
    return InUse(error.message, f"{_LETS_GO}{rest}", users=error.users)
