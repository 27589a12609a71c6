"""A mail server as a process: `python -m tests.faults.receipt.mailbox PORT FILE`.

Of each mail it writes one line into FILE before it says that it has taken it: Message-ID, recipient, conversation. Told
to end, it takes no more dialogues and finishes those under way, as mail servers do.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes
from pathlib import Path
from typing import Any, NamedTuple

from aiosmtpd.smtp import SMTP

_CONVERSATION = re.compile(r"conv_chaos\d+")
_GRACE_SECONDS = 3.0


class Taken(NamedTuple):
    """One mail that arrived."""

    message_id: str
    recipient: str
    conversation_id: str


class Mailbox:
    """Takes every mail."""

    def __init__(self, file: Path) -> None:
        self.file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  (aiosmtpd's name)
        """Write it down, then say so."""
        mail = message_from_bytes(envelope.content)
        texts = (part.get_payload(decode=True) for part in mail.walk() if part.get_content_type() == "text/plain")
        found = _CONVERSATION.search(bytes(next(texts, b"")).decode())
        row = Taken(str(mail["Message-ID"]), envelope.rcpt_tos[0], found[0] if found else "-")
        os.write(self.file, ("\t".join(row) + "\n").encode())
        return "250 OK"


def taken(file: Path) -> Iterator[Taken]:
    """What arrived."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield Taken(*line.rstrip("\n").split("\t"))


async def main(port: int, file: Path) -> None:
    """Serve until SIGTERM."""
    box, talking, silent = Mailbox(file), set[SMTP](), asyncio.Event()
    silent.set()

    class Dialogue(SMTP):
        def connection_made(self, transport: Any) -> None:
            talking.add(self)
            silent.clear()
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            talking.discard(self)
            if not talking:
                silent.set()

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: Dialogue(box, hostname="mailbox", loop=loop), "127.0.0.1", port)
    await stop.wait()
    server.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE_SECONDS):
            await silent.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
