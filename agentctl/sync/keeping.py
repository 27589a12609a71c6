"""Whether the platform has kept what it was sent: it may accept a write and do something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentctl.errors import Ignored, Stale
from agentctl.sync.diff import Edit
from agentctl.sync.fresh import PLAN_AGAIN
from agentctl.sync.kind import Desired, Kind


def must_be_kept(
    kind: Kind[Any], desired: Desired, left: Sequence[Edit], ignored: Sequence[Edit], stayed: Sequence[Edit]
) -> None:
    """Raise Ignored or Stale where something is not as declared after a write.

    `left`: what differs; `ignored`: what of it was written; `stayed`: what should have gone.
    """
    name = f"{kind.name} {desired.key}"
    if left and not ignored:
        raise Stale(f"{name}: {_paths(left)} was changed at the platform while it was written", PLAN_AGAIN)
    if ignored:
        keys = ", ".join(dict.fromkeys(_said(kind, desired, edit) for edit in ignored))
        opaque = {kind.traits.opaque, desired.brings.get(kind.traits.opaque)}
        way = f"Check the spelling and place of these keys in {desired.where}."
        if all(edit.path in opaque for edit in ignored):
            way = "Run the same again: it is written once more."
        raise Ignored(f"{name}: the platform accepted the write but did not keep {keys}", way)
    if stayed:
        raise Ignored(f"{name}: the platform does not let go of {_paths(stayed)}", "Take it away in the dashboard.")


def _said(kind: Kind[Any], desired: Desired, edit: Edit) -> str:
    """What was not kept: of content that is there, what tells of it; see `opaque.as_kept`."""
    tells = edit.path == kind.traits.opaque and edit.before is not None
    return desired.brings.get(edit.path, edit.path) if tells else edit.path


def _paths(edits: Sequence[Edit]) -> str:
    return ", ".join(edit.path for edit in edits)
