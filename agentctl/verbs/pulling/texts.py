"""Take the text of a knowledge document that was edited at the platform into its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from agentctl.errors import NotFound
from agentctl.resources import knowledge
from agentctl.resources.assistant import Assistant
from agentctl.sources.lines import laid_over
from agentctl.sources.pulled import Draft
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind, Observed, Ref
from agentctl.sync.plan import Change
from agentctl.verbs.pulling.fetching import Unfetchable, fetch
from agentctl.verbs.pulling.taking import Taken
from agentctl.verbs.remedy import owners
from agentctl.verbs.untakable import edit_of_text, without_text
from agentctl.wiring import Control


async def take_text(
    control: Control, drafts: Mapping[str, Draft], change: Change, assistants: Sequence[Assistant]
) -> tuple[Taken, Change] | None:
    """Lay it into its file, and what is left of the change; None where no file can take it.

    The platform gives a text back without empty lines and indentation: what reads the same keeps its form here. The
    file of a shared one comes with the first of `assistants` that uses it, and is everybody's, as the document is.
    """
    edit = edit_of_text(change)
    keys = owners([change.desired], assistants) if edit else []
    if edit is None or change.observed is None or not keys:
        return None
    try:
        theirs = await fetch(control, change.observed.remote_id)
    except Unfetchable:
        return None
    draft, file = drafts[keys[0]], change.desired.payload.path
    draft.text(file, laid_over(draft.text(file), (theirs.content or b"").decode()))
    taken = Taken(draft.assistant.key, knowledge.KIND, edit.path, ours=edit.after, theirs=edit.before)
    return taken, without_text(change)


async def remember(changes: tuple[Change, ...], bindings: Bindings, kind: Kind[Any]) -> None:
    """That what was edited of them is in the files by now: it is no drift any more, nor is what its name tells of it.

    Where that was one whose place another had taken, the files went back to it, and the other is to go.
    """
    for change in changes:
        if seen := change.observed:
            with suppress(NotFound):  # The next plan says that it is gone.
                there = (await kind.read(seen.remote_id)).body
                await _remember(change.desired.ref, seen, there, bindings, kind.traits.opaque)


async def _remember(ref: Ref, seen: Observed, there: Mapping[str, Any], bindings: Bindings, content: str) -> None:
    bound = bindings.get(ref)
    other = bound if bound != seen.remote_id else None
    known = there if other else {content: there[content]} if there[content] is not None else {}
    # Nothing is remembered of one that another had replaced, and yet files hold what it does: it is not just found.
    how: dict[str, Any] = {"touched": seen.touched, "fingerprint": seen.fingerprint, "looked": other is None}
    await bindings.bind(ref, seen.remote_id, known, former=other, **how)
