"""Recordings in a private bucket of Supabase Storage: made when it is missing, and refused where it is public."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from agentctl.calls.begun import Begun
from agentctl.calls.process import Sink
from agentctl.calls.sound import Audio
from agentctl.clients.recording_name import AUDIO_TYPES, InStorage, file_name, folder_name, former_names
from agentctl.clients.resumable import PIECE, upload
from agentctl.clients.storage_api import Session, StorageApi, StorageRefusal
from agentctl.errors import AgentctlError, StoreError, StoreUnavailable
from agentctl.resources.part import OPERATOR

_LARGEST = 192 * 1024 * 1024  # bytes; what the largest body that a door may take holds, WEBHOOK_MAX_BYTES
_PIECE = 256 * 1024


class Bucket:
    """Recordings of one tenant, each at `<tenant>/<conversation>.<event>.<ending>`."""

    def __init__(self, api: StorageApi, bucket: str, tenant: str = OPERATOR) -> None:
        self._api = api
        self._name = quote(bucket, safe="")
        self._tenant, self._folder = tenant, folder_name(tenant)
        self.bucket = bucket

    def of(self, tenant: str) -> Bucket:
        """The same bucket for another tenant's."""
        return Bucket(self._api, self.bucket, tenant)

    def named(self, bucket: str) -> Bucket:
        """Another bucket for the same tenant's."""
        return Bucket(self._api, bucket, self._tenant)

    @property
    def place(self) -> str:
        """What tells it from other places: every machine reaches it."""
        return f"supabase:{self._api.project}/{self.bucket}"

    def __repr__(self) -> str:
        return f"Bucket({self._api.url!r}, bucket={self.bucket!r})"

    def location(self, conversation_id: str, event_id: int | str, content_type: str) -> str:
        """`supabase:<project>/<bucket>/<path>`."""
        name = file_name(conversation_id, event_id, content_type)
        return str(InStorage(self._api.project, self.bucket, self._folder, name))

    def _here(self, location: str) -> str | None:
        """The path of what was put into this bucket of this project, as far as is known; None for all else."""
        there = InStorage.read(location)
        if there is None or there.bucket != self.bucket or there.project not in (None, self._api.project):
            return None
        return f"{there.folder}/{there.name}"

    async def reaches(self, location: str) -> bool:
        """Whatever was put into this bucket of this project, while that has it. Raises StoreError."""
        if self._here(location) is None:
            return False
        async with self._api.session("to look for the bucket of recordings") as session:
            return await self._settings(session) is not None

    async def is_there(self, location: str) -> bool:
        """Whether the bucket has it. Raises AgentctlError for another's location, StoreError."""
        path = self._path(location)
        async with self._api.session("a recording") as session:
            return await session.size(self._name, path) is not None

    async def keeps(self, location: str, size: int, sha256: str) -> bool:
        """Whether this bucket of this project has so many bytes there; the digest would cost a download.

        Raises AgentctlError for another's location, StoreError.
        """
        if self._here(location) is None:
            return False
        path = self._path(location)
        async with self._api.session("a recording") as session:
            return await session.size(self._name, path) == size

    async def save(self, location: str, audio: Audio, content_type: str, begun: Begun) -> None:
        """Upload, replacing an earlier copy.

        A large one goes on where an earlier attempt ended, which `begun` has noted. Raises AgentctlError for another's
        location, StoreError, and StoreUnavailable while the bucket is public: nothing is put where anybody can fetch
        it.
        """
        path = self._path(location)
        async with self._api.session("the recording") as session:
            await self._private(session)
            if audio.size > PIECE:
                await upload(session, self.bucket, path, audio, content_type=content_type, begun=begun)
            else:
                await self._upload(session, path, audio, content_type)
            await self._verify(session, path, audio.size)

    async def erase(self, conversation_id: str, location: str | None = None) -> bool:
        """Delete what is kept of a conversation; whether what lay at `location` went, if one is given.

        What was put into another project lies there: what was here was a copy. Raises StoreError.
        """
        own = self._here(location) if location else None
        former = [f"{self._folder}/{name}" for name in former_names(conversation_id)]
        erased = await self._delete([*former, own] if own and own not in former else former)
        return bool(erased) if location is None else own in erased

    async def discard(self, location: str) -> bool:
        """Delete what lies there; False if nothing does, or in another project.

        Raises AgentctlError for another's location, StoreError.
        """
        path = self._path(location)
        return self._here(location) is not None and bool(await self._delete([path]))

    async def _delete(self, paths: list[str]) -> set[str]:
        async with self._api.session("to delete a recording") as session:
            try:
                return await session.remove(self._name, paths)
            except StorageRefusal as refusal:
                if refusal.no_bucket:
                    return set()
                raise

    async def fetch(self, location: str, target: Sink) -> None:
        """Write the recording at `location` into `target`. Raises AgentctlError if it is not here, StoreError."""
        path = self._path(location)
        async with self._api.session("to hand out a recording") as session:
            try:
                async for piece in session.stream(f"object/authenticated/{self._name}/{path}"):
                    await asyncio.to_thread(target.write, piece)
            except StorageRefusal as refusal:
                raise self._gone(refusal, location) from None

    async def sign(self, location: str, seconds: int) -> str:
        """An address by which anybody can fetch the recording for so long.

        Raises AgentctlError if it is not here, StoreError.
        """
        path = self._path(location)
        async with self._api.session("a signed address") as session:
            try:
                answer = await session.json("POST", f"object/sign/{self._name}/{path}", {"expiresIn": seconds})
            except StorageRefusal as refusal:
                raise self._gone(refusal, location) from None
            if not (address := answer.get("signedURL")):
                raise StorageRefusal(502, "no address")
        return f"{self._api.url.rstrip('/')}/{str(address).lstrip('/')}"

    def _path(self, location: str) -> str:
        """The path in the bucket of a location of this tenant's."""
        there = InStorage.read(location)
        if there is None or (there.bucket, there.folder) != (self.bucket, self._folder):
            raise AgentctlError(f"the recording lies at {location}, which is not in the bucket {self.bucket}")
        return f"{self._folder}/{quote(there.name, safe='')}"

    def _gone(self, refusal: StorageRefusal, location: str) -> Exception:
        if refusal.status != 404:
            return refusal
        if self._here(location) is None:
            hint = "Set SUPABASE_URL to it, and its key in SUPABASE_SERVICE_ROLE_KEY."
            return AgentctlError(f"the recording lies at {location}, in another project than SUPABASE_URL names", hint)
        return AgentctlError(f"there is no recording at {location} any more", "Somebody deleted it in the bucket.")

    async def _private(self, session: Session) -> None:
        found = await self._settings(session)
        if found is None:
            await self._create(session)
        elif found.get("public") is not False:
            raise StoreUnavailable(
                f"the bucket {self.bucket} of Supabase Storage is public: anybody could fetch recordings from it",
                "Make it private (the project's Storage, the bucket's settings), or name another one in "
                "SUPABASE_RECORDINGS_BUCKET; what waits is stored then.",
            )

    async def _settings(self, session: Session) -> dict[str, Any] | None:
        """What the project has of the bucket; None where it has no such bucket."""
        try:
            return await session.json("GET", f"bucket/{self._name}")
        except StorageRefusal as refusal:
            if not refusal.no_bucket:
                raise
            return None

    async def _create(self, session: Session) -> None:
        made = {"id": self.bucket, "name": self.bucket, "public": False, "allowed_mime_types": list(AUDIO_TYPES)}
        try:
            await session.send("POST", "bucket", body={**made, "file_size_limit": _LARGEST})
        except StorageRefusal as refusal:
            if refusal.status == 413:  # a project that takes no files as large: its own limit holds
                await session.send("POST", "bucket", body=made)
            elif refusal.status != 409:  # 409: another worker was quicker
                raise

    async def _upload(self, session: Session, path: str, audio: Audio, content_type: str) -> None:
        headers = {"content-type": content_type, "x-upsert": "true", "content-length": str(audio.size)}
        await session.send("POST", f"object/{self._name}/{path}", content=_pieces(audio), headers=headers)

    async def _verify(self, session: Session, path: str, size: int) -> None:
        found = await session.size(self._name, path)
        if found != size:
            raise StoreError(f"Supabase Storage has {found or 0} bytes of a recording of {size}")


async def _pieces(audio: Audio) -> AsyncIterator[bytes]:
    for offset in range(0, audio.size, _PIECE):
        yield await asyncio.to_thread(audio.read, offset, _PIECE)
