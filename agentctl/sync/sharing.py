"""Who else uses an object: that decides whether it may be edited in place, and whether it may be deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentctl.errors import AgentctlError
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import diff
from agentctl.sync.kind import Desired, Kind, Ref, Shared, Sighting, User
from agentctl.sync.plan import Change, refs, resolve

Others = Sequence[User] | AgentctlError
"""The users of an object who have no part in a plan, or why they could not be asked for."""


class Parties:
    """The resources of one plan with the ids they have now: who refers to another has agreed to what that will be."""

    def __init__(
        self,
        wanted: Mapping[str, Mapping[str, Desired]],
        seen: Mapping[str, Mapping[str, Sighting]],
        bindings: Bindings,
    ) -> None:
        self._referring: dict[Ref, set[str]] = {}
        for kind, resources in wanted.items():
            for desired in resources.values():
                ids = _ids(seen[kind].get(desired.key, ()), bindings.get(desired.ref))
                for ref in refs(desired.body):
                    self._referring.setdefault(ref, set()).update(ids)

    async def strangers(
        self, kind: Kind[Any], wanted: Iterable[Desired], seen: Mapping[str, Sighting], ids: Mapping[Ref, str]
    ) -> Mapping[str, Others]:
        """By key: who would feel an edit in place and does not refer to the resource in this plan.

        Asked only where there is such an edit. `ids`: what is known of the kinds before.
        """
        if not isinstance(kind, Shared):
            return {}
        asked: dict[str, tuple[Desired, str]] = {}
        for desired in wanted:
            sighting = seen.get(desired.key, ())
            if isinstance(sighting, AgentctlError) or len(sighting) != 1:
                continue
            edits = diff(resolve(desired.body, ids), sighting[0].body, kind.lists)
            changed = frozenset(edit.path for edit in edits)
            if kind.felt(changed) and not kind.replaces(desired, changed):
                asked[desired.key] = (desired, sighting[0].remote_id)
        answers = await asyncio.gather(
            *(_others(kind, i, self._referring.get(desired.ref, set())) for desired, i in asked.values())
        )
        return dict(zip(asked, answers, strict=True))

    async def keepers(
        self, kinds: Mapping[str, Kind[Any]], doomed: Sequence[Change], changes: Sequence[Change]
    ) -> Sequence[Others]:
        """For each deletion: who uses the object and goes on with it, as whoever does that none of the changes is of.

        Whether one that is written lets go, its kind finds out when it deletes the object.
        """
        users = await asyncio.gather(*(_users(kinds[change.desired.kind], change) for change in doomed))
        ids = [change.observed.remote_id if change.observed else "" for change in doomed]
        free = {change.observed.remote_id for change in changes if change.observed}
        while True:
            found = [_but(some, free) for some in users]
            # What stays is somebody who goes on with what it lies in.
            more = free & {remote_id for remote_id, some in zip(ids, found, strict=True) if some}
            if not more:
                return found
            free -= more


def named(users: Sequence[User]) -> str:
    """The names of some users, for a sentence."""
    names = [user.name for user in users]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


async def _others(kind: Shared, remote_id: str, parties: set[str]) -> Others:
    try:
        return _but(await kind.users(remote_id), parties)
    except AgentctlError as error:
        return error


async def _users(kind: Kind[Any], change: Change) -> Others:
    if not isinstance(kind, Shared) or change.observed is None:
        return ()
    return await _others(kind, change.observed.remote_id, set())


def _but(users: Others, parties: set[str]) -> Others:
    return users if isinstance(users, AgentctlError) else [one for one in users if one.remote_id not in parties]


def _ids(sighting: Sighting, bound: str | None) -> set[str]:
    found = set() if isinstance(sighting, AgentctlError) else {one.remote_id for one in sighting}
    return found | ({bound} if bound else set())
