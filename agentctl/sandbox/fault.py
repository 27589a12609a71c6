"""Faults on order: chosen requests are delayed, refused, cut off, left hanging, misheard or answered from the past."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

_IDS = ("agent_id", "id", "phone_number_id")  # by which the entries of the platform's lists are told apart


@dataclass
class Fault:
    """What happens to the next `times` requests of `method`, `path` and `query` (globs), after `skip` untouched ones.

    status: answer this instead. apply: carry the request out first, so that only its answer is lost.
    drop: cut the connection `before` or `after` carrying the request out. hang: never answer. delay_ms: wait first.
    stale: a list leaves out whatever was made since the order. ignore: this dotted key of the body is not heard.

    On a conversation's socket: GET is its opening, MESSAGE what the client says, with `type=<its type>` as the query; a
    message's status is the code with which the socket is closed, its drop cuts it, and one that hangs is not heard.
    """

    method: str = "*"
    path: str = "*"
    query: str = "*"
    times: int = 1
    skip: int = 0
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_ms: float = 0.0
    hang: bool = False
    apply: bool = False
    drop: Literal["before", "after"] | None = None
    stale: bool = False
    ignore: str = ""
    hits: int = 0
    sequence: int = 0  # of the newest object when the fault was ordered

    def matches(self, method: str, path: str, query: str) -> bool:
        """Whether the fault means this request and has not been used up."""
        there = self.times > 0 and self.method in ("*", method)
        return there and fnmatchcase(path, self.path) and fnmatchcase(query, self.query)

    def heard(self, body: bytes) -> bytes:
        """What the platform hears of a request's body; one that is not JSON is heard as it is."""
        *path, name = self.ignore.split(".")
        try:
            place = whole = json.loads(body) if self.ignore else None
        except ValueError:
            return body
        if whole is None:
            return body
        for key in path:
            place = place.get(key) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(name, None)
        return json.dumps(whole).encode()

    def shown(self, body: bytes, tables: Iterable[Mapping[str, Mapping[str, Any]]]) -> bytes:
        """A list's answer as it was before what is newer: entries are told by the id of their row in `tables`."""
        if not self.stale:
            return body
        newer = {i for rows in tables for i, row in rows.items() if row.get("sequence", 0) > self.sequence}
        answer = json.loads(body)
        if isinstance(answer, dict):
            lists = {name: _older(part, newer) for name, part in answer.items() if isinstance(part, list)}
            return json.dumps({**answer, **lists}).encode()
        return json.dumps(_older(answer, newer)).encode()


def _older(entries: list[Any], newer: set[str]) -> list[Any]:
    return [one for one in entries if not (isinstance(one, dict) and newer & {one.get(name) for name in _IDS})]


class Faults:
    """The ordered faults; the first that matches is used."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, order: dict[str, Any], sequence: int = 0) -> Fault:
        """Take an order; `sequence` is that of the newest object. Raises ValueError for one that makes no sense."""
        known = set(Fault.__dataclass_fields__) - {"hits", "sequence"}
        unknown = sorted(set(order) - known)
        if unknown:
            raise ValueError(f"a fault has no {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        fault = Fault(**order)
        if fault.drop not in (None, "before", "after"):
            raise ValueError("drop is 'before' or 'after'")
        if not (fault.status or fault.delay_ms or fault.hang or fault.drop or fault.stale or fault.ignore):
            raise ValueError("a fault needs one of status, delay_ms, hang, drop, stale, ignore")
        fault.sequence = sequence
        fault.method = fault.method.upper()
        self._faults.append(fault)
        return fault

    def take(self, method: str, path: str, query: str = "") -> Fault | None:
        """The fault for this request, counted as used."""
        for fault in self._faults:
            if fault.matches(method, path, query):
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
