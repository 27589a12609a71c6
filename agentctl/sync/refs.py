"""References in a body: which there are, and with their ids in their place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentctl.sync.kind import Ref

# Nearly all there is in a body, and it is looked through for each resource of a plan more than once.
_PLAIN = frozenset({str, bool, int, float, type(None)})
_LISTS = (list, tuple)


def refs(body: Any) -> set[Ref]:
    """Every Ref in `body`."""
    found: set[Ref] = set()
    waiting = [body]
    while waiting:
        part = waiting.pop()
        if part.__class__ in _PLAIN:
            continue
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, Ref):
            found.add(part)
        elif isinstance(part, _LISTS):
            waiting += part
        elif isinstance(part, Mapping):
            waiting += part.values()
    return found


def resolve(body: Any, ids: Mapping[Ref, str]) -> Any:
    """`body` with every Ref that `ids` knows replaced by its id; the others stay."""
    if body.__class__ in _PLAIN:
        return body
    if isinstance(body, Ref):
        return ids.get(body, body)
    if isinstance(body, (dict, Mapping)):
        return {key: resolve(value, ids) for key, value in body.items()}
    if isinstance(body, _LISTS):
        return [resolve(entry, ids) for entry in body]
    return body
