"""Which upload an event's recording is on: noted with the event, so that whoever claims it next goes on with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from agentctl.calls.event import Event
from agentctl.calls.inbox import Store


class Begun(Protocol):
    """The note of an upload that takes its time."""

    async def read(self) -> str | None:
        """What an earlier attempt has noted. Raises StoreError."""
        ...

    async def write(self, upload: str) -> None:
        """Note it; nothing where another worker has the work by now. Raises StoreError."""
        ...


@dataclass(frozen=True)
class BegunUpload:
    """The note on a claimed event. It goes with the event, and so does what is personal in it: a conversation's id."""

    store: Store
    event: Event

    async def read(self) -> str | None:
        """What an earlier attempt has noted. Raises StoreError."""
        found: str | None = (await self.store.call("begun_upload", {"id": self.event.id}))["upload"]
        return found

    async def write(self, upload: str) -> None:
        """Note it; nothing where another worker has the work by now. Raises StoreError."""
        terms = {"id": self.event.id, "attempt": self.event.attempt, "upload": upload}
        await self.store.call("note_upload", terms)
