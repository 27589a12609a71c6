"""Deleting conversations at ElevenLabs. In a workspace where they never were they are not found either: what is not
there counts as gone only where the workspace is known to be the one in which it was. Where several tenants share one,
what is there is deleted only by whom it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from agentctl.calls import agents_there, wire
from agentctl.calls.backfill import CONVERSATION
from agentctl.calls.conversation import identifier
from agentctl.calls.inbox import Store
from agentctl.calls.tenant import OPERATOR
from agentctl.errors import AgentctlError, Anothers, ConfigurationError, Elsewhere, NotFound, StoreError
from agentctl.verbs.places import dwellings, named, others
from agentctl.wiring import Control


class Homes:
    """Wherever conversations of a tenant may be: in `places`, or, where nothing tells whose they are, in `rest`."""

    def __init__(self, store: Store, places: Sequence[Control], rest: Sequence[Control]) -> None:
        self._store, self._places, self._rest = store, places, rest
        self._seen: dict[str, list[str]] = {}
        self._looking = asyncio.Lock()

    def opened(self) -> list[str]:
        """The workspaces to which there is a key. Raises ConfigurationError where one of `places` has none."""
        return [there.workspace for there in self._places if there.api] + [
            there.workspace for there in self._rest if _has_key(there)
        ]

    async def other_owner(self, conversation_id: str) -> str | None:
        """The other tenant whose call it is where it is found; None also where nobody can look. Raises StoreError."""
        for there in (*self._places, *self._rest):
            try:
                found = await self._whose(there, conversation_id)
            except StoreError:
                raise
            except AgentctlError:
                continue
            if found:
                return None if found["own"] else str(found["tenant"])
        return None

    async def delete(self, conversation_id: str) -> bool:
        """Delete one that is remembered as forgotten; whether it was there.

        Raises Elsewhere where it is not and may be in another workspace; Anothers where it is another tenant's;
        ApiError, Unreachable, ConfigurationError for a workspace without a key, StoreError.
        """
        places = [self._places, *([self._rest] if self._rest else [])]
        for at, some in enumerate(places, 1):
            if await self._deleted(some, conversation_id):
                return True
            asked = [there for each in places[:at] for there in each]
            if await self._is_gone(asked, conversation_id, last=at == len(places)):
                return False
        raise Elsewhere(
            "no key is known to open the workspace in which it was; correct the key, or say --keep-remote if it was "
            "deleted there"
        )

    async def _deleted(self, places: Sequence[Control], conversation_id: str) -> bool:
        """Whether it was in one of them. An error in one keeps it from being looked for in no other."""
        failed: AgentctlError | None = None
        for there in places:
            try:
                if await self._deleted_in(there, conversation_id):
                    return True
            except AgentctlError as error:
                failed = failed or named(there.access.workspace, error)
        if failed:
            raise failed
        return False

    async def _deleted_in(self, there: Control, conversation_id: str) -> bool:
        found = await self._whose(there, conversation_id)
        if found is None:
            return False
        if not found["own"]:
            raise Anothers(
                f"it is a call of another tenant there ({found['tenant']}); say --keep-remote to erase it here alone"
            )
        await self._must_be_the_landlords(there, found["agent_id"])
        try:
            await there.api.delete(CONVERSATION, conversation_id=conversation_id)
        except NotFound:
            return False
        return True

    async def _whose(self, there: Control, conversation_id: str) -> Mapping[str, Any] | None:
        """Whose it is in that workspace, by the agent that it has there; None where it is not."""
        try:
            data = wire.mapping(await there.api.get(CONVERSATION, conversation_id=conversation_id))
        except NotFound:
            return None
        args = {"conversation_id": conversation_id, "agent_id": identifier(data.get("agent_id"))}
        found = await self._store.call("whose_conversation", {**args, "landlord": there.access.workspace})
        return {**found, "agent_id": args["agent_id"]}

    async def _must_be_the_landlords(self, there: Control, agent_id: str | None) -> None:
        """Raise Elsewhere where the key opens somebody else's workspace, as far as the agents there and the one that
        was called tell.
        """
        await agents_there.must_be_landlords(
            self._store,
            {*await self._agents(there), *([agent_id] if agent_id else [])},
            there.workspace,
            landlord=there.access.workspace or OPERATOR,
            key=there.settings.place("elevenlabs_api_key"),
            undone="it was not deleted there",
        )

    async def _agents(self, there: Control) -> list[str]:
        async with self._looking:
            if there.workspace not in self._seen:
                self._seen[there.workspace] = [one async for one in agents_there.there(there.api) if one]
        return self._seen[there.workspace]

    async def _is_gone(self, asked: Sequence[Control], conversation_id: str, *, last: bool) -> bool:
        places = [{"workspace": there.workspace, "agents": await self._agents(there)} for there in asked]
        args = {"conversation_id": conversation_id, "places": places, "all": last}
        return bool((await self._store.call("is_gone", args))["gone"])


@asynccontextmanager
async def homes(control: Control) -> AsyncIterator[Homes]:
    """Of the calls of the tenant that was named. Raises StoreError."""
    async with dwellings(control) as places, others(control) as rest:
        yield Homes(await control.store_of_calls(), places, rest)


def _has_key(there: Control) -> bool:
    try:
        return bool(there.api)
    except ConfigurationError:
        return False
