"""A conversation as the platform writes it down: under way, then being worked on, then done and sent out."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from agentctl.sandbox import calls
from agentctl.sandbox.held import Entry, Held
from agentctl.sandbox.record import record
from agentctl.sandbox.script import Script
from agentctl.sandbox.state import Row
from agentctl.sandbox.world import World


class Written:
    """The row of one conversation. After a reset of the sandbox it belongs to nothing, and nothing is sent."""

    def __init__(
        self, place: World, conversation_id: str, agent: Row, entry: Entry, variables: Row, script: Script, start: int
    ) -> None:
        privacy = agent["platform_settings"]["privacy"]
        recorded = bool(privacy["record_voice"]) and not agent["conversation_config"]["conversation"]["text_only"]
        self._place = place
        self._state = place.state
        self._held = Held(
            conversation_id=conversation_id,
            agent=agent,
            script=script,
            leg=None,
            start=start,
            status="in-progress",
            has_audio=recorded,
            variables=variables,
            entry=entry,
            ending="",
        )
        self._row: Row = {
            "sequence": self._state.next_sequence(),
            "data": record(self._held),
            "forgotten": privacy["zero_retention_mode"] or privacy["retention_days"] == 0,
            "outcome": "done",
        }
        self._state.conversations[conversation_id] = self._row
        known = self._state.agents.get(agent["agent_id"])
        if known is not None:
            known["last_call"] = start

    def fail(self, code: int, reason: str) -> None:
        """It ended before it began; no event tells of that [assumed: the documented one is of telephone calls]."""
        self._write(replace(self._held, status="failed", has_audio=False, error={"code": code, "reason": reason}))

    async def end(self, script: Script, ending: str) -> None:
        """It is over: after a moment of processing it is done, and its events are sent."""
        held = replace(self._held, script=script, ending=ending, status="processing")
        self._write(held)
        await asyncio.sleep(self._place.options.processing_seconds)
        if self._place.state is self._state and self._row["data"]["status"] == "processing":
            self._write(replace(held, status="done"))
            await calls.send(self._place, self._row)
            self._place.keep()

    def _write(self, held: Held) -> None:
        self._row["data"] = record(held)
        self._place.keep()
