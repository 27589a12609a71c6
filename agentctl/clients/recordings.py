"""Where the sound of calls is kept: a directory on this machine, or a private bucket of Supabase Storage."""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentctl.clients.project_key import ProjectKey
from agentctl.errors import StoreError, StoreUnavailable
from agentctl.resources.part import OPERATOR

if TYPE_CHECKING:
    import httpx

TIMEOUT = 120.0  # seconds; a long call has tens of megabytes
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ENDINGS = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/ogg": "ogg"}
_UNKNOWN = "bin"


def file_name(conversation_id: str, content_type: str) -> str:
    """A name made of nothing but letters, digits, - and _, whatever the id holds; different for different ids."""
    return f"{_stem(conversation_id)}.{_ENDINGS.get(content_type, _UNKNOWN)}"


def file_names(conversation_id: str) -> list[str]:
    """Every name that a recording of the conversation can have."""
    return [f"{_stem(conversation_id)}.{ending}" for ending in (*_ENDINGS.values(), _UNKNOWN)]


def _stem(name: str) -> str:
    if _SAFE.fullmatch(name):
        return name
    return f"id-{hashlib.sha256(name.encode()).hexdigest()}"


class Directory:
    """Files in one directory, each tenant's in a folder of it, readable by their owner only: voices are personal."""

    def __init__(self, path: Path, tenant: str = OPERATOR) -> None:
        self._root = path
        self.path = path / _stem(tenant)

    def of(self, tenant: str) -> Directory:
        """The same directory for another tenant's."""
        return Directory(self._root, tenant)

    @property
    def place(self) -> str:
        """What tells it from other places: each machine has a directory of its own."""
        return f"{platform.node()}:{self.path.absolute()}"

    async def save(self, conversation_id: str, audio: Path, content_type: str) -> str:
        """Write the file at once or not at all; the answer is its file: URL. Raises StoreUnavailable."""
        target = self.path / file_name(conversation_id, content_type)
        try:
            await asyncio.to_thread(_write, target, audio)
        except OSError as error:
            raise StoreUnavailable(
                f"the recording cannot be written to {self.path} ({error.strerror})",
                "Make room there, or make the directory writable.",
            ) from None
        return target.absolute().as_uri()

    async def erase(self, conversation_id: str) -> bool:
        """Delete what is kept of a conversation; False if nothing of it is here. Raises StoreUnavailable."""
        paths = [self.path / name for name in file_names(conversation_id)]
        try:
            return await asyncio.to_thread(_unlink, paths)
        except OSError as error:
            raise StoreUnavailable(
                f"a recording in {self.path} cannot be deleted ({error.strerror})", "Make the directory writable."
            ) from None


class Bucket:
    """A bucket of Supabase Storage, created as a private one when it is missing."""

    def __init__(
        self,
        url: str,
        key: str,
        bucket: str,
        tenant: str = OPERATOR,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = url
        self._url = f"{url.rstrip('/')}/storage/v1/"
        self._key = ProjectKey(key)
        self._transport = transport
        self.bucket = bucket
        self.tenant = tenant
        self._folder = _stem(tenant)

    def of(self, tenant: str) -> Bucket:
        """The same bucket for another tenant's."""
        return Bucket(self._base, self._key.value, self.bucket, tenant, transport=self._transport)

    @property
    def place(self) -> str:
        """What tells it from other places: every machine reaches it."""
        return f"supabase:{self.bucket}"

    def __repr__(self) -> str:
        return f"Bucket({self._url!r}, bucket={self.bucket!r})"

    async def save(self, conversation_id: str, audio: Path, content_type: str) -> str:
        """Upload, replacing an earlier copy; the answer is `supabase:<bucket>/<path>`. Raises StoreError."""
        from storage3.exceptions import StorageApiError

        path = f"{self._folder}/{file_name(conversation_id, content_type)}"
        with self._told("the recording"):
            try:
                await self._upload(path, audio, content_type)
            except StorageApiError as error:
                if not _no_bucket(error):
                    raise
                await self._create()
                await self._upload(path, audio, content_type)
        return f"supabase:{self.bucket}/{path}"

    async def erase(self, conversation_id: str) -> bool:
        """Delete what is kept of a conversation; False if nothing of it is here. Raises StoreError."""
        from storage3.exceptions import StorageApiError

        paths = [f"{self._folder}/{name}" for name in file_names(conversation_id)]
        with self._told("to delete a recording"):
            async with self._session() as session:
                try:
                    return bool(await self._storage(session).from_(self.bucket).remove(paths))
                except StorageApiError as error:
                    if _no_bucket(error):
                        return False
                    raise

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """What goes wrong there, as one of ours."""
        import httpx
        from storage3.exceptions import StorageApiError

        try:
            yield
        except StorageApiError as error:
            # With another key, or when there is room again, the same recording is taken.
            away = str(error.status).startswith(("5", "401", "403", "429"))
            kind = StoreUnavailable if away else StoreError
            raise kind(
                f"Supabase Storage refused {what} ({error.status})",
                f"Check SUPABASE_SERVICE_ROLE_KEY and the limits of the bucket {self.bucket}.",
            ) from None
        except httpx.HTTPError as error:
            raise StoreUnavailable(f"Supabase Storage cannot be reached ({type(error).__name__})") from None

    async def _upload(self, path: str, audio: Path, content_type: str) -> None:
        async with self._session() as session:
            files = self._storage(session).from_(self.bucket)
            await files.upload(path, audio, {"content-type": content_type, "upsert": "true"})

    async def _create(self) -> None:
        from storage3.exceptions import StorageApiError

        async with self._session() as session:
            try:
                await self._storage(session).create_bucket(self.bucket, options={"public": False})
            except StorageApiError as error:
                if str(error.status) != "409":  # 409: another worker was quicker
                    raise

    def _session(self) -> httpx.AsyncClient:
        import httpx

        from agentctl.clients.refusal import trusts_proxy

        proxied = trusts_proxy(httpx.URL(self._url).host)
        return httpx.AsyncClient(timeout=TIMEOUT, transport=self._transport, trust_env=proxied)

    def _storage(self, session: httpx.AsyncClient) -> Any:
        from storage3 import AsyncStorageClient

        return AsyncStorageClient(self._url, self._key.headers, http_client=session)


def _no_bucket(error: Any) -> bool:
    # Older servers answer 400 with statusCode "404" in the body; the words have stayed.
    return str(error.status) == "404" or "bucket not found" in str(error.message).lower()


def _write(target: Path, audio: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".part-")  # 0600 by itself
    try:
        with os.fdopen(handle, "wb") as file, audio.open("rb") as source:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _unlink(paths: Sequence[Path]) -> bool:
    found = False
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
            found = True
    return found
