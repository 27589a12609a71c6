"""What a write has said whose answer never came. Pure.

Whether it arrived is to be seen at what is there: what stands there as it was said is our own word, however the
declaration has changed since, and whatever stands there otherwise is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentctl.sync.diff import Edit, diff, patch, without
from agentctl.sync.kind import Keyed, Observed


def words(edits: Iterable[Edit], body: Mapping[str, Any]) -> dict[str, Any]:
    """What these edits say of ours: of a list our own entries, and null or an empty list where something goes."""
    return patch([replace(edit, after=_ours(edit, body)) for edit in edits])


def heard(
    said: Mapping[str, Any], memory: Mapping[str, Any] | None, observed: Observed, lists: Mapping[str, Keyed]
) -> Mapping[str, Any]:
    """The part of `said` that the platform has taken. `memory`: what was applied before; None: it was a create.

    What a create has made held all of it, so that what differs there was changed there since; but not what is not there
    at all, which the platform may never have taken. Of an edit nobody knows whether it arrived: each field counts that
    is there as it was said, or gone as it was said.
    """
    if not said:
        return {}
    left = diff(said, observed.body, lists, memory)
    if memory is None:
        return without(said, [edit.keys for edit in left if edit.before is None])
    return without(said, [edit.keys for edit in left if (edit.before, edit.after) != (None, None)])


def _ours(edit: Edit, body: Mapping[str, Any]) -> Any:
    if edit.removes:
        return None if edit.after is None else []
    place: Any = body
    for key in edit.keys:
        place = place[key]
    return place
