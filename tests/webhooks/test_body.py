import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from starlette.requests import Request

from agentctl.errors import BadSignature
from webhooks.body import SMALL, Bodies, Refused
from webhooks.signature import Verifier, sign
from webhooks.spool import PART, Spool

pytestmark = pytest.mark.anyio
MB = 1024 * 1024


def request(chunks: Iterator[bytes] | list[bytes], *, stall: bool = False, length: str | None = None) -> Request:
    """A request whose body comes in `chunks`, and then (with `stall`) never ends."""
    left = iter(chunks)

    async def receive() -> dict[str, object]:
        chunk = next(left, None)
        if chunk is None and stall:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    headers = [] if length is None else [(b"content-length", length.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


SECRET = SecretStr("wsec_first")


def spool(body: bytes = b"") -> Spool:
    """One that finds `body` signed."""
    return Spool(Verifier(sign(body, SECRET, 1), secrets=[SECRET], now=1, tolerance=1))


@asynccontextmanager
async def held(bodies: Bodies, *chunks: bytes) -> AsyncIterator[bytes | Spool]:
    """A body that was read and is not let go of yet."""
    async with bodies.read(request(list(chunks)), lambda: spool(b"".join(chunks))) as body:
        yield body


async def status(bodies: Bodies, asked: Request) -> int:
    with pytest.raises(Refused) as caught:
        async with bodies.read(asked, spool):
            pass
    return caught.value.status


async def test_a_body_arrives_whole_up_to_the_last_byte_of_the_cap() -> None:
    bodies = Bodies(max_bytes=10, budget_bytes=40, deadline=5)
    async with held(bodies, b"12345", b"", b"67890") as body:
        assert body == b"1234567890"
    assert await status(bodies, request([b"12345", b"678901"])) == 413


async def test_an_announced_length_over_the_cap_is_refused_before_anything_is_read() -> None:
    bodies = Bodies(max_bytes=10, budget_bytes=40, deadline=5)
    for length in ("11", "9" * 5000):
        assert await status(bodies, request([], stall=True, length=length)) == 413
    async with bodies.read(request([b"1"], length="x"), spool) as body:
        assert body == b"1"


async def test_an_endless_body_is_not_read_on() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 1000

    bodies = Bodies(max_bytes=10_000, budget_bytes=40_000, deadline=5)
    assert await status(bodies, request(endless())) == 413
    assert read == 11


async def test_a_sender_that_stalls_is_told_to_try_again() -> None:
    bodies = Bodies(max_bytes=10, budget_bytes=40, deadline=0.05)
    assert await status(bodies, request([b"1"], stall=True)) == 408


async def test_small_bodies_together_stay_within_the_budget() -> None:
    bodies = Bodies(max_bytes=2 * MB, budget_bytes=100, deadline=5)
    async with held(bodies, b"x" * 60):
        assert await status(bodies, request([b"x" * 60])) == 503
        async with held(bodies, b"x" * 40):
            pass
    async with held(bodies, b"x" * 100):
        pass


LARGE = [b'{"data": "', b"x" * SMALL, b'"}']


async def test_a_large_body_goes_to_the_disk_and_comes_back_in_parts() -> None:
    chunks = [b'{"type": "post_call_audio", "data": {"full_audio": "', *[b"A" * 70_000] * 40, b'"}}']
    whole = b"".join(chunks)
    bodies = Bodies(max_bytes=4 * MB, budget_bytes=SMALL, deadline=5)
    async with held(bodies, *chunks) as body:
        assert isinstance(body, Spool)
        parts = [part async for part in body.parts()]
        assert b"".join(parts) == whole
        assert {len(part) for part in parts[:-1]} == {PART}
        assert (body.size, body.sha256, body.heading.type) == (
            len(whole),
            hashlib.sha256(whole).hexdigest(),
            "post_call_audio",
        )


async def test_a_large_body_says_who_signed_it_also_when_it_is_asked_again() -> None:
    bodies = Bodies(max_bytes=4 * MB, budget_bytes=SMALL, deadline=5)
    whole = b"".join(LARGE)
    async with bodies.read(request(LARGE), spool) as body:
        assert isinstance(body, Spool)
        with pytest.raises(BadSignature):
            body.signed()
        right, wrong = (
            Verifier(sign(signed, SECRET, 1), secrets=[SECRET], now=1, tolerance=1) for signed in (whole, b"")
        )
        assert await body.signed_with(right) == (SECRET,)
        with pytest.raises(BadSignature):
            await body.signed_with(wrong)


async def test_a_large_body_waits_for_its_place_while_small_ones_pass() -> None:
    bodies = Bodies(max_bytes=2 * MB, budget_bytes=2 * MB, deadline=5, places=1)
    came: list[str] = []

    async def second() -> None:
        async with held(bodies, *LARGE):
            came.append("large")

    async with held(bodies, *LARGE):
        waiting = asyncio.create_task(second())
        for _ in range(10):
            await asyncio.sleep(0)
        async with held(bodies, b"small"):
            came.append("small")
    await waiting
    assert came == ["small", "large"]


async def test_a_large_body_that_finds_no_place_in_time_is_refused() -> None:
    bodies = Bodies(max_bytes=2 * MB, budget_bytes=2 * MB, deadline=5, places=1, patience=0.05)
    async with held(bodies, *LARGE):
        assert await status(bodies, request(LARGE)) == 503
    async with held(bodies, *LARGE):
        pass


@pytest.mark.parametrize("chunks", [[b"1"], LARGE])
async def test_nothing_stays_counted_after_a_failure(chunks: list[bytes]) -> None:
    bodies = Bodies(max_bytes=2 * MB, budget_bytes=SMALL, deadline=0.1, places=1, pace=1e9)
    for _ in range(3):
        assert await status(bodies, request(chunks, stall=True)) == 408
    async with held(bodies, *LARGE), held(bodies, b"x" * SMALL):
        pass


async def test_a_body_that_keeps_its_pace_has_the_time_it_needs() -> None:
    bodies = Bodies(max_bytes=2 * MB, budget_bytes=SMALL, deadline=0.3)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(0.2)
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    left = [b'{"data": "' + b"x" * SMALL, b"x" * SMALL, b'"}']
    body = b"".join(left)
    async with bodies.read(Request({"type": "http", "method": "POST", "headers": []}, receive), lambda: spool(body)):
        pass


async def test_a_disk_without_room_is_our_fault() -> None:
    class Full(Spool):
        def _take(self, piece: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    verifier = Verifier(sign(b"", SECRET, 1), secrets=[], now=1, tolerance=1)
    bodies = Bodies(max_bytes=4 * MB, budget_bytes=SMALL, deadline=5)
    with pytest.raises(Refused) as caught:
        async with bodies.read(request(LARGE), lambda: Full(verifier)):
            pass
    assert caught.value.status == 503
