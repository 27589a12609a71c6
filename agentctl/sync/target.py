"""The one spec that a plan is narrowed to, and what has to be known for it: nothing else is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from agentctl.sync.kind import Kind, Ref
from agentctl.sync.plan import refs

Spec = TypeVar("Spec")


@dataclass(frozen=True)
class Target:
    """What belongs to the spec of that `key`, by its key or since it is wanted, and what that refers to beside it."""

    key: str
    own: frozenset[Ref] = frozenset()
    beside: frozenset[Ref] = frozenset()

    @classmethod
    def of(cls, key: str, spec: Spec, kinds: Iterable[Kind[Spec]], more: Iterable[Ref] = ()) -> Target:
        """Of a spec that is there; `more`: what all specs refer to."""
        wanted = [desired for kind in kinds for desired in kind.desired(spec)]
        own = frozenset(one.ref for one in wanted)
        return cls(key, own, frozenset(ref for one in wanted for ref in refs(one.body)).union(more) - own)

    def has(self, ref: Ref) -> bool:
        """Whether it belongs to the spec."""
        return ref in self.own or head(ref.key) == self.key

    @property
    def keys(self) -> list[str]:
        """The keys of all of it; what begins with the spec's own is meant by that."""
        return sorted({self.key, *(ref.key for ref in (*self.own, *self.beside) if head(ref.key) != self.key)})

    def heads(self, keys: Sequence[str]) -> list[str]:
        """With what the names begin of those with these keys, and of what else may be the spec's."""
        return sorted({self.key, *map(head, keys)})


def head(key: str) -> str:
    """Whose it is: the first part of a key."""
    return key.partition("/")[0]


def found(target: Target | None, rows: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """The rows that belong to `target`, and the others; without one all of them do."""
    mine, others = list[Any](), list[Any]()
    for row in rows:
        (mine if target is None or target.has(Ref(row["kind"], row["key"])) else others).append(row)
    return mine, others
