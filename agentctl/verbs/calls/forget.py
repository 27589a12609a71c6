"""Forget a caller or a call: here, in the recordings and at ElevenLabs, and so that it never comes back."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

from agentctl.calls import erasure, number
from agentctl.calls.erasure import Remains, Traces
from agentctl.calls.inbox import Store
from agentctl.calls.retention import erase_abandoned
from agentctl.errors import AgentctlError, Anothers, Elsewhere, StoreError, UsageError
from agentctl.verbs.calls import audit, made_tests, sink
from agentctl.verbs.calls.homes import Homes, homes
from agentctl.verbs.calls.made_tests import MadeTests
from agentctl.verbs.calls.sink import Unwritten
from agentctl.wiring import Control

_BATCH = 50
_REMOTE_ID = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True)
class Found:
    """What there is of a caller or a call, and the tests that were made of it."""

    traces: Traces
    tests: MadeTests


@dataclass(frozen=True)
class Forgotten:
    """What came of it. `counts`: rows that were deleted, by sort, files of tests, and revisions that had such tests.
    `remote`: conversations deleted at ElevenLabs; those that were not there do not count. `failed`: those that could
    not be, with the reason (Elsewhere: they may be gone, or where no key leads); they are remembered. `tests_left`: why
    the tests made of them could not be erased.

    `unreached`: recordings that are files of another machine, or in the Storage of another project; remembered, too.
    `full`: rows of the product's own table that could not be emptied; workers try it again.
    """

    counts: dict[str, int]
    remote: int = 0
    failed: tuple[tuple[str, AgentctlError], ...] = ()
    unreached: tuple[Remains, ...] = ()
    tests_left: AgentctlError | None = None
    full: tuple[Unwritten, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether doing it again has nothing left to do: a file of another machine goes without."""
        in_storage = any(not one.is_on_a_machine for one in self.unreached)
        return not (self.failed or self.full or in_storage) and self.tests_left is None

    @property
    def is_nothing(self) -> bool:
        """Whether there was nothing to erase, as far as was looked."""
        return self.is_whole and not (self.remote or self.unreached or any(self.counts.values()))


@dataclass
class _Run:
    keep_remote: bool
    homes: Homes
    counts: Counter[str] = field(default_factory=Counter)
    remote: int = 0
    failed: dict[str, AgentctlError] = field(default_factory=dict)
    unreached: list[Remains] = field(default_factory=list)
    full: list[Unwritten] = field(default_factory=list)
    tests_left: AgentctlError | None = None
    tested: frozenset[str] = frozenset()
    settled: bool = False  # it was forgotten before, and nothing was left to do


async def find(control: Control, who: str, *, keep_remote: bool = False) -> Found:
    """What there is of `who`: a number in any way people write it, the id of a conversation, or of an event.

    Raises UsageError for a number that is too short or that of several callers, for another tenant's conversation, and
    unless `keep_remote` for calls that no key opens; ConfigurationError without a key unless `keep_remote`, StoreError.
    """
    store = await control.store_of_calls()
    called = number.read(who)
    traces = await (erasure.of_number(store, called) if called else erasure.of_id(store, who))
    if not traces.is_known and (owners := await _others(control, who, () if keep_remote else traces.conversation_ids)):
        hint = f"Add --tenant {' or '.join(owners)}."
        raise UsageError(f"{who} is a call of another tenant; nothing was erased", hint)
    if not keep_remote:
        await _must_open(control, store, traces)
    return Found(traces, await made_tests.find(control, traces.conversation_ids))


async def _others(control: Control, who: str, conversation_ids: Sequence[str]) -> list[str]:
    """Other tenants who have a call of which nothing is known of this one's: here, else at ElevenLabs."""
    store = await control.store_of_calls()
    known: list[str] = await store.call("other_owners", {"conversation_id": who})
    if known:
        return known
    async with homes(control) as places:
        there = [await places.other_owner(one) for one in conversation_ids if _REMOTE_ID.fullmatch(one)]
    return [one for one in there if one]


