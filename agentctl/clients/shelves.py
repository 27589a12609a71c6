"""Recordings of a project that has come to Supabase Storage: there, and where they were kept before."""

from __future__ import annotations

from agentctl.calls.begun import Begun
from agentctl.calls.process import Recordings, Sink
from agentctl.calls.sound import Audio
from agentctl.clients.bucket import Bucket
from agentctl.clients.recording_name import InStorage
from agentctl.clients.recordings import Directory


class Shelves:
    """One tenant's. What is new goes into the bucket; what is old lies in files of this machine, or in a bucket of
    another name, and is handed out and erased from there.
    """

    def __init__(self, bucket: Bucket, directory: Directory) -> None:
        self._bucket, self._directory = bucket, directory

    def of(self, tenant: str) -> Shelves:
        """The same for another tenant's."""
        return Shelves(self._bucket.of(tenant), self._directory.of(tenant))

    @property
    def place(self) -> str:
        """The bucket, which every machine reaches; a machine that has files of its own has work of its own."""
        return self._directory.place if self._directory.is_used else self._bucket.place

    def location(self, conversation_id: str, event_id: int | str, content_type: str) -> str:
        """In the bucket."""
        return self._bucket.location(conversation_id, event_id, content_type)

    async def reaches(self, location: str) -> bool:
        """What is in any bucket of the project. Raises StoreError."""
        return await self._at(location).reaches(location)

    async def is_there(self, location: str) -> bool:
        """Whether it lies there. Raises AgentctlError for another tenant's location, StoreError."""
        return await self._at(location).is_there(location)

    async def keeps(self, location: str, size: int, sha256: str) -> bool:
        """Whether the whole of it lies there. Raises AgentctlError for another tenant's location, StoreError."""
        return await self._at(location).keeps(location, size, sha256)

    async def save(self, location: str, audio: Audio, content_type: str, begun: Begun) -> None:
        """As Bucket."""
        await self._bucket.save(location, audio, content_type, begun)

    async def erase(self, conversation_id: str, location: str | None = None) -> bool:
        """Wherever anything is kept of it; where `location` is comes last, and answers for it. Raises StoreError."""
        there = self._at(location) if location else None
        copies = [await one.erase(conversation_id) for one in (self._bucket, self._directory) if one is not there]
        return await there.erase(conversation_id, location) if there else any(copies)

    async def discard(self, location: str) -> bool:
        """There alone. Raises AgentctlError for another tenant's location, StoreError."""
        return await self._at(location).discard(location)

    async def fetch(self, location: str, target: Sink) -> None:
        """From where it lies. Raises AgentctlError if it is not there, StoreError."""
        await self._at(location).fetch(location, target)

    async def sign(self, location: str, seconds: int) -> str:
        """As Bucket. Raises UsageError for a file."""
        return await self._at(location).sign(location, seconds)

    def _at(self, location: str) -> Recordings:
        if location.startswith("file:"):
            return self._directory
        there = InStorage.read(location)
        return self._bucket.named(there.bucket) if there and there.bucket != self._bucket.bucket else self._bucket
