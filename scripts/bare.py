"""The reads of a sync by bare sockets: no libraries, no parsing, and nothing is done with what comes.

What remains is what the machine and the sandbox allow. Arguments: address, a file with one path per line, how many
at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit


async def read(url: str, paths: list[str], at_once: int, headers: str) -> None:
    """GET all paths, each connection one after another."""
    there = urlsplit(url)
    left = iter(paths)

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(there.hostname, there.port)
        for path in left:
            writer.write(f"GET {path} HTTP/1.1\r\nhost: {there.netloc}\r\n{headers}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            if not head.startswith("http/1.1 200 "):
                sys.exit(f"GET {path}: {head.splitlines()[0]}")
            length = head.partition("content-length:")[2].partition("\r\n")[0]
            await reader.readexactly(int(length))
        writer.close()

    await asyncio.gather(*(connection() for _ in range(at_once)))


if __name__ == "__main__":
    key = os.environ["ELEVENLABS_API_KEY"]
    lines = Path(sys.argv[2]).read_text().splitlines()
    asyncio.run(read(sys.argv[1], lines, int(sys.argv[3]), f"xi-api-key: {key}\r\n"))
