"""Whether a platform is the one in which things were bound: something of them, or with our mark, must be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentctl.errors import Elsewhere, NotFound, Problem
from agentctl.sync.bindings import Bindings
from agentctl.sync.claims import ids_of
from agentctl.sync.kind import Desired, Kind, Sighting
from agentctl.sync.plan import Change

_SEVERAL = 2
_ANOTHERS = (
    "Correct the key where agentctl tenants list says it is. If tenants share that workspace: agentctl tenants set "
    "TENANT --with TENANT, without a key of its own."
)
_CORRECT = "If it does, correct the key, or give that workspace a label of its own (workspace in [environments.NAME])."
_ANEW = "agentctl sync --force --take-ours makes it anew."
_FORGOTTEN = "agentctl sync --prune --force forgets it."


def absent(kind: str, bound: int | None, workspace: str, *, key: str = "the key", besides: str = "") -> str:
    """That of what is bound in a workspace nothing is there, and what that means; `besides`: what else is not.

    `bound`: how many there are; None: only the newest were looked for.
    """
    them = f"the only {kind} that is" if bound == 1 else f"none of the {bound or 'newest'} {kind}s that are"
    there = "is not there" if bound == 1 else "is there"
    return f"{them} bound in {workspace} {there}{besides}: {key} probably opens another workspace"


def anothers(what: str, then: str = "", *, key: str = "the key") -> Elsewhere:
    """The error where what is there is bound in another workspace of the project; `then`: what would come of it.

    `key`: what people call that which opens it.
    """
    return Elsewhere(f"{what}: {key} opens that other one{then}", _ANOTHERS)


async def must_be_here(
    kind: str, wanted: Mapping[str, Desired], seen: Mapping[str, Sighting], bindings: Bindings, *, prune: bool = False
) -> tuple[Problem, ...]:
    """Raise Elsewhere where several are bound, none of them is there, and nothing else of ours, or only another's.

    Where nothing is wanted that matters for `prune` alone: what is not there would be forgotten, and live on elsewhere,
    be it the only one.

    One that is gone may have been deleted by hand. All at once look like a key of another workspace, in which it would
    be wrong to make them again. Where there was only one it may be either, which is the answer. Where something is
    bound in another workspace of the project it is that one, whatever is bound here.
    """
    bound = bindings.of(kind)
    if not (wanted or prune) or await _is_ours(kind, seen, bindings):
        return ()
    if any(seen.values()) and wanted:
        if not bound and any(seen.get(key) for key in wanted):
            return ()  # What lived in a workspace that is called otherwise now is found again by its mark.
        raise anothers(
            f"what is there with the mark of this project is bound in another of its workspaces, and no {kind} that is "
            f"bound in {bindings.scope.workspace} is there"
        )
    if len(bound) < _SEVERAL and (wanted or not bound):
        what = f"is not in {bindings.scope.workspace}: it was deleted there, or the key opens another workspace"
        return tuple(Problem(f"{kind} {key}", what) for key in bound if key in wanted)
    raise Elsewhere(
        absent(kind, len(bound), bindings.scope.workspace, besides=", and nothing with the mark of this project"),
        f"{_CORRECT} If everything was really deleted there: {_ANEW if wanted else _FORGOTTEN}",
    )


async def _is_ours(kind: str, seen: Mapping[str, Sighting], bindings: Bindings) -> bool:
    """Whether anything that was seen tells that this is the workspace of the bindings, or nobody can tell.

    It is bound here, or carries our mark and is bound nowhere else: all workspaces of a project have one mark.
    """
    ids = {key: ids_of(sighting) for key, sighting in seen.items() if sighting}
    there = {remote_id for some in ids.values() for remote_id in some}
    if not all(ids.values()) or not there.isdisjoint(bindings.of(kind).values()):
        return True
    return bool(there and there - await bindings.of_others(kind, ids))


def begun(changes: Sequence[Change]) -> list[Desired]:
    """What the changes would make that was never there.

    What has to be made anew is held back, and waits for a person to say whether it was deleted or is in another
    workspace; this would not wait.
    """
    return [change.desired for change in changes if change.action == "create" and change.bound is None]


async def must_begin_nothing(
    kind: Kind[Any], seen: Mapping[str, Mapping[str, Sighting]], new: Sequence[Desired], bindings: Bindings
) -> None:
    """Raise Elsewhere where the only one of `kind` that is bound is not there, and something `new` would be made.

    `seen`: by kind, whatever tells at the platform that it is ours.
    """
    bound = bindings.of(kind.name)
    new = [one for one in new if one.kind in seen]
    if len(bound) != 1 or not new or not bindings.ids().isdisjoint(_all(seen)):
        return
    if await _is_ours(kind.name, seen[kind.name], bindings):
        return
    ((key, remote_id),) = bound.items()
    try:
        await kind.read(remote_id)  # Where only others were asked for, nobody has looked yet.
        return
    except NotFound:
        pass
    raise Elsewhere(
        f"{kind.name} {key}, the only one that is bound in {bindings.scope.workspace}, is not there, and nothing with "
        f"the mark of this project: the key probably opens another workspace, and {new[0].kind} {new[0].key} is new",
        f"{_CORRECT} If it was deleted there: agentctl sync --force makes what is new, with --take-ours {key} as well.",
    )


async def must_be_there(kind: Kind[Any], key: str, remote_id: str, bindings: Bindings, *, declared: str) -> None:
    """Raise Elsewhere where one that is bound is not there, for whoever is about to write of it in the store alone.

    The store would take a key of any workspace. `declared`: the key that files have for it.
    """
    try:
        await kind.read(remote_id)
    except NotFound:
        what = f"{kind.name} {key} ({remote_id}) is not in {bindings.scope.workspace}"
        raise Elsewhere(
            f"{what}: it was deleted there, or the key opens another workspace; nothing was changed",
            f"{_CORRECT} If it was deleted there: agentctl sync --only {declared} --take-ours makes it anew.",
        ) from None


def _all(seen: Mapping[str, Mapping[str, Sighting]]) -> Iterable[str]:
    return (remote_id for found in seen.values() for sighting in found.values() for remote_id in ids_of(sighting))
