"""Which revision a rollback goes to where nobody names one: never to what an earlier rollback went away from."""

from __future__ import annotations

from collections.abc import Sequence

from agentctl.errors import UsageError
from agentctl.verbs.revisions.history import Revision
from agentctl.verbs.revisions.hold import NOTE, Hold, note


def chosen(key: str, kept: Sequence[Revision], hold: Hold | None, to: int | None) -> int:
    """`to`, else the one before what is in force; `kept`: newest first.

    What is in force is what `key` is held at, else the newest. Where that was a rollback, the one before what it went
    back to: all in between is what it led away from. A rollback that was cut off is begun again. Raises UsageError
    where there is none.
    """
    numbers = [one.revision for one in kept]
    if to is not None:
        if to not in numbers:
            hint = f"There are: {', '.join(map(str, numbers)) or 'none'}."
            raise UsageError(f"{key} has no revision {to}", hint)
        return to
    if not numbers:
        hint = "Each sync that changes it keeps one."
        raise UsageError(f"{key} has no revision: there is nothing to go back to", hint)
    if hold is not None and hold.revision in numbers and not _is_done(kept, hold):
        return hold.revision
    current = _went_to(kept, hold.revision if hold else numbers[0])
    earlier = [number for number in numbers if number < current]
    if not earlier:
        raise _nothing_before(key, current, numbers, hold)
    return max(earlier)


def _is_done(kept: Sequence[Revision], hold: Hold) -> bool:
    """Whether what it is held at is what was applied last."""
    newest = kept[0]
    same = {one.digest for one in kept if one.revision == hold.revision}
    return newest.note == note(hold.revision) or newest.digest in same


def _went_to(kept: Sequence[Revision], revision: int) -> int:
    """The revision that `revision` is a return to, however often; itself where it is none."""
    notes = {one.revision: one.note or "" for one in kept}
    while (target := notes.get(revision, "").removeprefix(NOTE)) != notes.get(revision, ""):
        if not target.isdecimal() or int(target) >= revision:
            break
        revision = int(target)
    return revision


def _nothing_before(key: str, current: int, numbers: Sequence[int], hold: Hold | None) -> UsageError:
    if len(numbers) == 1 and hold is None:
        what = f"{key} has only one revision: there is nothing to go back to"
        return UsageError(what, "Each sync that changes it keeps one.")
    what = f"{key} is held at revision {hold.revision}" if hold else f"{key} is at revision {current}"
    return UsageError(
        f"{what}, and none before it is kept: there is nothing further back",
        f"agentctl history {key} lists what there is, and --to N goes to any of it. Nothing was changed.",
    )
