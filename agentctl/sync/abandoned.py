"""Creates that were cut off, of what is declared no more and not there: nobody will look for them again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Kind, Ref, Sighting

# How long ago a create must have been begun before its traces can be missing for good: the platform's lists lag behind,
# and clocks differ.
_LAG = timedelta(hours=1)


def abandoned(
    kind: Kind[Any], wanted: Mapping[str, Desired], seen: Mapping[str, Sighting], bindings: Bindings
) -> list[Ref]:
    """Those of one kind, to be forgotten.

    Nothing follows where nothing was looked for: a kind without a mark, such as a number, shows only what
    is wanted, and without anything wanted or bound none shows what carries a mark of ours.
    """
    bound = bindings.of(kind.name)
    if not (kind.traits.marks or kind.traits.internal) or not (wanted or bound):
        return []
    known = wanted.keys() | bound.keys() | seen.keys()
    return [ref for ref in bindings.begun(kind.name, datetime.now(UTC) - _LAG) if ref.key not in known]
