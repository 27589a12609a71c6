"""What became of each change of a plan while it is applied, and whom that concerns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any

from agentctl.errors import AgentctlError, InUse
from agentctl.sync.applied import Applied
from agentctl.sync.kind import Kind, Ref
from agentctl.sync.plan import Change, Failure, Plan, refs
from agentctl.telemetry import figures
from agentctl.telemetry.spans import span

OnChange = Callable[[Change, AgentctlError | None], None]


class Ledger:
    """The changes that are done, failed or held back; `on_change` hears of each end.

    `failed` and `unplanned`: those that were not written, and those of which no change is known, with what they name.
    """

    def __init__(self, plan: Plan, kinds: Iterable[Kind[Any]], on_change: OnChange | None = None) -> None:
        self._plan = plan
        self._contents = {kind.name: kind.traits.opaque for kind in kinds}
        self._on_change = on_change or (lambda change, error: None)
        self._users = _referring(plan.changes)
        self.unplanned = {failure.ref: failure.names for failure in plan.failures if not failure.leaving}
        self.failed: set[Ref] = set()
        self.held: list[Change] = []
        self._begun: dict[Ref, int] = {}
        self._done: list[Change] = []
        self._failures: list[Failure] = []
        self._left: list[Failure] = []

    def applied(self) -> Applied:
        """What has come together, in the order in which it was begun: what runs at once ends in any."""
        done = sorted(self._done, key=lambda one: self._begun[one.desired.ref])
        failures = (*self._plan.failures, *sorted(self._failures, key=lambda one: self._begun[one.ref]))
        gone = {change.desired.ref for change in self.held if change.vanished}
        held = tuple(change for change in self.held if not self._is_told(change, gone))
        return Applied(self._plan, tuple(done), failures, held, tuple(self._left))

    def _is_told(self, change: Change, gone: set[Ref]) -> bool:
        """Whether it failed, and nothing was held back of it but what refers to something that was deleted there."""
        edits = (*change.foreign, *change.perilous)
        return change.desired.ref in self.failed and all(refs(edit.after) & gone for edit in edits)

    async def ended(self, change: Change, work: Awaitable[bool]) -> None:
        """Wait for the end of a change; an expected error becomes a failure. `work`: whether anything was written."""
        kind, action = change.desired.kind, change.action
        self._begun.setdefault(change.desired.ref, len(self._begun))
        about = {"agentctl.kind": kind, "agentctl.key": change.desired.key, "agentctl.action": action}
        try:
            with span("sync change", about):
                wrote = await work
        except InUse as error:
            figures.CHANGES.add(kind, action, "held")
            self.keep(change, error)
            self._on_change(change, error)
        except AgentctlError as error:
            figures.CHANGES.add(kind, action, "failed")
            self.failed.add(change.desired.ref)
            self.fail(change, error)
            self._on_change(change, error)
        else:
            figures.CHANGES.add(kind, action, "done" if wrote else "held")
            if not wrote:
                self.held += [change] if change not in self.held else []
                return
            self._done.append(change)
            self._on_change(change, None)

    def fail(self, change: Change, error: AgentctlError) -> None:
        """Something of the change did not work."""
        self._failures.append(Failure(change.desired.ref, change.desired.where, error))

    def keep(self, change: Change, error: AgentctlError) -> None:
        """It stays in use; where that is since a user of ours failed or was held back, that tells enough."""
        if not self.clinging(change.desired.ref):
            self._left.append(Failure(change.desired.ref, change.desired.where, error))

    def is_known(self, ref: Ref) -> bool:
        """Whether all that refer to it are known: every change is, or some change does."""
        return ref in self._users or not self.unplanned

    def clinging(self, ref: Ref) -> set[Ref]:
        """What refers to it and was not written, so that it refers to what was there before."""
        return self._users.get(ref, set()) & self._unwritten

    def holding(self, remote_id: str) -> set[Ref]:
        """What was not written, or not wholly, and names this id as it is."""
        return {
            change.desired.ref
            for change in self._plan.changes
            if change.action != "delete" and change.desired.ref in self._unwritten
            if change.observed and _names(change.observed.body, remote_id)
        }

    @property
    def held_refs(self) -> set[Ref]:
        """What was held back, wholly or in part."""
        return {change.desired.ref for change in self.held}

    def lacking(self, asked: Collection[Ref]) -> set[Ref]:
        """Of these, what was held back and does not hold what is declared; it does where only a thing beside waits."""
        held = self.held if asked else ()
        return {one.desired.ref for one in held if one.desired.ref in asked and self._lacks(one)}

    def _lacks(self, change: Change) -> bool:
        content = self._contents[change.desired.kind]
        whole = change.observed is None or change.replaces or change.withheld or not content
        return bool(whole or any(edit.path == content for edit in (*change.foreign, *change.perilous)))

    @property
    def _unwritten(self) -> set[Ref]:
        return self.failed | self.held_refs


def _names(tree: Any, remote_id: str) -> bool:
    if isinstance(tree, str):
        return tree == remote_id
    parts = tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list | tuple) else ()
    return any(_names(part, remote_id) for part in parts)


def _referring(changes: Iterable[Change]) -> dict[Ref, set[Ref]]:
    """By resource: the changed ones that refer to it."""
    found: dict[Ref, set[Ref]] = {}
    for change in changes:
        for ref in refs(change.desired.body):
            found.setdefault(ref, set()).add(change.desired.ref)
    return found
