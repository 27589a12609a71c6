"""Forget a caller or a call: here, in the recordings and at ElevenLabs, and so that it never comes back."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agentctl.calls import erasure, number
from agentctl.calls.erasure import Recording, Traces
from agentctl.errors import AgentctlError, NotFound
from agentctl.verbs.calls import audit
from agentctl.wiring import Control

_BATCH = 50
_REMOTE_ID = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True)
class Forgotten:
    """What came of it. `counts`: rows that were deleted, by sort. `remote`: conversations deleted at ElevenLabs, or
    gone there before. `failed`: those that could not be, with the reason; they are still here, and marked.

    `unreached`: recordings whose files are not where this machine keeps its own.
    """

    counts: dict[str, int]
    remote: int = 0
    failed: tuple[tuple[str, AgentctlError], ...] = ()
    unreached: tuple[Recording, ...] = ()


@dataclass
class _Run:
    counts: Counter[str] = field(default_factory=Counter)
    remote: int = 0
    failed: dict[str, AgentctlError] = field(default_factory=dict)
    unreached: list[Recording] = field(default_factory=list)


async def traces(control: Control, who: str, *, keep_remote: bool = False) -> Traces:
    """What there is of `who`: a number in any way people write it, the id of a conversation, or of an event.

    Raises UsageError for a number that is too short or that of several callers, ConfigurationError without a key unless
    `keep_remote`, StoreError.
    """
    if not keep_remote:
        assert control.api  # to learn it before anything is erased
    store = await control.store()
    called = number.read(who)
    return await (erasure.of_number(store, called) if called else erasure.of_id(store, who))


async def forget(
    control: Control, found: Traces, *, keep_remote: bool = False, tell: Callable[[str], None] = lambda text: None
) -> Forgotten:
    """Erase it everywhere. Cut off at any point, it is gone on with by doing the same again.

    `tell` hears how far it is. A conversation that ElevenLabs does not delete stays here, too, so that it is known what
    is left to do. Raises StoreError.
    """
    store, run = await control.store(), _Run()
    await erasure.mark(store, found)
    how = {"conversations": len(found.conversation_ids), "keep_remote": keep_remote}
    await audit.note(control, "forget", **how)
    for at in range(0, len(found.conversation_ids), _BATCH):
        batch = found.conversation_ids[at : at + _BATCH]
        await _recordings(control, found, batch, run)
        if not keep_remote:
            await _remote(control, batch, run)
        gone = [one for one in batch if one not in run.failed]
        run.counts.update(await erasure.erase(store, gone))
        tell(f"{at + len(batch)} of {len(found.conversation_ids)} calls")
    left = set(run.failed)
    if found.event_ids and not left:
        run.counts.update(await erasure.erase(store, (), found.event_ids))
    result = Forgotten(dict(run.counts), run.remote, tuple(run.failed.items()), tuple(run.unreached))
    await audit.note(control, "forgot", **result.counts, remote=result.remote, failed=len(result.failed))
    return result


async def _recordings(control: Control, found: Traces, batch: Sequence[str], run: _Run) -> None:
    known = {one.conversation_id: one for one in found.recordings}
    for conversation_id in batch:
        # Also without a row: a worker may have been lost between saving a file and saying so.
        if not await control.workshop.recordings.erase(conversation_id) and conversation_id in known:
            run.unreached.append(known[conversation_id])


async def _remote(control: Control, batch: Sequence[str], run: _Run) -> None:
    async def delete(conversation_id: str) -> None:
        try:
            await control.api.delete("/v1/convai/conversations/{conversation_id}", conversation_id=conversation_id)
        except NotFound:
            pass
        except AgentctlError as error:
            run.failed[conversation_id] = error
            return
        run.remote += 1

    # What has another form was never an id there, and came by an event that somebody else had signed.
    await asyncio.gather(*(delete(one) for one in batch if _REMOTE_ID.fullmatch(one)))
