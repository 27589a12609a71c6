"""Make one resource: what is about to be said is remembered before it is sent, and the id the moment there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentctl.errors import Rejected, Unauthorized
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit
from agentctl.sync.interrupted import Said
from agentctl.sync.kind import Desired, Kind
from agentctl.sync.provenance import attempted


async def made(
    kind: Kind[Any],
    desired: Desired,
    body: Mapping[str, Any],
    bindings: Bindings,
    *,
    again: bool,
    former: str | None = None,
    unjudged: bool = False,
) -> str:
    """Make it and bind it: its id. `again`: an earlier create was cut off, and what it may have made was looked for.

    `former`, `unjudged`: as of `Bindings.bind`. Raises Stale where another sync is making it too, and what `kind`
    raises. Where no answer came, the next plan looks for it.
    """
    earlier = attempted(kind, desired.ref, bindings)
    if not kind.traits.repeatable:
        await bindings.intend(desired.ref, body, again=again)
    try:
        remote_id = await kind.create(desired, body)
    except (Rejected, Unauthorized):
        # Nothing was made, so nobody has to look for it. Of an earlier create, something may come to light still.
        if not again:
            await bindings.abandon([desired.ref])
        raise
    await bindings.bind(desired.ref, remote_id, former=former, unjudged=unjudged, made=body, own=earlier)
    return remote_id


def set_since(edits: Iterable[Edit], said: Said) -> tuple[Edit, ...]:
    """Those of the edits after a create that somebody has made necessary since, as changes made there.

    What stands there otherwise has been set by somebody, or by the platform itself; neither is asked to go without a
    word, and beside it what was `said` and is gone counts as taken away. Where nothing stands otherwise, the create
    could not say what is missing, or the platform did not take it.
    """
    edits = tuple(edits)
    if all(edit.before in _NOTHING for edit in edits):
        return ()
    return tuple(
        replace(edit, origin="there") for edit in edits if edit.before not in _NOTHING or said.names(edit.keys)
    )


_NOTHING: Sequence[object] = (None, "", [], {})
