"""Senders of distinct, signed transcripts of 23 kB: `python -m scripts.senders PORT SENDERS SECONDS SAMPLE`.

Each sends its next one when the answer to the last has come. Prints one JSON list: how many seconds it took, and of
each acknowledged delivery the microseconds. As little Python per delivery as can be: it shares the machine with what
is measured. What differs between two bodies stands at their end, so that a signature costs only that.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import selectors
import socket
import sys
import time
from pathlib import Path

from scripts.receivers import SECRET
from webhooks.address import PATH
from webhooks.signature import HEADER

SIZE = 23_000


class Letters:
    """An endless row of requests."""

    def __init__(self, sample: Path) -> None:
        event = json.loads(sample.read_bytes())
        event["data"].pop("conversation_id")
        event["data"]["transcript"] *= 9
        body = json.dumps(event, separators=(",", ":"))
        # The transcript of another call each time would be as long; what is too much of it goes.
        while len(body) > SIZE - 100:
            event["data"]["transcript"].pop()
            body = json.dumps(event, separators=(",", ":"))
        self.front = body.removesuffix("}}").encode()
        self.timestamp = str(int(time.time()))
        secret = SECRET.get_secret_value().encode()
        self.mac = hmac.new(secret, f"{self.timestamp}.".encode() + self.front, hashlib.sha256)
        self.run = os.urandom(6).hex()
        self.number = 0

    def next(self) -> bytes:
        """One request."""
        self.number += 1
        end = f',"conversation_id":"conv_{self.run}_{self.number}"}}}}'.encode()
        mac = self.mac.copy()
        mac.update(end)
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\n"
            f"{HEADER}: t={self.timestamp},v0={mac.hexdigest()}\r\nContent-Length: {len(self.front) + len(end)}\r\n\r\n"
        )
        return head.encode() + self.front + end


def main(port: int, senders: int, seconds: float, sample: Path) -> None:
    letters, waiting = Letters(sample), selectors.DefaultSelector()
    sent: dict[socket.socket, float] = {}
    for _ in range(senders):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting.register(connection, selectors.EVENT_READ)
        sent[connection] = 0.0
    took: list[int] = []
    begin = time.perf_counter()
    for connection in sent:
        sent[connection] = time.perf_counter()
        connection.sendall(letters.next())
    left = senders
    while left:
        for key, _ in waiting.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            answer = connection.recv(4096)
            while answer and not answer.endswith(b"}"):
                answer += connection.recv(4096)
            now = time.perf_counter()
            if not answer.startswith(b"HTTP/1.1 200 "):
                sys.exit(f"a delivery was answered: {answer[:200]!r}")
            took.append(round((now - sent[connection]) * 1e6))
            if now - begin > seconds:
                left -= 1
                waiting.unregister(connection)
                continue
            sent[connection] = time.perf_counter()
            connection.sendall(letters.next())
    print(json.dumps([time.perf_counter() - begin, took]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
