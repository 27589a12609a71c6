"""What has to agree before a change goes live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from agentctl.sync.kind import Ref
from agentctl.sync.plan import Change, refs


class Gate(Protocol):
    """Asked before an existing resource is changed, and once one was made, before anything refers to it."""

    async def admit(self, change: Change, remote_id: str, planned: Mapping[str, Any]) -> None:
        """Raise AgentctlError where `remote_id` must not be as `planned`: the whole resource with the change made.

        A refusal fails the change, and with it whatever refers to it. It is asked concurrently.
        """


class Verdicts:
    """Asks a gate, and lets nothing lead to what it has not let through.

    New resources of one kind that refer to each other are judged each for itself, and go live together or not at all.
    Of whatever has no part in that, since it was not selected, is held back or cannot be planned, `unjudged` knows
    whether it was ever let through.
    """

    def __init__(self, gate: Gate | None, unjudged: Callable[[Ref], bool]) -> None:
        self._gate = gate
        self._unjudged = unjudged
        self._judged: dict[Ref, asyncio.Event] = {}
        self._refs: dict[Ref, set[Ref]] = {}
        self._passed: set[Ref] = set()

    @property
    def open(self) -> bool:
        """Whether there is no gate."""
        return self._gate is None

    def expect(self, new: Sequence[Change]) -> None:
        """Get ready for the changes of one kind, which are judged at once."""
        self._judged = {change.desired.ref: asyncio.Event() for change in new}
        self._refs = {change.desired.ref: refs(change.desired.body) for change in new}

    async def ask(self, change: Change, remote_id: str, planned: Mapping[str, Any], leads: set[Ref]) -> set[Ref]:
        """What is not let through of all that the change leads to, by its Refs `leads` and by theirs.

        It waits until what is judged at once is judged. Raises what the gate raises, which is not asked in vain.
        """
        if self._gate is None:
            return set()
        others = self._reachable(leads) - {change.desired.ref}
        if outside := others - self._judged.keys():
            return outside
        await self._gate.admit(change, remote_id, planned)
        self._passed.add(change.desired.ref)
        self._given(change.desired.ref)
        for other in others:
            await self._judged[other].wait()
        return others - self._passed

    def ended(self, ref: Ref, *, failed: bool) -> None:
        """A change is at its end: there is a verdict, or there will be none. What `failed` is not as it was judged."""
        if failed:
            self._passed.discard(ref)
        self._given(ref)

    def _given(self, ref: Ref) -> None:
        if ref in self._judged:
            self._judged[ref].set()

    def _reachable(self, start: set[Ref]) -> set[Ref]:
        """What needs a verdict and has none yet, or has got it in this run."""
        found: set[Ref] = set()
        while more := {one for one in start if one in self._judged or self._unjudged(one)} - found:
            found |= more
            start = {ref for one in more for ref in self._refs.get(one, ())}
        return found


def named_by_id(body: Any, kind: str, ids: Mapping[str, str]) -> set[Ref]:
    """What `body` leads to by its id at the platform, of the bound ones of a kind (key -> id)."""
    keys = {remote_id: key for key, remote_id in ids.items()}
    found: set[Ref] = set()
    waiting = [body]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            found |= {Ref(kind, keys[part])} if part in keys else set()
        elif isinstance(part, Mapping):
            waiting += part.values()
        elif isinstance(part, list | tuple):
            waiting += part
    return found
