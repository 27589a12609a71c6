"""What somebody added to a list and is declared by now: an object of ours takes its place, and nothing is lost by that.

Somebody attaches an object of their own, and somebody else writes what it says into the files. Its content tells that
the two are one, where all else of the two entries is equal but for whose object it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from agentctl.errors import AgentctlError
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit, attributed, patch
from agentctl.sync.kind import Desired, Keyed, Kind, Legible, Ref
from agentctl.sync.plan import Change, Plan
from agentctl.sync.provenance import says_declared


async def likened(
    plan: Plan, kinds: Mapping[str, Kind[Any]], wanted: Mapping[str, Mapping[str, Desired]], bindings: Bindings
) -> Plan:
    """The plan in which such an exchange is no conflict. What may be one is read, once for each place that has it."""
    objects = _declared(kinds, wanted, bindings)
    changes = await asyncio.gather(*(_likened(change, kinds, objects) for change in plan.changes))
    return replace(plan, changes=tuple(changes))


def _declared(
    kinds: Mapping[str, Kind[Any]], wanted: Mapping[str, Mapping[str, Desired]], bindings: Bindings
) -> Mapping[Ref | str, Desired]:
    """What can be told by what it says, by its ref and by its id."""
    some = [one for name, kind in kinds.items() if isinstance(kind, Legible) for one in wanted[name].values()]
    found: dict[Ref | str, Desired] = {one.ref: one for one in some}
    return found | {remote_id: one for one in some if (remote_id := bindings.get(one.ref))}


async def _likened(change: Change, kinds: Mapping[str, Kind[Any]], objects: Mapping[Ref | str, Desired]) -> Change:
    lists = kinds[change.desired.kind].lists
    edits = [await _weighed(edit, lists, kinds, objects) for edit in change.edits]
    return replace(change, edits=tuple(edits))


async def _weighed(
    edit: Edit, lists: Mapping[str, Keyed], kinds: Mapping[str, Kind[Any]], objects: Mapping[Ref | str, Desired]
) -> Edit:
    rule = lists.get(edit.path)
    if edit.origin == "here" or edit.removes or rule is None or rule.by is None:
        return edit
    pairs = [(one, [objects[i] for i in mine if i in objects]) for one, mine in _pairs(edit, rule)]
    said = [await _is_said(kinds, mine, one[rule.by]) for one, mine in pairs]
    same = [one for (one, _), is_same in zip(pairs, said, strict=True) if is_same]
    if not same:
        return edit
    left = replace(edit, before=[one for one in edit.before if one not in same])
    (found,) = attributed([left], patch([replace(edit, after=edit.applied)]), lists)
    return replace(edit, origin=found.origin)


def _pairs(edit: Edit, rule: Keyed) -> Iterator[tuple[Mapping[str, Any], list[Any]]]:
    """Each entry that was added there, and whose ours are that are not there and are like it in all else."""
    before, applied, after = (
        {one[rule.by]: one for one in entries or () if isinstance(one, Mapping) and rule.by in one}
        for entries in (edit.before, edit.applied, edit.after)
    )
    for added in before.keys() - applied.keys() - after.keys():
        new = after.keys() - before.keys()
        yield before[added], [i for i in new if _rest(after[i], rule) == _rest(before[added], rule, after[i])]


def _rest(entry: Mapping[str, Any], rule: Keyed, fields: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """What it says of the `fields` beside whose object it is; None: of its own."""
    return {key: entry.get(key) for key in fields or entry if key not in (rule.by, *rule.ignored)}


async def _is_said(kinds: Mapping[str, Kind[Any]], some: Sequence[Desired], remote_id: str) -> bool:
    """Whether that object says what one of these declares; what cannot be looked at does not."""
    for kind in (kinds[name] for name in {one.kind for one in some}):
        with suppress(AgentctlError):
            now = await kind.read(remote_id)
            return any(says_declared(kind, one, now) for one in some if one.kind == kind.name)
    return False
