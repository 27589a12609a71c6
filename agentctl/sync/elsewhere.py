"""Whether a platform is the one in which things were bound: something of them, or with our mark, must be there."""

from __future__ import annotations

from collections.abc import Mapping

from agentctl.errors import Elsewhere, Problem
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Sighting

_SEVERAL = 2


def must_be_here(
    kind: str, wanted: Mapping[str, Desired], seen: Mapping[str, Sighting], bindings: Bindings
) -> tuple[Problem, ...]:
    """Raise Elsewhere where several are bound, none of them is there, and nothing with our mark.

    One that is gone may have been deleted by hand. All at once look like a key of another workspace, in which it would
    be wrong to make them again. Where there was only one it may be either, which is the answer.
    """
    bound = bindings.of(kind)
    if not (bound and wanted) or any(seen.values()):
        return ()
    if len(bound) < _SEVERAL:
        what = f"is not in {bindings.scope.workspace}: it was deleted there, or the key opens another workspace"
        return tuple(Problem(f"{kind} {key}", what) for key in bound if key in wanted)
    raise Elsewhere(
        f"none of the {len(bound)} {kind}s that are bound in {bindings.scope.workspace} is there, and nothing with the "
        "mark of this project: the key probably opens another workspace",
        "If it does, correct the key, or give that workspace a label of its own (workspace in [environments.NAME]). "
        "If everything was really deleted there: agentctl sync --force --take-ours makes it anew.",
    )
