"""What to do about changes that were held back, by commands that do it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from agentctl.resources import phone_number
from agentctl.resources.assistant import Assistant
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Change, refs

_OURS = "agentctl sync --take-ours"


def remedies(held: Sequence[Change]) -> list[str]:
    """One line for each, in order; empty for what only waits for another that is held back."""
    gone = {change.desired.ref for change in held if change.vanished}
    return [_remedy(change, gone) for change in held]


def _remedy(change: Change, gone: AbstractSet[Ref]) -> str:
    if change.doubt:
        return _capital(change.doubt)
    lines = []
    if change.vanished:
        way = anew(change, _OURS)
        made = f"Make what was deleted there anew: {_OURS}" if way.startswith("made") else _capital(way)
        lines.append(f"{way if change.observed else made}; or {_otherwise(change.desired.pinned)}")
    elif change.action == "delete" and change.foreign:
        lines.append(f"Declare it again to keep it; or delete it as it is there: {_OURS} --prune")
    # What lost its object there is no wish of somebody's that a file could take.
    elif any(not refs(edit.after) & gone for edit in change.foreign):
        lines.append(_theirs(change.desired.pinned))
    if change.destroys:
        lines.append("To delete stored conversations: agentctl sync --delete-conversations")
    return "; ".join(lines)


def _otherwise(pinned: str) -> str:
    return f"end the hold: agentctl unhold {pinned}" if pinned else "take it out of the files"


def _theirs(pinned: str) -> str:
    """The two ways out of drift. The files of what is held say something else, and would go live as a whole."""
    if not pinned:
        return f"Take theirs into the files: agentctl pull KEY; or overwrite it: {_OURS}"
    return (
        f"Overwrite it with what {pinned} is held at: {_OURS}; or end the hold and take theirs into the files: "
        f"agentctl unhold {pinned}, then agentctl pull {pinned} (the next sync applies all that these files say)"
    )


def anew(change: Change, ours: str = "--take-ours") -> str:
    """How what was deleted at the platform comes back; `ours` is how a sync is told that ours counts."""
    holder = change.desired.payload
    if change.desired.kind == phone_number.KIND and isinstance(holder, Assistant) and change.observed is None:
        return f"brought back by agentctl import-number {change.desired.key} --assistant {holder.key}"
    done = f"{change.observed.remote_id} takes its place" if change.observed else "made anew"
    return f"{done} only with {ours}"


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
