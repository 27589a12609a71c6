"""Apply a plan: in the order of kinds, resolving Refs, binding each id the moment it exists, verifying each write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentctl.errors import AgentctlError, Blocked, Ignored, SyncError
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import diff, patch
from agentctl.sync.kind import Kind, Observed, Ref
from agentctl.sync.plan import Change, Failure, Plan, refs, resolve

OnChange = Callable[[Change, AgentctlError | None], None]


@dataclass(frozen=True)
class Applied:
    """What a run did: the changes that are done, and every failure, the plan's own included."""

    plan: Plan
    done: tuple[Change, ...]
    failures: tuple[Failure, ...]

    @property
    def ok(self) -> bool:
        """Everything that was planned is done and verified."""
        return not self.failures


async def apply(
    plan: Plan, kinds: Sequence[Kind[Any]], bindings: Bindings, *, on_change: OnChange | None = None
) -> Applied:
    """Make the plan true. One resource's failure stops only what refers to it; `on_change` hears of each end."""
    run = _Run(bindings, on_change or (lambda change, error: None))
    for ref, observed in plan.adopted:
        await bindings.bind(ref, observed.remote_id)
    for kind in kinds:
        changes = [change for change in plan.changes if change.desired.kind == kind.name]
        results = await asyncio.gather(*(run.change(kind, change) for change in changes), return_exceptions=True)
        bugs = [result for result in results if isinstance(result, BaseException)]
        if bugs:
            raise bugs[0]
    await run.retire()
    return Applied(plan, tuple(run.done), (*plan.failures, *run.failures))


class _Run:
    """One apply in progress: the ids known so far, what is done, what failed and what has to go at the end."""

    def __init__(self, bindings: Bindings, on_change: OnChange) -> None:
        self._bindings = bindings
        self._on_change = on_change
        self._retired: list[tuple[Kind[Any], Change, str]] = []
        self._failed: set[Ref] = set()
        self.done: list[Change] = []
        self.failures: list[Failure] = []

    async def change(self, kind: Kind[Any], change: Change) -> None:
        """Write one change and verify it; an expected error becomes a failure."""
        try:
            await self._write(kind, change)
        except AgentctlError as error:
            self._failed.add(change.desired.ref)
            self.failures.append(Failure(change.desired.ref, change.desired.where, error))
            self._on_change(change, error)
        else:
            self.done.append(change)
            self._on_change(change, None)

    async def _write(self, kind: Kind[Any], change: Change) -> None:
        desired = change.desired
        name = f"{desired.kind} {desired.key}"
        if change.observed is None and self._bindings.get(desired.ref) != change.bound:
            raise SyncError(f"{name} was made by another sync since this plan was made", "Run the same again.")
        body = self._resolved(desired.body, name)
        if change.observed is None or change.replaces:
            remote_id = await kind.create(desired, body)
            await self._bindings.bind(desired.ref, remote_id, body)
            if change.observed is not None:
                self._retired.append((kind, change, change.observed.remote_id))
            observed = await kind.read(remote_id)
        else:
            # Refs that became known since the plan was made are in `body`; the edits are made anew with them.
            edits = diff(body, change.observed.body, kind.lists)
            observed = await kind.update(change.observed.remote_id, desired, patch(edits))
            await self._bindings.bind(desired.ref, observed.remote_id, body)
        _verify(kind, change, body, observed)

    def _resolved(self, body: Mapping[str, Any], name: str) -> Any:
        ids = {ref: remote_id for ref in refs(body) if (remote_id := self._bindings.get(ref)) is not None}
        lost = [f"{ref.kind} {ref.key}" for ref in refs(body) if ref in self._failed or ref not in ids]
        if lost:
            raise Blocked(f"{name} was not written, because {', '.join(sorted(lost))} failed")
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


def _verify(kind: Kind[Any], change: Change, body: Mapping[str, Any], observed: Observed) -> None:
    left = diff(body, observed.body, kind.lists)
    if left:
        keys = ", ".join(edit.path for edit in left)
        raise Ignored(
            f"{kind.name} {change.desired.key}: the platform accepted the write but did not keep {keys}",
            f"Check the spelling and place of these keys in {change.desired.where}.",
        )
