"""The request log: what came in and what went out, kept raw and told as JSON only when somebody asks."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qs

_HIDDEN_HEADERS = frozenset({"xi-api-key", "authorization", "cookie", "sec-websocket-protocol"})
# Credentials stay out of the log; they keep their type, so that the entry is still valid against a schema.
_HIDDEN_KEYS = frozenset({"token", "account_auth_token", "webhook_secret", "signed_url"})
_HIDDEN_QUERY = frozenset({"conversation_signature"})
_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; status 0: the connection was cut or left hanging. `ordered`: it is a fault's.

    On a conversation's socket (`server` "conversation") this is its opening, each message of the client's but sound,
    with `method` MESSAGE and its type as `query`, and its end, with CLOSE and the close code as status.

    `at`: when it arrived, in seconds since 1970.
    """

    seq: int
    at: float
    server: str
    method: str
    path: str
    query: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: bytes
    status: int
    response_headers: tuple[tuple[str, str], ...]
    response_body: bytes
    ordered: bool = False

    @property
    def _hidden(self) -> frozenset[str]:
        secret = "/secrets" in self.path
        return _HIDDEN_KEYS | {"value"} if secret else _HIDDEN_KEYS

    @property
    def size(self) -> int:
        """Bytes kept."""
        return len(self.request_body) + len(self.response_body)

    def as_json(self) -> dict[str, Any]:
        """The entry as `/_sandbox/log` tells it."""
        headers = {name: value for name, value in self.request_headers if name not in _HIDDEN_HEADERS}
        content_type = headers.get("content-type")
        query = parse_qs(self.query, keep_blank_values=True)
        answer_type = dict(self.response_headers).get("content-type")
        return {
            "seq": self.seq,
            "at": self.at,
            "server": self.server,
            "method": self.method,
            "path": self.path,
            "query": {name: ["***"] if name in _HIDDEN_QUERY else said for name, said in query.items()},
            "request_headers": headers,
            "content_type": content_type,
            "request_body": _told(content_type, self.request_body, hide=self._hidden),
            "request_form": _form(content_type, self.request_body),
            "status": self.status,
            "response_content_type": answer_type,
            "response_headers": dict(self.response_headers),
            "response_body": _told(answer_type, self.response_body, text=True),
            "ordered": self.ordered,
        }


class Journal:
    """The latest exchanges, bounded by number and by bytes."""

    def __init__(self, limit: int, *, on: bool = True) -> None:
        self.on = on and limit > 0
        self._limit = limit
        self._entries: deque[Exchange] = deque()
        self._bytes = 0
        self._seq = 0

    def next_seq(self) -> int:
        """The number of the next request, in order of arrival."""
        self._seq += 1
        return self._seq

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange; the oldest fall out."""
        self._entries.append(exchange)
        self._bytes += exchange.size
        while len(self._entries) > self._limit or self._bytes > _BYTES:
            self._bytes -= self._entries.popleft().size

    def clear(self) -> None:
        """Forget all; numbers go on counting."""
        self._entries.clear()
        self._bytes = 0

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """Entries after number `since`, in order of arrival."""
        return [entry.as_json() for entry in sorted(self._entries, key=lambda entry: entry.seq) if entry.seq > since]


def _told(content_type: str | None, body: bytes, *, text: bool = False, hide: frozenset[str] = _HIDDEN_KEYS) -> Any:
    kind = (content_type or "").split(";")[0]
    if not body or kind == "multipart/form-data":
        return None
    if kind in ("", "application/json"):
        try:
            return json.loads(body, object_hook=lambda row: _masked(row, hide))
        except (ValueError, RecursionError):
            return None
    return body.decode("utf-8", "replace") if text and kind.startswith("text/") else None


def _form(content_type: str | None, body: bytes) -> dict[str, Any] | None:
    """Fields of a form; a file is told as its name, type and size."""
    kind = (content_type or "").split(";")[0]
    if kind == "application/x-www-form-urlencoded":
        values = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: found[-1] for name, found in values.items()}
    if kind != "multipart/form-data":
        return None
    message = BytesParser(policy=policy.HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    out: dict[str, Any] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        content = part.get_payload(decode=True)
        raw = content if isinstance(content, bytes) else b""
        name = str(part.get_param("name", header="content-disposition"))
        filename = part.get_filename()
        if filename is None:
            out[name] = raw.decode("utf-8", "replace")
        else:
            out[name] = {"filename": filename, "content_type": part.get_content_type(), "size": len(raw)}
    return out


def _masked(row: dict[str, Any], hide: frozenset[str]) -> dict[str, Any]:
    for key in hide & row.keys():
        if isinstance(row[key], str):
            row[key] = "***"
    return row
