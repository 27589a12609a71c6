"""How the file of a recording is called, and its tenant's folder, wherever they lie; and where that is in Storage."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_SAFE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ENDINGS = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/ogg": "ogg"}
_UNKNOWN = "bin"
_MADE = "id-"
AUDIO_TYPES = tuple(_ENDINGS)
# As agentctl.in_storage has it. An earlier version left the project out.
_IN_STORAGE = re.compile(r"supabase:(?:([^/]+)/)?([^/]+)/([^/]+)/([^/]+)")


@dataclass(frozen=True)
class InStorage:
    """Where a recording lies in Supabase Storage. `project`: where its API is; None where that was not told."""

    project: str | None
    bucket: str
    folder: str
    name: str

    @classmethod
    def read(cls, location: str) -> InStorage | None:
        """What a location says; None for one that is not in Storage."""
        found = _IN_STORAGE.fullmatch(location)
        return cls(*found.groups()) if found else None

    def __str__(self) -> str:
        return f"supabase:{self.project}/{self.bucket}/{self.folder}/{self.name}"


def folder_name(tenant: str) -> str:
    """The same for the folder of a tenant's."""
    return _stem(tenant)


def file_name(conversation_id: str, event_id: int | str, content_type: str) -> str:
    """A name made of nothing but letters, digits, - and _, and two dots, whatever the ids hold.

    Each event has its own: an upload that ends when its worker has lost it displaces no other recording of the call.
    """
    return f"{_stem(conversation_id)}.{_stem(str(event_id))}.{_ENDINGS.get(content_type, _UNKNOWN)}"


def former_names(conversation_id: str) -> list[str]:
    """Every name that an earlier version gave a recording of the conversation."""
    return [f"{_stem(conversation_id)}.{ending}" for ending in (*_ENDINGS.values(), _UNKNOWN)]


def _stem(name: str) -> str:
    # One that looks like what is made of another gets its own, too: nobody's folder is reached by a well-chosen name.
    if _SAFE.fullmatch(name) and not name.startswith(_MADE):
        return name
    return f"{_MADE}{hashlib.sha256(name.encode()).hexdigest()}"
