"""Send queued mail. The store hands each mail to one worker at a time and takes "sent" only from that one.

SMTP itself is at-least-once: when the server has taken a mail and the connection, or this process, dies before that
is recorded, the mail is sent again. Its Message-ID is then the same, so that many receivers show it once. Resend
knows the repetition by its idempotency key and sends nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentctl.calls.inbox import Store
from agentctl.calls.turns import Turns
from agentctl.errors import MailError, StoreError
from agentctl.resources.part import OPERATOR
from agentctl.telemetry import figures
from agentctl.telemetry.fields import Field
from agentctl.telemetry.spans import span

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mail:
    """One queued mail for one recipient. `attempt` is the fence; `created_at` is ISO-8601 in UTC."""

    id: int | str
    recipient: str
    attempt: int
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    message_id: str
    created_at: str
    conversation_id: str | None = None
    tenant: str = OPERATOR

    @property
    def marks(self) -> Mapping[str, Field | None]:
        """As of a worker's Work."""
        return {"mail_id": self.id, "conversation_id": self.conversation_id}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Mail:
        """Read one row of `claim_mails`."""
        message = row["message"]
        return cls(
            id=row["id"],
            recipient=row["recipient"],
            attempt=row["attempt"],
            subject=message["subject"],
            text=message["text"],
            html=message["html"],
            message_id=message["message_id"],
            created_at=row["created_at"],
            conversation_id=row.get("conversation_id"),
            tenant=row.get("tenant") or OPERATOR,
        )


class MailRoute(Protocol):
    """A way to send mail."""

    @property
    def name(self) -> str:
        """smtp or resend, for the record."""
        ...

    async def send(self, mail: Mail) -> str:
        """Hand over one mail; the answer is the route's reference. Raises MailError (`permanent` or not)."""
        ...


async def claim(
    store: Store,
    *,
    worker: str,
    limit: int,
    lease_seconds: float,
    max_attempts: int = 12,
    turns: Turns | None = None,
) -> list[Mail]:
    """Take up to `limit` mails that are due, of each tenant in turn. Each is ours until its lease ends, unless
    renewed.
    """
    turns = turns or Turns()
    terms = {"worker": worker, "limit": limit, "lease_seconds": lease_seconds, "max_attempts": max_attempts}
    claimed = [Mail.from_row(row) for row in await store.call("claim_mails", {**terms, **turns.terms()})]
    turns.passed(claimed)
    return claimed


async def deliver(
    mail: Mail,
    *,
    store: Store,
    route: MailRoute,
    unrecorded: MutableMapping[int | str, str] | None = None,
    patience: float = 0.5,
) -> bool:
    """Send one claimed mail and record it; False if another worker has claimed it meanwhile.

    Forgetting that a mail is sent would send it twice. So recording is tried every `patience` seconds until it
    succeeds or the caller's deadline ends this, and `unrecorded` (mail id -> reference), kept from one claim to the
    next, keeps a mail that could not be recorded in time from being sent again. Raises MailError if it was not sent.
    """
    memory = {} if unrecorded is None else unrecorded
    if mail.id not in memory:
        memory[mail.id] = await _sent(mail, route)
    sent = {"id": mail.id, "attempt": mail.attempt, "route": route.name, "reference": memory[mail.id]}
    while True:
        try:
            answer = await store.call("mail_sent", sent)
        except StoreError:
            log.warning("mail %s is sent, but the store cannot record it yet", mail.id)
            await asyncio.sleep(patience)
        else:
            if answer["held"]:
                del memory[mail.id]
            return bool(answer["held"])


async def _sent(mail: Mail, route: MailRoute) -> str:
    outcome = "deferred"
    try:
        with span(f"send {route.name}", {"agentctl.mail.route": route.name}, kind="client"):
            reference = await route.send(mail)
        outcome = "sent"
        return reference
    except MailError as error:
        outcome = "refused" if error.permanent else outcome
        raise
    finally:
        figures.MAILS.add(route.name, outcome)
