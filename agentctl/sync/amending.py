"""Edit one resource: what is about to be said is remembered first, and looked for before it is sent again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentctl.errors import AnswerLost, Stale
from agentctl.sync.bindings import Bindings
from agentctl.sync.fresh import PLAN_AGAIN, is_same
from agentctl.sync.interrupted import Said, outstanding
from agentctl.sync.kind import Desired, Kind, Observed
from agentctl.sync.opaque import as_kept
from agentctl.sync.patience import Patience


async def amended(
    kind: Kind[Any],
    desired: Desired,
    observed: Observed,
    sent: Mapping[str, Any],
    said: Said,
    bindings: Bindings,
    patience: Patience,
) -> Observed:
    """Send it, and the resource as it is afterwards.

    A write whose answer was lost is sent again only while all is there as it was: meanwhile somebody else may have
    written. Raises Stale where somebody has, AnswerLost where it never got through, and what `kind` raises.
    """
    await bindings.say(desired.ref, observed.remote_id, said)
    now = await delivered(kind, desired, observed, sent, said.words, bindings, patience)
    return as_kept(kind, desired, observed, now, said)


async def delivered(
    kind: Kind[Any],
    desired: Desired,
    observed: Observed,
    sent: Mapping[str, Any],
    words: Mapping[str, Any],
    bindings: Bindings,
    patience: Patience,
) -> Observed:
    """The same for what is remembered already; `words`: what is there once this has arrived."""
    for pause in (*patience.pauses, None):
        try:
            return await kind.update(observed.remote_id, desired, sent)
        except AnswerLost as error:
            if pause is None:
                raise AnswerLost(error.message, "Run the same again: it looks first at what became of it.") from None
        patience.on_pause([desired.ref], pause, "its edit had no answer, and may have arrived")
        await patience.sleep(pause)
        now = await kind.read(observed.remote_id)
        if is_same(observed, now):
            continue
        if outstanding(words, now, kind.lists, bindings.applied(desired.ref)):
            name = f"{desired.kind} {desired.key}"
            raise Stale(f"{name} was changed at the platform while it was written", PLAN_AGAIN)
        return replace(now, fingerprint="")  # Whether the content is ours, or somebody's since, is not to be seen.
    raise AssertionError("the last attempt has ended it")
