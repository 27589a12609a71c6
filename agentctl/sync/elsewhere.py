"""Whether a platform is the one in which things were bound: something of them, or with our mark, must be there."""

from __future__ import annotations

from collections.abc import Mapping

from agentctl.errors import Elsewhere
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Sighting

_SEVERAL = 2


def must_be_here(kind: str, wanted: Mapping[str, Desired], seen: Mapping[str, Sighting], bindings: Bindings) -> None:
    """Of several that are bound at least one must be there, or anything with our mark.

    One that is gone may have been deleted by hand. All at once look like a key of another workspace, in which it would
    be wrong to make them again.
    """
    bound = bindings.of(kind)
    if len(bound) < _SEVERAL or not bound.keys() & wanted.keys() or any(seen.values()):
        return
    raise Elsewhere(
        f"none of the {len(bound)} {kind}s that are bound in {bindings.scope.workspace} is there, and nothing with the "
        "mark of this project: the key probably opens another workspace",
        "If it does, correct the key, or give that workspace a label of its own (workspace in [environments.NAME]). "
        "If everything was really deleted there: agentctl sync --force --take-ours makes it anew.",
    )