async def _must_open(control: Control, store: Store, traces: Traces) -> None:
    """Before anything is erased: there is a key to each workspace where one of these calls is."""
    asked = {**asdict(control.scope), "conversation_ids": list(traces.conversation_ids)}
    async with homes(control) as places:
        opened = places.opened()
    if shut := await store.call("homes_elsewhere", {**asked, "workspaces": opened}):
        raise UsageError(
            f"some of these calls are in the workspace {', '.join(shut)}, which no key opens; nothing was erased",
            "Say where its key is (agentctl tenants set), or erase them here alone: --keep-remote.",
        )


async def forget(
    control: Control, found: Found, *, keep_remote: bool = False, tell: Callable[[str], None] = lambda text: None
) -> Forgotten:
    """Erase it everywhere. Cut off at any point, it is gone on with by doing the same again.

    `tell` hears how far it is. A conversation that ElevenLabs does not delete is remembered, so that it is known what
    is left to do, though nothing of it is here any more. Raises StoreError.
    """
    async with homes(control) as places:
        return await _forget(control, found, _Run(keep_remote, places), tell)


async def _forget(control: Control, found: Found, run: _Run, tell: Callable[[str], None]) -> Forgotten:
    store, traces, keep_remote = await control.store_of_calls(), found.traces, run.keep_remote
    ids = traces.conversation_ids
    run.settled = bool(traces.marked) and not await erasure.remains(store, ids)
    await erasure.mark(store, traces, keep_remote=keep_remote)
    await audit.note(control, "forget", conversations=len(ids), keep_remote=keep_remote)
    batches = [ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH)]
    if traces.event_ids:
        run.counts.update(await erasure.erase(store, (), traces.event_ids))
    for batch in batches:
        run.counts.update(await erasure.erase(store, batch))
        run.full += await sink.empty(store, batch)
    await _tests(control, found, run)
    for at, batch in enumerate(batches):
        left = [await _recording(control, one, run) for one in await erasure.remains(store, batch)]
        await erasure.leave(store, await asyncio.gather(*(_remote(one, run) for one in left)))
        tell(f"{at * _BATCH + len(batch)} of {len(ids)} calls")
    await erase_abandoned(store, control.recordings_of_calls)
    failed, unreached = tuple(run.failed.items()), tuple(run.unreached)
    result = Forgotten(dict(run.counts), run.remote, failed, unreached, run.tests_left, tuple(run.full))
    await audit.note(control, "forgot", **result.counts, remote=result.remote, failed=len(failed) + len(run.tested))
    return result


async def _tests(control: Control, found: Found, run: _Run) -> None:
    ids = [one for one in found.traces.conversation_ids if found.tests.concern(one)]
    if not ids:
        return
    try:
        revisions = await made_tests.erase(control, found.tests, ids, keep_remote=run.keep_remote)
    except StoreError:
        raise
    except AgentctlError as error:
        run.tests_left, run.tested = error, frozenset(ids)
    else:
        run.counts.update({"tests": len(found.tests.files), "revisions": revisions})


async def _recording(control: Control, one: Remains, run: _Run) -> Remains:
    # Also where none is known of: of an earlier version's file that a worker was lost with.
    recordings = control.recordings_of_calls
    erased = await recordings.erase(one.conversation_id, one.recording)
    if erased or one.recording is None or await recordings.reaches(one.recording):
        return replace(one, recording=None)
    run.unreached.append(one)
    return one


async def _remote(one: Remains, run: _Run) -> Remains:
    has_test = one.conversation_id in run.tested  # a test of it that is left is found by what is remembered of it
    if run.keep_remote or not one.at_vendor:
        return replace(one, at_vendor=has_test)  # what is kept by somebody's word is not left to do
    # What has another form was never an id there, and came by an event that somebody else had signed.
    if _REMOTE_ID.fullmatch(one.conversation_id):
        try:
            was_there = await run.homes.delete(one.conversation_id)
        except StoreError:
            raise
        except AgentctlError as error:
            if not run.settled or not isinstance(error, Elsewhere | Anothers):
                run.failed[one.conversation_id] = error
                return one
            was_there = False
        run.remote += was_there
    return replace(one, at_vendor=has_test)
