"""The changes of a plan while it grows. However many there are, none is looked for by a walk through all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agentctl.sync.kind import Ref
from agentctl.sync.plan import Change


@dataclass
class Changes:
    """In the order in which they came. `vanished`: what was found deleted there, with the id that it had."""

    vanished: dict[Ref, str] = field(default_factory=dict)
    _all: list[Change] = field(default_factory=list)

    def __iter__(self) -> Iterator[Change]:
        return iter(self._all)

    def add(self, more: Iterable[Change]) -> None:
        """These come last."""
        for change in more:
            self._all.append(change)
            if change.vanished and change.bound is not None:
                self.vanished[change.desired.ref] = change.bound

    def amend(self, amended: Iterable[tuple[Change, Change | None]]) -> None:
        """Put another one in the place of each of these, or none."""
        instead = {id(old): (old, new) for old, new in amended}
        for old, _ in instead.values():
            self.vanished.pop(old.desired.ref, None)
        before, self._all = self._all, []
        self.add(new for one in before for _, new in (instead.get(id(one), (one, one)),) if new is not None)
