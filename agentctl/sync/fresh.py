"""A plan is made for a person to read, and the world does not wait for the answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from agentctl.errors import NotFound, Stale
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Kind, Observed, Shared
from agentctl.sync.plan import Change
from agentctl.sync.sharing import named

PLAN_AGAIN = "Run it again: the new plan shows what is there now."


async def must_be_fresh(kind: Kind[Any], change: Change) -> Observed | None:
    """What was just seen of it, as the plan was made from it; None of one that is gone, for the write to meet.

    Raises Stale where it is not that.
    """
    if change.observed is None:
        return None
    try:
        now = await kind.read(change.observed.remote_id)
    except NotFound:
        return None
    if not is_same(change.observed, now):
        name = f"{change.desired.kind} {change.desired.key}"
        raise Stale(f"{name} was changed at the platform after this plan was made; nothing was written", PLAN_AGAIN)
    return now


async def must_be_ours(kind: Kind[Any], remote_id: str, edits: Iterable[Edit], ours: Collection[str]) -> None:
    """Raise Stale where an edit in place would be felt by somebody who began to use the object after the plan."""
    if not isinstance(kind, Shared) or not kind.felt(frozenset(edit.path for edit in edits)):
        return
    if strangers := [user for user in await kind.users(remote_id) if user.remote_id not in ours]:
        raise Stale(f"{kind.name} {remote_id} is used by {named(strangers)} since this plan was made", PLAN_AGAIN)


def is_same(planned: Observed, now: Observed) -> bool:
    """Whether nothing of it has changed in between, as far as its kind tells."""
    if planned.version and now.version:
        return planned.version == now.version
    # A list may tell less of a resource than a look at it alone does.
    return all(planned.body[name] == now.body[name] for name in planned.body.keys() & now.body.keys())
