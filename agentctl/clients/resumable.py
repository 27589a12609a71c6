"""Uploads to Supabase Storage that are gone on with after a crash, by the TUS protocol (tus.io, 1.0.0).

Supabase's server wants pieces of exactly 6 MB, and drops an upload that is not whole after a day
(supabase.com/docs/guides/storage/uploads/resumable-uploads). One piece is in memory at a time.
"""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import quote, urlsplit

from agentctl.calls.begun import Begun
from agentctl.calls.sound import Audio
from agentctl.clients.storage_api import Session, StorageRefusal

PIECE = 6 * 1024 * 1024  # bytes
_PLACE = "upload/resumable"
_TUS = {"tus-resumable": "1.0.0"}
_REPLACE = {"x-upsert": "true"}
_GONE = (404, 410)


async def upload(session: Session, bucket: str, path: str, audio: Audio, *, content_type: str, begun: Begun) -> None:
    """Upload the file, replacing what is there; what an earlier attempt has uploaded of it is not sent again.

    Raises StorageRefusal, StoreError.
    """
    name, size = await begun.read(), audio.size
    offset = await _offset(session, name, size) if name else None
    if offset == size and await session.size(quote(bucket, safe=""), path) != size:
        offset = None  # it was whole, and somebody has deleted the file since
    if name is None or offset is None:
        name, offset = await _begin(session, bucket, path, content_type, size), 0
        await begun.write(name)
    while offset < size:
        piece = await asyncio.to_thread(audio.read, offset, PIECE)
        headers = {**_TUS, **_REPLACE, "upload-offset": str(offset), "content-type": "application/offset+octet-stream"}
        answer = await session.send("PATCH", f"{_PLACE}/{name}", content=piece, headers=headers)
        offset = _number(answer.headers.get("upload-offset"), expected=offset + len(piece))


async def _begin(session: Session, bucket: str, path: str, content_type: str, size: int) -> str:
    told = {"bucketName": bucket, "objectName": path, "contentType": content_type}
    coded = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())
    headers = {**_TUS, **_REPLACE, "upload-length": str(size), "upload-metadata": coded}
    answer = await session.send("POST", _PLACE, headers=headers)
    # Only the name: whatever host the answer speaks of, the key goes to the project's own.
    name = urlsplit(str(answer.headers.get("location", ""))).path.rpartition("/")[2]
    if not name:
        raise StorageRefusal(502, "an upload without a place")
    return name


async def _offset(session: Session, name: str, size: int) -> int | None:
    """How much of it is there; None where it expired, or is of another file."""
    try:
        answer = await session.send("HEAD", f"{_PLACE}/{name}", headers=_TUS)
    except StorageRefusal as refusal:
        if refusal.status in _GONE:
            return None
        raise
    length, there = answer.headers.get("upload-length"), answer.headers.get("upload-offset", "")
    return int(there) if length == str(size) and there.isdecimal() and int(there) <= size else None


def _number(told: str | None, *, expected: int) -> int:
    if told != str(expected):
        raise StorageRefusal(502, "an upload that does not go on")
    return expected
