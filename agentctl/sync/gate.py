"""What has to agree before a change goes live."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
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
    """Asks a gate, and has whatever refers to new resources of its own kind wait until those are judged too.

    New ones that refer to each other are judged each for itself, and go live together or not at all.
    """

    def __init__(self, gate: Gate | None) -> None:
        self._gate = gate
        self._judged: dict[Ref, asyncio.Event] = {}
        self._refs: dict[Ref, set[Ref]] = {}

    @property
    def open(self) -> bool:
        """Whether there is no gate."""
        return self._gate is None

    def expect(self, new: Sequence[Change]) -> None:
        """Get ready for the changes of one kind, which are judged at once."""
        self._judged = {change.desired.ref: asyncio.Event() for change in new}
        self._refs = {change.desired.ref: refs(change.desired.body) & self._judged.keys() for change in new}

    async def ask(self, change: Change, remote_id: str, planned: Mapping[str, Any]) -> set[Ref]:
        """The new resources that this one leads to, once all of them are judged. Raises what the gate raises."""
        if self._gate is None:
            return set()
        await self._gate.admit(change, remote_id, planned)
        self.given(change.desired.ref)
        others = self._reachable(refs(change.desired.body)) - {change.desired.ref}
        for other in others:
            await self._judged[other].wait()
        return others

    def given(self, ref: Ref) -> None:
        """The verdict on a new resource is there, or there will be none."""
        if ref in self._judged:
            self._judged[ref].set()

    def _reachable(self, start: set[Ref]) -> set[Ref]:
        found: set[Ref] = set()
        while more := (start & self._judged.keys()) - found:
            found |= more
            start = {ref for one in more for ref in self._refs[one]}
        return found
