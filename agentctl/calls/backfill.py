"""Fetch the conversations that we were never told about, and enter them where the webhook enters its own.

The list filters by start, and a conversation appears in it as done only after its end and its analysis. So every look
goes back over an overlap, and to the oldest conversation that was still running; the store's own memory keeps that
from storing anything twice, and from asking for anything that is known. What a webhook delivered is never displaced:
the store ranks it higher.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from agentctl.calls import inbox, wire
from agentctl.calls.agents_there import is_landlords, met, not_here, there
from agentctl.calls.conversation import identifier
from agentctl.calls.event import TRANSCRIPTION, told
from agentctl.calls.inbox import Store
from agentctl.calls.tenant import OPERATOR, store_of
from agentctl.errors import AgentctlError, NotFound, RateLimited, StoreUnavailable
from agentctl.resources.answer import odd

log = logging.getLogger(__name__)

# How far the first look at an agent goes back at most; not beyond the time that it was bound.
FIRST_LOOK = timedelta(days=7)
# A call that the platform never ends, or one that cannot be had, is given up after this.
LONGEST_HELD = timedelta(days=7)
# Ten minutes is the platform's default for max_duration_seconds; the analysis after the end takes some minutes more.
OVERLAP = timedelta(minutes=30)
# What is listed and not there may come yet, where the platform lags behind itself. So long after its end it is gone,
# once it was looked for twice.
ABSENT = timedelta(hours=1)
TERMINAL = frozenset({"done", "failed"})
_NOT_TERMINAL = ("initiated", "in-progress", "processing")
_BATCH = 100
_AT_ONCE = 8  # the client itself slows down where the platform refuses
CONVERSATION = "/v1/convai/conversations/{conversation_id}"


@dataclass(frozen=True)
class Listed:
    """A conversation as the platform lists it. `start` and `end`: when it began and how long it took, to the second."""

    start: datetime
    end: datetime
    conversation_id: str
    agent_id: str | None
    is_over: bool


class Api(Protocol):
    """What is needed of ElevenLabs' API. Paths are templates; the client quotes the ids that fill them."""

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> Any:
        """GET one object. Raises ApiError and Unreachable."""
        ...

    def pages(
        self, path: str, *, items: str, params: Mapping[str, Any] | None = None, **ids: str
    ) -> AsyncIterator[Any]:
        """The entries of all pages of a list, from the field `items`."""
        ...


@dataclass(frozen=True)
class CaughtUp:
    """What one look came to. `entered`: the ids of the conversations that were missing, oldest first.

    `listed`: how many the platform has in the window; `running`: of these, those that are not over. `foreign`: those of
    agents that are not ours, left alone; `failed`: those that could not be had, for the next look. `gone`: those that
    are listed and were not there either when they were looked for again. `agents`: ours; `sounds`: the ids of
    conversations whose missing recordings were entered.
    """

    since: datetime
    listed: int = 0
    running: int = 0
    foreign: int = 0
    entered: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


async def poll(
    api: Api, store: Store, agent_ids: Sequence[str], since: datetime, *, overlap: timedelta = OVERLAP
) -> list[str]:
    """Enter every finished conversation that began after `since` (less `overlap`) and is not stored yet.

    Without `agent_ids` those of all agents. The answer is the ids that were entered, oldest first. Running it again
    is safe at any point. One that cannot be entered is logged and left to the next poll, so that it blocks no other.
    Raises ApiError, Unreachable and StoreError if the list cannot be had or nothing of it can be entered.
    """
    found: dict[str, Listed] = {}
    for agent_id in agent_ids or (None,):
        asked = {"exclude_statuses": list(_NOT_TERMINAL), **({"agent_id": agent_id} if agent_id else {})}
        found |= {one.conversation_id: one for one in await _listed(api, since - overlap, asked) if one.is_over}
    tried = await _enter_all(api, store, await _missing(store, list(found.values())))
    tried.raise_if_nothing_worked()
    return tried.entered


