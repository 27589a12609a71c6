"""Where the sound of calls is kept on this machine: a directory, readable by its owner only."""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agentctl.calls.begun import Begun
from agentctl.calls.process import Sink
from agentctl.calls.sound import Audio
from agentctl.clients.recording_name import file_name, folder_name, former_names
from agentctl.errors import AgentctlError, StoreUnavailable, UsageError
from agentctl.resources.part import OPERATOR

_PIECE = 1024 * 1024


class Directory:
    """Files in one directory, each tenant's in a folder of it, readable by their owner only: voices are personal."""

    def __init__(self, path: Path, tenant: str = OPERATOR) -> None:
        self._root = path
        self.path = path / folder_name(tenant)

    def of(self, tenant: str) -> Directory:
        """The same directory for another tenant's."""
        return Directory(self._root, tenant)

    @property
    def is_used(self) -> bool:
        """Whether any tenant's file lies there."""
        return any(path.is_file() for path in self._root.glob("*/*"))

    @property
    def place(self) -> str:
        """What tells it from other places: each machine has a directory of its own."""
        return f"{platform.node()}:{self.path.absolute()}"

    def location(self, conversation_id: str, event_id: int | str, content_type: str) -> str:
        """A file: URL."""
        return (self.path.absolute() / file_name(conversation_id, event_id, content_type)).as_uri()

    async def reaches(self, location: str) -> bool:
        """Nothing: of a file that is not here, another machine may know."""
        return False

    async def is_there(self, location: str) -> bool:
        """Whether the file is here."""
        path = self._path(location)
        return path is not None and await asyncio.to_thread(path.is_file)

    async def keeps(self, location: str, size: int, sha256: str) -> bool:
        """Whether the file is here with this content. Raises StoreUnavailable where it cannot be read."""
        path = self._path(location)
        if path is None:
            return False
        try:
            return await asyncio.to_thread(_digest, path) == sha256
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StoreUnavailable(
                f"a recording in {self.path} cannot be read ({error.strerror})", "Make it readable for its owner."
            ) from None

    async def save(self, location: str, audio: Audio, content_type: str, begun: Begun) -> None:
        """Write the file at once or not at all. Raises AgentctlError for another place's location, StoreUnavailable."""
        if (target := self._path(location)) is None:
            raise AgentctlError(f"the recording is to lie at {location}, which is not in {self.path}")
        try:
            await asyncio.to_thread(_write, target, audio)
        except OSError as error:
            raise StoreUnavailable(
                f"the recording cannot be written to {self.path} ({error.strerror})",
                "Make room there, or make the directory writable.",
            ) from None

    async def erase(self, conversation_id: str, location: str | None = None) -> bool:
        """Delete what is kept of a conversation; whether what lay at `location` went, if one is given.

        Raises StoreUnavailable.
        """
        own = self._path(location) if location else None
        former = [self.path.absolute() / name for name in former_names(conversation_id)]
        erased = await self._delete([*former, own] if own and own not in former else former)
        return bool(erased) if location is None else own in erased

    async def discard(self, location: str) -> bool:
        """Delete the file of this location; False if it is not here. Raises StoreUnavailable."""
        path = self._path(location)
        return path is not None and bool(await self._delete([path]))

    async def _delete(self, paths: Sequence[Path]) -> set[Path]:
        try:
            return await asyncio.to_thread(_unlink, paths)
        except OSError as error:
            raise StoreUnavailable(
                f"a recording in {self.path} cannot be deleted ({error.strerror})", "Make the directory writable."
            ) from None

    async def fetch(self, location: str, target: Sink) -> None:
        """Write the recording at `location` into `target`. Raises AgentctlError if it is not here."""
        path = self._path(location)
        try:
            if path is None:
                raise FileNotFoundError
            await asyncio.to_thread(_read, path, target)
        except FileNotFoundError:
            hint = "Ask on the machine of the worker that stored it."
            raise AgentctlError(f"there is no recording at {location} on this machine", hint) from None

    async def sign(self, location: str, seconds: int) -> str:
        """Raises UsageError: a file has no address that others could fetch it by."""
        raise UsageError(
            "recordings are files on this machine, which have no signed addresses",
            "Use --output FILE; with SUPABASE_URL, recordings go to Storage, which signs.",
        )

    def _path(self, location: str) -> Path | None:
        """The file of a location in this tenant's folder, by whatever links that was called so."""
        path = Path(unquote(urlsplit(location).path))
        is_here = location.startswith("file:") and os.path.realpath(path.parent) == os.path.realpath(self.path)
        return self.path.absolute() / path.name if is_here else None


def _write(target: Path, audio: Audio) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _unlink(_halves(target))  # of whoever was lost
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=_half(target))  # 0600 by itself
    try:
        with os.fdopen(handle, "wb") as file:
            for offset in range(0, audio.size, _PIECE):
                file.write(audio.read(offset, _PIECE))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _read(path: Path, target: Sink) -> None:
    with path.open("rb") as source:
        shutil.copyfileobj(source, target)


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _half(target: Path) -> str:
    """What the names of its unfinished copies begin with; ~ is in no name of a recording."""
    return f".{target.name}~"


def _halves(target: Path) -> list[Path]:
    return list(target.parent.glob(f"{_half(target)}*"))


def _unlink(paths: Sequence[Path]) -> set[Path]:
    """Of which there was anything, whole or half."""
    found = set()
    for target in paths:
        for path in (target, *_halves(target)):
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
                found.add(target)
    return found
