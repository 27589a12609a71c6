"""Apply a plan: in the order of kinds, resolving Refs, binding each id the moment it exists, verifying each write.

What somebody changed there is not overwritten unless the caller says that ours counts. Before a create its intent is
recorded, so that a run that was cut off is looked for by the next one and not repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentctl.errors import AgentctlError, Blocked, Ignored, Stale
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit, diff, patch, without
from agentctl.sync.kind import Kind, Observed, Ref
from agentctl.sync.plan import Change, Failure, Plan, by_kind, refs, resolve

OnChange = Callable[[Change, AgentctlError | None], None]


@dataclass(frozen=True)
class Applied:
    """What a run did: the changes that are done, those held back as somebody else's, and every failure.

    A change of which only a part was held back is in both. The plan's own failures are among the failures.
    """

    plan: Plan
    done: tuple[Change, ...]
    failures: tuple[Failure, ...]
    held: tuple[Change, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing failed. What was held back is no failure, and no success either."""
        return not self.failures


async def apply(
    plan: Plan,
    kinds: Sequence[Kind[Any]],
    bindings: Bindings,
    *,
    take_ours: bool = False,
    on_change: OnChange | None = None,
) -> Applied:
    """Make the plan true. One resource's failure stops only what refers to it; `on_change` hears of each end.

    `take_ours` overwrites drift and conflicts too.
    """
    run = _Run(bindings, take_ours, on_change or (lambda change, error: None))
    for settled in plan.settled:
        await bindings.bind(settled.ref, settled.remote_id, settled.body)
    for kind in kinds:
        await _all(run.change(kind, change) for change in by_kind(plan.changes, kind.name) if change.action != "delete")
    await run.retire()
    for kind in reversed(kinds):
        await _all(run.delete(kind, change) for change in by_kind(plan.changes, kind.name) if change.action == "delete")
    return Applied(plan, tuple(run.done), (*plan.failures, *run.failures), tuple(run.held))


async def _all(steps: Iterable[Any]) -> None:
    """Run all to their end, whatever becomes of one; what is no expected failure is raised then."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


class _Run:
    """One apply in progress: what is done, what failed, what was held back and what has to go at the end."""

    def __init__(self, bindings: Bindings, take_ours: bool, on_change: OnChange) -> None:
        self._bindings = bindings
        self._take_ours = take_ours
        self._on_change = on_change
        self._retired: list[tuple[Kind[Any], Change, str]] = []
        self._failed: set[Ref] = set()
        self._absent: set[Ref] = set()  # deleted there and held back: what refers to them waits with them
        self.done: list[Change] = []
        self.held: list[Change] = []
        self.failures: list[Failure] = []

    async def change(self, kind: Kind[Any], change: Change) -> None:
        """Write one change, less what is somebody else's, and verify it; an expected error becomes a failure."""
        held = () if self._take_ours else change.foreign
        absent = change.vanished and not self._take_ours
        waits = bool(refs(change.desired.body) & self._absent)
        if held or absent or waits:
            self.held.append(change)
        if absent or (waits and change.observed is None):
            self._absent.add(change.desired.ref)
        if absent or waits or (held and (change.replaces or len(held) == len(change.edits))):
            return
        await self._ended(change, self._write(kind, change, held))

    async def delete(self, kind: Kind[Any], change: Change) -> None:
        """Remove what is no longer declared, and forget its id."""
        await self._ended(change, self._delete(kind, change))

    async def _delete(self, kind: Kind[Any], change: Change) -> None:
        assert change.observed is not None
        await kind.delete(change.observed.remote_id)
        if self._bindings.get(change.desired.ref) is not None:
            await self._bindings.unbind(change.desired.ref)

    async def _ended(self, change: Change, work: Any) -> None:
        try:
            await work
        except AgentctlError as error:
            self._failed.add(change.desired.ref)
            self.failures.append(Failure(change.desired.ref, change.desired.where, error))
            self._on_change(change, error)
        else:
            self.done.append(change)
            self._on_change(change, None)

    async def _write(self, kind: Kind[Any], change: Change, held: Sequence[Edit]) -> None:
        desired, spared = change.desired, [edit.keys for edit in held]
        body = without(self._resolved(desired.body, f"{desired.kind} {desired.key}"), spared)
        if change.observed is None or change.replaces:
            observed = await self._create(kind, change, body)
            # What a create cannot say, or did not take, is written like any other edit; the id is bound by now.
            if edits := diff(body, observed.body, kind.lists):
                observed = await kind.update(observed.remote_id, desired, patch(edits))
        else:
            await self._must_be_fresh(kind, change, change.observed)
            # Refs that became known since the plan was made are in `body`; the edits are made anew with them.
            edits = diff(body, change.observed.body, kind.lists)
            observed = await kind.update(change.observed.remote_id, desired, patch(edits))
        await self._verify(kind, change, body, observed)

    async def _create(self, kind: Kind[Any], change: Change, body: Mapping[str, Any]) -> Observed:
        ref, old = change.desired.ref, change.observed.remote_id if change.observed else None
        if not change.replaces and self._bindings.get(ref) != change.bound:
            raise Stale(f"{ref.kind} {ref.key} was made by another sync after this plan was made", _PLAN_AGAIN)
        remote_id = change.heir
        if remote_id is None:
            await self._bindings.intend(ref, again=change.again)
            remote_id = await kind.create(change.desired, body)
        await self._bindings.bind(ref, remote_id)
        if old is not None:
            self._retired.append((kind, change, old))
        return await kind.read(remote_id)

    async def _verify(self, kind: Kind[Any], change: Change, body: Mapping[str, Any], observed: Observed) -> None:
        """Remember as applied what the platform has kept, and no more."""
        left = diff(body, observed.body, kind.lists)
        kept = without(body, [edit.keys for edit in left])
        await self._bindings.bind(change.desired.ref, observed.remote_id, kept)
        if left:
            keys = ", ".join(edit.path for edit in left)
            raise Ignored(
                f"{kind.name} {change.desired.key}: the platform accepted the write but did not keep {keys}",
                f"Check the spelling and place of these keys in {change.desired.where}.",
            )

    async def _must_be_fresh(self, kind: Kind[Any], change: Change, planned: Observed) -> None:
        if planned.version and (await kind.read(planned.remote_id)).version != planned.version:
            name = f"{change.desired.kind} {change.desired.key}"
            raise Stale(
                f"{name} was changed at the platform after this plan was made; nothing was written", _PLAN_AGAIN
            )

    def _resolved(self, body: Mapping[str, Any], name: str) -> Any:
        ids = {ref: remote_id for ref in refs(body) if (remote_id := self._bindings.get(ref)) is not None}
        lost = [f"{ref.kind} {ref.key}" for ref in refs(body) if ref in self._failed or ref not in ids]
        if lost:
            raise Blocked(f"{name} was not written, because {', '.join(sorted(lost))} was not")
        return resolve(body, ids)

    async def retire(self) -> None:
        """Delete what was replaced, unless something that was to let go of it failed."""
        if self.failures:
            return
        for kind, change, old_id in self._retired:
            try:
                await kind.delete(old_id)
            except AgentctlError as error:
                self.failures.append(Failure(change.desired.ref, change.desired.where, error))


_PLAN_AGAIN = "Run it again: the new plan shows what is there now."