async def catch_up(
    api: Api,
    store: Store,
    workspace: str,
    *,
    owner: str = OPERATOR,
    key: str = "the key",
    since: datetime | None = None,
) -> CaughtUp:
    """Enter what is missing since the last time, or since `since` where that is earlier, and remember how far it got.

    The list is that of the whole workspace, so that calls of an agent that is gone are in it; those of agents that are
    there and neither ours nor known here are left alone. `owner`: the tenant whose workspace it is, whose calls those
    of an agent are that nobody has, as the webhook has it. `key`: what people call that which opens it. Safe to run
    again at any point, and beside itself: until all that was listed is entered, the next look begins where this one
    did; nor is anything done where ours are gone, and nothing tells that they were there. Raises as `poll` does,
    RateLimited, and Elsewhere, with nothing done, where no bound agent is there, or only others' are.
    """
    began = datetime.now(UTC)
    rows = await store.call("watermarks", {"workspace": workspace})
    reached = {row["agent_id"]: _reached(row, began) for row in rows}
    start = min([*reached.values(), since or began, began])
    listed = await _listed(api, start - OVERLAP, {})
    bound = {row["agent_id"] for row in rows if row["bound_at"]}
    owners = store_of(store, owner)
    known = await _is_known(api, store, {one.agent_id for one in listed}, bound, workspace, owner, key)
    missing = await _missing(owners, [one for one in listed if one.is_over])
    if reached and not known:
        return CaughtUp(start, len(listed), foreign=len(missing))
    wanted = await _wanted(api, owners, missing, reached)
    tried = await _enter_all(api, owners, wanted)
    gone = [one.conversation_id for one in tried.among(wanted) if _is_gone(one, reached, began)]
    failed = [one for one in [*tried.left, *tried.absent] if one not in gone]
    running = [one for one in listed if not one.is_over]
    ours = reached.keys() | {one.agent_id for one in wanted if one.agent_id}
    open_ones = [*running, *(one for one in wanted if one.conversation_id in failed)]
    await store.call("advance_watermarks", {"workspace": workspace, "rows": _marks(ours, open_ones, began)})
    tried.raise_if_nothing_worked()
    left, entered, agents = len(missing) - len(wanted), tuple(tried.entered), tuple(sorted(ours))
    return CaughtUp(start, len(listed), len(running), left, entered, tuple(failed), agents, gone=tuple(gone))


async def _is_known(
    api: Api, store: Store, called: Collection[str | None], bound: Collection[str], workspace: str, owner: str, key: str
) -> bool:
    """Whether any agent tells that this is the workspace; a call of one that is bound proves it without a request.

    Raises Elsewhere where it is another one: none of those that are bound is there, or others' are and none is bound.
    """
    found = {one for one in called if one}
    if found.isdisjoint(bound):
        found |= await met(api, bound)
    if not found.isdisjoint(bound):
        return True
    what, then = "no calls were fetched", "the next look fetches what is missing since"
    if bound:
        raise not_here(len(bound), workspace, key=key, undone=what, remedy=then)
    return await is_landlords(store, found, workspace, landlord=owner, key=key, undone=what)


def _reached(row: Mapping[str, Any], began: datetime) -> datetime:
    """Where the look at this agent begins. Calls from before it was ours are fetched only by who asks for them."""
    if row["reached"]:
        return datetime.fromisoformat(row["reached"])
    return max(datetime.fromisoformat(row["bound_at"]), began - FIRST_LOOK)


def _is_gone(one: Listed, reached: Mapping[str, datetime], began: datetime) -> bool:
    """Whether what is not there is given up: it was over for long, and the look before this one stopped at it, too."""
    looked_for = one.agent_id is None or (one.agent_id in reached and one.start <= reached[one.agent_id])
    return looked_for and one.end <= began - ABSENT


def _marks(agent_ids: Iterable[str], open_ones: Sequence[Listed], began: datetime) -> list[dict[str, str]]:
    """Up to when nothing of each agent is missing. What is open for very long holds nothing up for ever."""
    reached = dict.fromkeys(sorted(agent_ids), began)
    for one in open_ones:
        if one.agent_id in reached and one.start > began - LONGEST_HELD:
            reached[one.agent_id] = min(reached[one.agent_id], one.start)
    return [{"agent_id": agent_id, "reached": at.isoformat()} for agent_id, at in reached.items()]


async def _listed(api: Api, after: datetime, asked: Mapping[str, Any]) -> list[Listed]:
    """The conversations that began after that, oldest first."""
    params = {"call_start_after_unix": max(0, int(after.timestamp())), "page_size": 100, **asked}
    found = {}
    async for item in api.pages("/v1/convai/conversations", items="conversations", params=params):
        entry = wire.mapping(item)
        if conversation_id := identifier(entry.get("conversation_id")):
            start = datetime.fromtimestamp(wire.seconds(entry.get("start_time_unix_secs")) or 0, UTC)
            end = start + timedelta(seconds=wire.whole(entry.get("call_duration_secs")) or 0)
            over = entry.get("status") in TERMINAL
            found[conversation_id] = Listed(start, end, conversation_id, identifier(entry.get("agent_id")), over)
    return sorted(found.values(), key=lambda one: (one.start, one.conversation_id))


