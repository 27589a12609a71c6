import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request

from webhooks.body import SMALL, Bodies, Refused

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


@asynccontextmanager
async def held(bodies: Bodies, *chunks: bytes) -> AsyncIterator[None]:
    """A body that was read and is not let go of yet."""
    async with bodies.read(request(list(chunks))):
        yield


async def status(bodies: Bodies, asked: Request) -> int:
    with pytest.raises(Refused) as caught:
        async with bodies.read(asked):
            pass
    return caught.value.status


async def test_a_body_arrives_whole_up_to_the_last_byte_of_the_cap() -> None:
    bodies = Bodies(max_bytes=10, budget_bytes=40, deadline=5)
    async with bodies.read(request([b"12345", b"", b"67890"])) as body:
        assert body == b"1234567890"
    assert await status(bodies, request([b"12345", b"678901"])) == 413


async def test_an_announced_length_over_the_cap_is_refused_before_anything_is_read() -> None:
    bodies = Bodies(max_bytes=10, budget_bytes=40, deadline=5)
    for length in ("11", "9" * 5000):
        assert await status(bodies, request([], stall=True, length=length)) == 413
    async with bodies.read(request([b"1"], length="x")) as body:
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
    bodies = Bodies(max_bytes=100, budget_bytes=400, deadline=5)  # 3 places of 100 and 100 for the small ones
    async with held(bodies, b"x" * 60):
        assert await status(bodies, request([b"x" * 60])) == 503
        async with held(bodies, b"x" * 40):
            pass
    async with held(bodies, b"x" * 100):
        pass


async def test_a_large_body_waits_for_its_place_while_small_ones_pass() -> None:
    bodies = Bodies(max_bytes=2 * MB, budget_bytes=4 * MB, deadline=5)  # one place
    large = [b"x" * SMALL, b"x"]
    came: list[str] = []

    async def second() -> None:
        async with held(bodies, *large):
            came.append("large")

    async with held(bodies, *large):
        waiting = asyncio.create_task(second())
        for _ in range(10):
            await asyncio.sleep(0)
        async with held(bodies, b"small"):
            came.append("small")
    await waiting
    assert came == ["small", "large"]


async def test_a_large_body_that_finds_no_place_in_time_is_refused() -> None:
    bodies = Bodies(max_bytes=2 * MB, budget_bytes=4 * MB, deadline=0.05)
    large = [b"x" * SMALL, b"x"]
    async with held(bodies, *large):
        assert await status(bodies, request(large)) == 503
    async with held(bodies, *large):
        pass


@pytest.mark.parametrize("chunks", [[b"x" * 11], [b"1"], [b"x" * SMALL, b"x"]])
async def test_nothing_stays_counted_after_a_failure(chunks: list[bytes]) -> None:
    bodies = Bodies(max_bytes=2 * MB, budget_bytes=4 * MB, deadline=0.02)
    for _ in range(4):
        assert await status(bodies, request(chunks, stall=True)) == 408
    async with held(bodies, b"x" * SMALL), held(bodies, b"x" * SMALL, b"x"):
        pass


async def test_nothing_stays_counted_after_many_large_bodies() -> None:
    bodies = Bodies(max_bytes=2 * MB, budget_bytes=4 * MB, deadline=5)
    for _ in range(20):
        async with held(bodies, b"x" * SMALL, b"x"):
            pass
    async with held(bodies, b"x" * SMALL), held(bodies, b"x" * SMALL), held(bodies, b"x" * SMALL):
        pass
