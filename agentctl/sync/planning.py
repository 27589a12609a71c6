"""Make a plan: observe all kinds at once, compare in the order of kinds, ask each kind for its objections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from agentctl.errors import AgentctlError, Problem, SyncError
from agentctl.sync.bindings import Bindings
from agentctl.sync.claims import bodies_of, misplacing, placed
from agentctl.sync.departure import lapsed, with_lapsed
from agentctl.sync.draft import Draft, Wanted
from agentctl.sync.elsewhere import begun, must_be_here, must_begin_nothing
from agentctl.sync.entries import at
from agentctl.sync.exchange import awaiting, taken_on
from agentctl.sync.kind import Desired, Eager, Kind, Observed, Ref, Sighting, Surveying
from agentctl.sync.likeness import likened
from agentctl.sync.opaque import looked_into
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Plan, Unmanaged
from agentctl.sync.provenance import disowned
from agentctl.sync.sharing import Parties
from agentctl.telemetry.spans import traced

Spec = TypeVar("Spec")


def begin(kinds: Sequence[Kind[Any]], bindings: Bindings, keys: Callable[[str], bool]) -> None:
    """Have the kinds that can begin to look at what is bound, under keys that `keys` accepts, while files are read.

    `plan` goes on from there.
    """
    for kind in kinds:
        if isinstance(kind, Eager):
            kind.begin({key: remote_id for key, remote_id in bindings.of(kind.name).items() if keys(key)})


@traced("sync plan")
async def plan(
    kinds: Sequence[Kind[Spec]],
    specs: Sequence[Spec],
    bindings: Bindings,
    *,
    more: Sequence[Desired] = (),
    notices: Iterable[Problem] = (),
    whole: bool = True,
    prune: bool = False,
    gated: bool = False,
    patience: Patience | None = None,
    anchor: str | None = None,
) -> Plan:
    """Compare what `specs` want with what is there. `whole`: specs are all there are, so what else is ours is orphaned.

    `more`: what is wanted besides, where no spec wants it. `prune` plans to delete orphans. `gated`: nothing that is in
    use changes before the changes of its users do, so that a gate can judge them. `anchor`: the kind whose resources
    prove that this is the workspace of the bindings. Raises Elsewhere where none of several of them is there, or the
    only one is not and something new would be made, SyncError where two specs want the same resource differently; what
    concerns one resource stands in the failures.
    """
    wanted = {kind.name: _collect(kind, specs, more) for kind in kinds}
    by_name = {kind.name: kind for kind in kinds}
    there, misplaced = await _seen(by_name, wanted, bindings, patience)
    if anchor in there:
        notices = [*notices, *await must_be_here(anchor, wanted[anchor], there[anchor], bindings, prune=prune)]
    gone = await lapsed(by_name, wanted, there, bindings) if whole else {}
    draft, parties = Draft(bindings, wanted, gone, gated=gated), Parties(wanted, there, bindings)
    for kind in kinds:
        await _compare(draft, kind, wanted[kind.name], there[kind.name], parties)
        if whole:
            draft.orphans(kind, there[kind.name], prune=prune)
    await draft.spare(by_name, parties)
    await draft.check(by_name)
    drafted = await awaiting(await likened(draft.plan(notices), by_name, wanted, bindings), by_name, bindings)
    found = misplacing(with_lapsed(drafted, gone, forget=prune), misplaced, bodies_of(there, bindings.of))
    if anchor in there:
        outside = {name: there[name] for name, kind in by_name.items() if not kind.traits.internal}
        await must_begin_nothing(by_name[anchor], outside, begun(found.changes), bindings)
    return replace(found, unmanaged=_unmanaged(kinds, bindings.of) if whole else ())


def _unmanaged(kinds: Iterable[object], bound: Callable[[str], Mapping[str, str]]) -> tuple[Unmanaged, ...]:
    """What the kinds that survey have come across and is bound to nothing, by name. `bound`: by kind, key -> id."""
    found: list[Unmanaged] = []
    for kind in kinds:
        if isinstance(kind, Surveying):
            ours = set(bound(kind.name).values())
            some = sorted((one.name, one.remote_id) for one in kind.unmanaged() if one.remote_id not in ours)
            found += [Unmanaged(kind.name, remote_id, name) for name, remote_id in some]
    return tuple(found)


async def _compare(
    draft: Draft, kind: Kind[Any], wanted: Wanted, seen: Mapping[str, Sighting], parties: Parties
) -> None:
    strangers = await parties.strangers(kind, wanted.values(), seen, draft.ids)
    draft.expect(wanted.values(), seen)
    for desired in wanted.values():
        draft.add(kind, desired, seen.get(desired.key, ()), strangers.get(desired.key, ()))
    draft.block()
    draft.leftovers(kind, seen)


def _placed(
    kinds: Mapping[str, Kind[Any]],
    looks: Mapping[str, Mapping[str, Sighting]],
    wanted: Mapping[str, Wanted],
    bindings: Bindings,
) -> tuple[dict[str, Mapping[str, Sighting]], dict[Ref, str]]:
    """What was seen of each kind, under the keys that it belongs to; and what is bound to other ones: see `placed`."""
    there, misplaced = dict[str, Mapping[str, Sighting]](), dict[Ref, str]()
    for name, seen in looks.items():
        is_ours = partial(_is_ours, kinds[name].traits.marks, bindings)
        there[name], strays = placed(name, wanted[name], seen, bindings.of(name), is_ours)
        misplaced |= strays
    return there, misplaced


def _is_ours(marks: Collection[str], bindings: Bindings, ref: Ref, one: Observed) -> bool:
    """Whether it carries the mark that was written last, as it does after a rename that has not marked it anew yet."""
    applied = bindings.applied(ref)
    return bool(marks) and all(
        at(applied, path) == at(one.body, path) for path in (tuple(mark.split(".")) for mark in marks)
    )


def _collect(kind: Kind[Spec], specs: Sequence[Spec], more: Sequence[Desired]) -> dict[str, Desired]:
    found: dict[str, Desired] = {}
    for spec in specs:
        for desired in kind.desired(spec):
            other = found.setdefault(desired.key, desired)
            if other != desired:
                raise SyncError(
                    f"{kind.name} {desired.key} is declared twice and differently: {other.where} and {desired.where}",
                    "Let one of them go, or make them equal.",
                )
    for desired in more:
        if desired.kind == kind.name:
            found.setdefault(desired.key, desired)
    return found


async def _seen(
    kinds: Mapping[str, Kind[Any]], wanted: Mapping[str, Wanted], bindings: Bindings, patience: Patience | None
) -> tuple[dict[str, Mapping[str, Sighting]], dict[Ref, str]]:
    """What `_placed` says of all kinds, seen at once, with what only a look at one resource alone tells of it."""
    sightings = await asyncio.gather(*(_observe(one, wanted[name], bindings, patience) for name, one in kinds.items()))
    seen, misplaced = _placed(kinds, dict(zip(kinds, sightings, strict=True)), wanted, bindings)
    mine = {one.remote_id for some in seen.values() for sighting in some.values() for one in _there(sighting)}
    looks = (disowned(kind, wanted[name], seen[name], bindings, mine) for name, kind in kinds.items())
    seen = dict(zip(kinds, await asyncio.gather(*looks), strict=True))
    taken = taken_on(kinds, wanted, seen, bindings)
    looks = (looked_into(kind, wanted[name], seen[name], bindings, taken) for name, kind in kinds.items())
    return dict(zip(kinds, await asyncio.gather(*looks), strict=True)), misplaced


async def _observe(
    kind: Kind[Any], wanted: Wanted, bindings: Bindings, patience: Patience | None
) -> Mapping[str, Sighting]:
    """Look; and where a create was begun and nothing of it is seen, look again before it may be made a second time."""
    bound = bindings.of(kind.name)
    seen = dict(await kind.observe(list(wanted.values()), bound))
    patience = patience or Patience()
    for pause in patience.pauses:
        begun = [one for one in wanted.values() if bindings.intended(one.ref)]
        missing = [one for one in begun if not _another(seen.get(one.key, ()), bound.get(one.key))]
        if not missing:
            break
        patience.on_pause([one.ref for one in missing], pause, "an interrupted run may have made it")
        await patience.sleep(pause)
        # What is bound and there may be what was to be replaced; the other one is looked for beside it.
        again = await kind.observe(missing, {one.key: bound[one.key] for one in missing if seen.get(one.key)})
        found = {one.key: again.get(one.key, ()) for one in missing}
        seen |= {key: sighting for key, sighting in again.items() if key not in wanted} | found
    return seen


def _there(sighting: Sighting) -> Sequence[Observed]:
    return () if isinstance(sighting, AgentctlError) else sighting


def _another(sighting: Sighting, bound: str | None) -> bool:
    """Whether something was seen besides what is bound."""
    return isinstance(sighting, AgentctlError) or any(one.remote_id != bound for one in sighting)
