"""What a page has begun: it goes on in the server, whoever looks, and its page shows how far it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agentctl.console.telling import trouble
from agentctl.errors import AgentctlError
from agentctl.secrecy.veil import Veil
from agentctl.verbs.wording import message_of

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


@dataclass(kw_only=True)
class Begun:
    """One of them. `error`: why it did not come to its end."""

    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    error: str = ""
    ended: datetime | None = None

    @property
    def over(self) -> bool:
        return self.ended is not None

    @property
    def seconds(self) -> float:
        """How long it took, or has taken."""
        return ((self.ended or datetime.now(UTC)) - self.begun).total_seconds()


@dataclass
class Ongoing:
    """All of a sort, as the log calls one: `what`. `last_seconds`: for what runs when the server is stopped."""

    what: str
    veil: Veil
    last_seconds: float = 0.0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, begun: Begun, work: Work, then: Callable[[], None] = lambda: None) -> None:
        """Have `work` go on; what became of it stands in `begun`, and `then` hears so."""
        task = asyncio.create_task(self._run(begun, work, then))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Let what runs finish while there is time, and stop it then."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self.last_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, begun: Begun, work: Work, then: Callable[[], None]) -> None:
        try:
            await work()
        except AgentctlError as error:
            begun.error = trouble(error, self.veil)
        except asyncio.CancelledError:
            begun.error = "the server was stopped: what is done is done"
            raise
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: what is not kept here is lost
            log.error("%s from the console failed: %s", self.what, type(error).__name__)
            begun.error = message_of(error)
        finally:
            begun.ended = datetime.now(UTC)
            then()
