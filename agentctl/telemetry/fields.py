"""What tells the work at hand from any other: ids that every log line about it carries, and never a caller's word.

They belong to the task that binds them and to all that it starts, as anything in a context variable does.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

Field = str | int
_BOUND: ContextVar[Mapping[str, Field]] = ContextVar("bound", default=MappingProxyType({}))


class bound:  # noqa: N801  (used as a function; a generator would take four times as long, for each delivery)
    """In the block, these are among the fields at hand; None adds nothing."""

    def __init__(self, **fields: Field | None) -> None:
        self._fields = {name: value for name, value in fields.items() if value is not None}

    def __enter__(self) -> None:
        self._before = _BOUND.set({**_BOUND.get(), **self._fields})

    def __exit__(self, *ended: object) -> None:
        _BOUND.reset(self._before)


def at_hand() -> Mapping[str, Field]:
    """Those that are bound here."""
    return _BOUND.get()
