"""What edits would destroy for good, as the perils of a resource tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentctl.sync.diff import Edit, overlaid
from agentctl.sync.kind import Desired


def losses(
    desired: Desired, body: Mapping[str, Any], observed: Mapping[str, Any], edits: Sequence[Edit]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What the edits would destroy for good, with the path of the part that does."""
    for peril in desired.perils:
        before, after = _part(observed, peril.at), _part(body, peril.at)
        touched = any(edit.under(peril.at) for edit in edits)
        if touched and (lost := peril.destroys(before, overlaid(before, after))):
            yield peril.at, lost


def _part(tree: Any, keys: Sequence[str]) -> Mapping[str, Any]:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, Mapping) else {}
