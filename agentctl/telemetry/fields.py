"""What tells the work at hand from any other: ids that every log line about it carries, and never a caller's word.

They belong to the task that binds them and to all that it starts, as anything in a context variable does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

Field = str | int
_BOUND: ContextVar[Mapping[str, Field]] = ContextVar("bound", default=MappingProxyType({}))


@contextmanager
def bound(**fields: Field | None) -> Iterator[None]:
    """In the block, these are among the fields at hand; None adds nothing."""
    before = _BOUND.set({**_BOUND.get(), **{name: value for name, value in fields.items() if value is not None}})
    try:
        yield
    finally:
        _BOUND.reset(before)


def at_hand() -> Mapping[str, Field]:
    """Those that are bound here."""
    return _BOUND.get()
