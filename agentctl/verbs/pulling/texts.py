"""Take the text of a knowledge document that was edited at the platform into its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentctl.resources import knowledge
from agentctl.sources.lines import laid_over
from agentctl.sources.pulled import Draft, Untakable
from agentctl.sync.bindings import Bindings
from agentctl.sync.plan import Change
from agentctl.verbs.pulling.fetching import Unfetchable, fetch
from agentctl.verbs.pulling.taking import Taken
from agentctl.wiring import Control

_CONTENT = ("content",)


async def take_text(control: Control, drafts: Mapping[str, Draft], change: Change) -> tuple[Taken, Change] | None:
    """Lay it into the draft of its assistant, and what is left of the change; None where no file can take it.

    The platform gives a text back without empty lines and indentation: what reads the same keeps its form here. A
    shared file is several assistants', and a file that is uploaded as it is has no text here.
    """
    draft = drafts.get(change.desired.key.partition("/")[0])
    edit = next((one for one in change.foreign if one.keys == _CONTENT and one.before is not None), None)
    seen, document = change.observed, change.desired.payload
    if change.desired.kind != knowledge.KIND or seen is None or draft is None or edit is None:
        return None
    if not seen.fingerprint or seen.body.get("type") != "text" or document.text is None:
        return None
    try:
        theirs = await fetch(control, seen.remote_id)
        draft.text(change.desired.key, laid_over(draft.text(change.desired.key), (theirs.content or b"").decode()))
    except (Unfetchable, Untakable):
        return None
    taken = Taken(draft.assistant.key, knowledge.KIND, edit.path, ours=edit.after, theirs=edit.before)
    return taken, replace(change, edits=tuple(one for one in change.edits if one != edit))


async def remember(changes: tuple[Change, ...], bindings: Bindings) -> None:
    """That what was edited of them is in the files by now: it is no drift any more.

    Where that was one whose place another had taken, the files went back to it, and the other is to go.
    """
    for change in changes:
        if seen := change.observed:
            ref, bound = change.desired.ref, bindings.get(change.desired.ref)
            other = bound if bound != seen.remote_id else None
            how: dict[str, Any] = {"touched": seen.touched, "fingerprint": seen.fingerprint, "looked": True}
            await bindings.bind(ref, seen.remote_id, seen.body if other else None, former=other, **how)