async def _missing(store: Store, listed: Sequence[Listed]) -> list[Listed]:
    """Those of which the store knows nothing, oldest first."""
    unknown: set[str] = set()
    for at in range(0, len(listed), _BATCH):
        batch = listed[at : at + _BATCH]
        ids, agents = [one.conversation_id for one in batch], [one.agent_id for one in batch]
        asked = {"conversation_ids": ids, "agent_ids": agents}
        unknown |= set(await store.call("unknown_conversations", asked))
    return sorted((one for one in listed if one.conversation_id in unknown), key=lambda one: one.start)


async def _wanted(api: Api, store: Store, missing: Sequence[Listed], ours: Collection[str]) -> list[Listed]:
    """Those of our agents, and of agents that nobody has bound here, but that are gone or had told us of calls."""
    strangers = {one.agent_id for one in missing if one.agent_id} - {*ours}
    if strangers:
        strangers -= set(await store.call("agents_with_calls", {"agent_ids": sorted(strangers)}))
    foreign = strangers & {agent_id async for agent_id in there(api)} if strangers else set()
    return [one for one in missing if one.agent_id not in foreign]


@dataclass
class _Tried:
    """Ids that were entered, that are left for the next look, some of them with the reason, and that are not there."""

    entered: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    failures: list[AgentctlError] = field(default_factory=list)

    def among(self, listed: Sequence[Listed]) -> list[Listed]:
        """Of these, those that are not there."""
        return [one for one in listed if one.conversation_id in self.absent]

    def raise_if_nothing_worked(self) -> None:
        """Raise the first failure, unless something could be entered."""
        if self.failures and not self.entered:
            raise self.failures[0]


async def _enter_all(api: Api, store: Store, missing: Sequence[Listed]) -> _Tried:
    tried = _Tried()

    async def enter(one: Listed) -> None:
        try:
            new = await _enter(api, store, one.conversation_id)
            if new is not False:
                (tried.left if new is None else tried.entered).append(one.conversation_id)
        except NotFound:
            log.info("conversation %s is listed and not there", told(one.conversation_id))
            tried.absent.append(one.conversation_id)
        except (StoreUnavailable, RateLimited):
            raise  # Each of the others would wait for it just as long.
        except AgentctlError as error:
            log.warning("conversation %s could not be entered: %s", told(one.conversation_id), type(error).__name__)
            tried.left.append(one.conversation_id)
            tried.failures.append(error)

    for at in range(0, len(missing), _AT_ONCE):
        # All of them end before the first error is raised, so that none goes on for nobody.
        for error in await asyncio.gather(*map(enter, missing[at : at + _AT_ONCE]), return_exceptions=True):
            if error is not None:
                raise error
    order = {one.conversation_id: at for at, one in enumerate(missing)}
    tried.entered.sort(key=order.__getitem__)
    return tried


async def _enter(api: Api, store: Store, conversation_id: str) -> bool | None:
    """Whether it is new here; None where it is not over after all, since its analysis is being run again.

    Raises NotFound, and ApiError for an answer that is of another conversation.
    """
    data = await api.get(CONVERSATION, conversation_id=conversation_id)
    if identifier(wire.mapping(data).get("conversation_id")) != conversation_id:
        raise odd(f"GET {CONVERSATION}", f"the answer for {conversation_id} is of another conversation")
    if wire.mapping(data).get("status") not in TERMINAL:
        return None
    payload = as_event(data)
    return (await inbox.accept(store, payload, inbox.peek(payload), "backfill")).new


def as_event(data: Mapping[str, Any]) -> bytes:
    """The event that the webhook would have sent, in bytes that are the same each time.

    Its timestamp is the end of the call: never later than a webhook's own, which is sent after the analysis.
    """
    metadata = wire.mapping(data.get("metadata"))
    start, length = wire.seconds(metadata.get("start_time_unix_secs")), wire.whole(metadata.get("call_duration_secs"))
    ended = start + (length or 0) if start is not None else None
    event = {"type": TRANSCRIPTION, "event_timestamp": ended, "data": data}
    return json.dumps(event, sort_keys=True, separators=(",", ":")).encode("ascii")
