"""Faults on order: chosen requests are delayed, refused, cut off or left hanging."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal


@dataclass
class Fault:
    """What happens to the next `times` requests of `method` and `path` (a glob), after `skip` untouched ones.

    status: answer this instead. apply: carry the request out first, so that only its answer is lost.
    drop: cut the connection `before` or `after` carrying the request out. hang: never answer. delay_ms: wait first.
    """

    method: str = "*"
    path: str = "*"
    times: int = 1
    skip: int = 0
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_ms: float = 0.0
    hang: bool = False
    apply: bool = False
    drop: Literal["before", "after"] | None = None
    hits: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault means this request and has not been used up."""
        return self.times > 0 and self.method in ("*", method) and fnmatchcase(path, self.path)


class Faults:
    """The ordered faults; the first that matches is used."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, order: dict[str, Any]) -> Fault:
        """Take an order. Raises ValueError for one that cannot be understood."""
        known = set(Fault.__dataclass_fields__) - {"hits"}
        unknown = sorted(set(order) - known)
        if unknown:
            raise ValueError(f"a fault has no {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        fault = Fault(**order)
        if fault.drop not in (None, "before", "after"):
            raise ValueError("drop is 'before' or 'after'")
        if not (fault.status or fault.delay_ms or fault.hang or fault.drop):
            raise ValueError("a fault needs one of status, delay_ms, hang, drop")
        fault.method = fault.method.upper()
        self._faults.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, counted as used."""
        for fault in self._faults:
            if fault.matches(method, path):
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                fault.hits += 1
                return fault
        return None

    def clear(self) -> None:
        """Forget all."""
        self._faults.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """All faults with what is left of them."""
        return [dict(vars(fault)) for fault in self._faults]
