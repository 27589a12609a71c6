"""Forget a caller or a call: here, in the recordings and at ElevenLabs, and so that it never comes back."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agentctl.calls import erasure, number
from agentctl.calls.erasure import Remains, Traces
from agentctl.errors import AgentctlError, NotFound
from agentctl.verbs.calls import audit
from agentctl.wiring import Control

_BATCH = 50
_REMOTE_ID = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True)
class Forgotten:
    """What came of it. `counts`: rows that were deleted, by sort. `remote`: conversations deleted at ElevenLabs, or
    gone there before. `failed`: those that could not be, with the reason; they are remembered.

    `unreached`: recordings whose files are not where this machine keeps its own; remembered, too.
    """

    counts: dict[str, int]
    remote: int = 0
    failed: tuple[tuple[str, AgentctlError], ...] = ()
    unreached: tuple[Remains, ...] = ()


@dataclass
class _Run:
    keep_remote: bool
    remote: int = 0
    failed: dict[str, AgentctlError] = field(default_factory=dict)
    unreached: list[Remains] = field(default_factory=list)


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

    `tell` hears how far it is. A conversation that ElevenLabs does not delete is remembered, so that it is known what
    is left to do, though nothing of it is here any more. Raises StoreError.
    """
    store, run = await control.store(), _Run(keep_remote)
    await erasure.mark(store, found, keep_remote=keep_remote)
    how = {"conversations": len(found.conversation_ids), "keep_remote": keep_remote}
    await audit.note(control, "forget", **how)
    batches = [found.conversation_ids[at : at + _BATCH] for at in range(0, len(found.conversation_ids), _BATCH)]
    counts = Counter(await erasure.erase(store, (), found.event_ids) if found.event_ids else {})
    for batch in batches:
        counts.update(await erasure.erase(store, batch))
    for batch in batches:
        left = [await _recording(control, one, run) for one in await erasure.remains(store, batch)]
        await erasure.leave(store, await asyncio.gather(*(_remote(control, one, run) for one in left)))
        tell(f"{batches.index(batch) * _BATCH + len(batch)} of {len(found.conversation_ids)} calls")
    result = Forgotten(dict(counts), run.remote, tuple(run.failed.items()), tuple(run.unreached))
    await audit.note(control, "forgot", **result.counts, remote=result.remote, failed=len(result.failed))
    return result


async def _recording(control: Control, one: Remains, run: _Run) -> Remains:
    # Also where none is known of: a worker may have been lost between saving a file and saying so.
    if await control.workshop.recordings.erase(one.conversation_id) or one.recording is None:
        return replace(one, recording=None)
    run.unreached.append(one)
    return one


async def _remote(control: Control, one: Remains, run: _Run) -> Remains:
    if run.keep_remote or not one.at_vendor:
        return one
    # What has another form was never an id there, and came by an event that somebody else had signed.
    if _REMOTE_ID.fullmatch(one.conversation_id):
        try:
            await control.api.delete("/v1/convai/conversations/{conversation_id}", conversation_id=one.conversation_id)
        except NotFound:
            pass
        except AgentctlError as error:
            run.failed[one.conversation_id] = error
            return one
        run.remote += 1
    return replace(one, at_vendor=False)
