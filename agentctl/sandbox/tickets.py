"""What a signed URL or a WebRTC token stands for, until it is used or runs out."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

# "Signed URLs are valid for 15 minutes. The session can last longer, but the conversation must be initiated within the
# 15 minute window": the vendor's page "Agent authentication".
GOOD_FOR_SECONDS = 15 * 60


@dataclass(frozen=True)
class Ticket:
    """Lets somebody talk to an agent once; `conversation_id` where it was told beforehand."""

    agent_id: str
    conversation_id: str | None
    until: float


class Tickets:
    """The tickets that were given out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, Ticket] = {}

    def give(self, agent_id: str, conversation_id: str | None = None) -> str:
        """A signature for one conversation with the agent."""
        now = self._clock()
        self._open = {name: ticket for name, ticket in self._open.items() if ticket.until > now}
        signature = "cvtkn_" + secrets.token_hex(16)
        self._open[signature] = Ticket(agent_id, conversation_id, now + GOOD_FOR_SECONDS)
        return signature

    def take(self, agent_id: str, signature: str) -> Ticket | None:
        """Use a ticket up; None where it is not one for this agent, has been used, or has run out.

        Whether a signature is good for more than one conversation is not told; of one with a conversation id the spec
        says that it "cannot be used again" [assumed: none can].
        """
        ticket = self._open.get(signature)
        if ticket is None or ticket.agent_id != agent_id:
            return None
        del self._open[signature]
        return ticket if ticket.until > self._clock() else None

    def clear(self) -> None:
        """Forget all."""
        self._open.clear()
