"""Senders that are a burden to a door: `python -m scripts.burdens recordings|silent PORT COUNT`.

recordings   COUNT at once of 50 MB base64 in chunks, over what would be one gigabit line, once a line comes on stdin
silent       COUNT connections that begin a request and say no more; it ends when the door has closed all of them

Prints what came of it as one line of JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import sys
import time

from scripts.receivers import SECRET
from webhooks.address import PATH
from webhooks.signature import HEADER, sign

SOUND = 37_500_000  # bytes, of which base64 makes 50 MB
PIECE = 64 * 1024
LINE = 125_000_000  # bytes a second, of all together


async def recordings(port: int, count: int) -> object:
    """The status of each answer, and the seconds until the last."""
    bodies = [_recording(number) for number in range(count)]
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    begin = time.perf_counter()
    statuses = await asyncio.gather(*(_sent(port, body, LINE / count) for body in bodies))
    return {"statuses": statuses, "seconds": time.perf_counter() - begin}


def _recording(number: int) -> bytes:
    sound = base64.b64encode(os.urandom(SOUND)).decode()
    data = {"conversation_id": f"conv_{os.urandom(6).hex()}_{number}", "agent_id": "agent_1", "full_audio": sound}
    return json.dumps({"type": "post_call_audio", "event_timestamp": int(time.time()), "data": data}).encode()


async def _sent(port: int, body: bytes, per_second: float) -> int:
    signature = sign(body, SECRET, int(time.time()))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {PATH} HTTP/1.1\r\nHost: door\r\n{HEADER}: {signature}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    begin = time.perf_counter()
    for at in range(0, len(body), PIECE):
        piece = body[at : at + PIECE]
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
        await asyncio.sleep(max(0.0, begin + at / per_second - time.perf_counter()))
    writer.write(b"0\r\n\r\n")
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def silent(port: int, count: int) -> object:
    """How many there were, and the seconds after which the last was closed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    opened: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: door\r\n".encode())
        opened.append((time.perf_counter(), reader, writer))
    print("ready", flush=True)
    longest = max(await asyncio.gather(*(_closed(*one) for one in opened)))
    return {"opened": len(opened), "seconds": longest}


async def _closed(begin: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
    try:
        while await reader.read(4096):
            pass
    except ConnectionError:
        pass
    writer.close()
    return time.perf_counter() - begin


if __name__ == "__main__":
    print(json.dumps(asyncio.run({"recordings": recordings, "silent": silent}[sys.argv[1]](*map(int, sys.argv[2:4])))))
