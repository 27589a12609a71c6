"""Deliveries that nobody would send: bent, cut, flooded, of another encoding; and what the door must make of each.

`scripts/bench fuzz` tries a million of them, the suite some thousands.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from starlette.applications import Starlette

from webhooks.address import PATH
from webhooks.app import door
from webhooks.signature import sign

SECRET = SecretStr("wsec_first")
NOW = 1_763_600_000
MAX = 20_000
ALLOWED = {200, 400, 401, 408, 413, 415}
EVENT: dict[str, Any] = {
    "type": "post_call_transcription",
    "event_timestamp": NOW,
    "data": {"conversation_id": "conv_1", "agent_id": "agent_1", "transcript": [{"role": "user", "message": "Hallo"}]},
}
ODD: list[Any] = [
    None, True, 0, -1, 1e308, float("nan"), float("inf"), 10**400, "", "\x00", "\ud800", "x" * 3000, [], {}, [[[]]],
    {"conversation_id": {}}, "conv_1' or 1=1 --", "../../etc/passwd", "\u202e", "{{ 7 * 7 }}", "<script>", "\r\nX: y",
]  # fmt: skip
RAW = [
    b"", b"\x00", b"null", b"[]", b"NaN", b"\xff\xfe", b"\xef\xbb\xbf{}", b"{" * 3000, b"[" * 9000, b'{"a":' * 3000,
    b'{"type":"a","type":"b"}', b'{"type":"\\ud800"}', b'{"type":"\\u0000"}', b'{"a":1e999}', b'{"a":-}', b'{"a":1}x',
    b'{"data":' + b"[" * 150 + b"]" * 150 + b"}", b"x" * (MAX + 1), b'{"type":"\xc3"}', "{}".encode("utf-16"),
]  # fmt: skip


class Shelf:
    """A store in memory, as strict as a database about what it is handed."""

    def __init__(self) -> None:
        self.stored: set[bytes] = set()

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """`accept`."""
        json.dumps({name: value for name, value in args.items() if name != "payload"}, allow_nan=False).encode("utf-8")
        for name in ("type", "conversation_id", "agent_id"):
            value = args[name]
            assert value is None or (isinstance(value, str) and "\x00" not in value)
            assert value is None or value.encode("utf-8") is not None
        stamp = args["event_timestamp"]
        assert stamp is None or 0 <= stamp < 2**63
        new = args["payload"] not in self.stored
        self.stored.add(args["payload"])
        return {"id": "1", "new": new}


class Fuzz:
    """One row of deliveries, told by its seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.shelf = Shelf()
        self.app: Starlette = door(
            self.shelf, secrets=[SECRET], max_bytes=MAX, body_timeout=0.05, clock=lambda: float(NOW)
        )
        self.seen: Counter[int] = Counter()

    async def one(self) -> None:
        """Send one, and hold the answer against the rules."""
        body = self.body()
        headers = self.headers(body)
        self.shelf.stored.clear()
        status = await self.send(headers, body)
        told = f"{status} for {headers!r} {body[:300]!r}"
        assert status in ALLOWED, told
        assert (status == 200) == (body in self.shelf.stored), told
        self.seen[status] += 1

    def body(self) -> bytes:
        """Bytes, more or less like an event."""
        dice = self.dice
        if dice.random() < 0.2:
            return dice.choice(RAW)
        event = json.loads(json.dumps(EVENT))
        for _ in range(dice.randrange(4)):
            part = dice.choice([event, event["data"] if isinstance(event.get("data"), dict) else event])
            part[dice.choice([*part, "new", "\x00"])] = copy.deepcopy(dice.choice(ODD))
        body = bytearray(json.dumps(event, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass"))
        for _ in range(dice.choice([0, 0, 1, 3]) if body else 0):
            at = dice.randrange(len(body))
            body[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
        return bytes(body[: dice.randrange(len(body) + 1)]) if dice.random() < 0.1 else bytes(body)

    def headers(self, body: bytes) -> list[tuple[bytes, bytes]]:
        """A signature, mostly a good one, and whatever else."""
        dice = self.dice
        signature = bytearray(sign(body, SECRET, NOW + dice.choice([0, 0, 0, 0, 2700, -2700, 2701, -9999])).encode())
        if dice.random() < 0.15:
            at = dice.randrange(len(signature))
            signature[at : at + dice.randrange(4)] = dice.randbytes(dice.randrange(4))
        headers = [(b"elevenlabs-signature", bytes(signature))] * dice.choice([1, 1, 1, 1, 2, 0])
        for _ in range(dice.randrange(3)):
            name = dice.choice([b"content-encoding", b"content-type", b"content-length", b"x-forwarded-for", b"host"])
            headers.append((name, dice.choice([b"", b"identity", b"gzip", b"17", b"-1", b"9" * 30, b"\xff", b"1, 2"])))
        dice.shuffle(headers)
        return headers

    async def send(self, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
        """The status of the answer; whatever the door raises is raised here."""
        cuts = sorted(self.dice.randrange(len(body) + 1) for _ in range(self.dice.randrange(3)))
        pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        gone = self.dice.random() < 0.01
        told: list[int] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            if not pieces or (gone and len(pieces) == 1):
                return {"type": "http.disconnect"}
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                told.append(message["status"])

        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": PATH, "root_path": "",
            "raw_path": PATH.encode(), "query_string": b"", "headers": headers, "client": ("127.0.0.1", 9),
            "server": ("door", 80),
        }  # fmt: skip
        await self.app(scope, receive, send)
        assert len(told) == 1
        return told[0]
