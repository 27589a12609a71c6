# ruff: noqa: E501  (a table reads better with a row per line)
"""Signatures with their digests written down, so that a change of ours cannot agree with itself: what passes, what not."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from pydantic import SecretStr

from agentctl.errors import BadSignature
from tests.webhooks.edge import Edge, harness
from webhooks.signature import HEADER, verify

NOW = 1763600000
BODIES = {
    "plain": b'{"type":"post_call_transcription","data":{"conversation_id":"conv_1"}}',
    "umlauts": b'{"message":"gr\xc3\xbc\xc3\x9fe"}',
    "empty": b"",
    "zero": b"\x00\xff\x00",
}
# name, header, body, secrets, our clock, whether it passes
VECTORS = [
    (
        "as documented, plain",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "as documented, umlauts",
        "t=1763600000,v0=943fe9123346e07d73131b73f0d6de738201afea6c6d7fd863a98884dd6dfe7e",
        "umlauts",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "as documented, empty",
        "t=1763600000,v0=4be7ed6efba79962c58956b62cdeae074224056599744fae89ead8cc6a1c18d4",
        "empty",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "as documented, zero",
        "t=1763600000,v0=9f07967bd231e0630b5ab4e974d82aeafd9d1ea118d649c11d6441b64d999067",
        "zero",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "turned round",
        "v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a,t=1763600000",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "blanks",
        " t=1763600000 , v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a ",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "capital digits",
        "t=1763600000,v0=F21039493113B30DA730B07CE232095616AC95CCE3F85F83251D29A057C5DD2A",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "a later scheme beside",
        "t=1763600000,v1=0000000000000000000000000000000000000000000000000000000000000000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "unknown words",
        "t=1763600000,hello,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a,x=y",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "two signatures, the first right",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a,v0=0000000000000000000000000000000000000000000000000000000000000000",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "two signatures, the second right",
        "t=1763600000,v0=0000000000000000000000000000000000000000000000000000000000000000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "the time twice, alike",
        "t=1763600000,t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "rotation: the old secret",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_second", "wsec_first"),
        1763600000,
        True,
    ),
    (
        "rotation: the new secret",
        "t=1763600000,v0=fc253d651b8ea2b8b09f95c6a04cb7d8544ff31ec4b310b5d22bdf22d58277f8",
        "plain",
        ("wsec_second", "wsec_first"),
        1763600000,
        True,
    ),
    (
        "rotation: the new one first of two",
        "t=1763600000,v0=fc253d651b8ea2b8b09f95c6a04cb7d8544ff31ec4b310b5d22bdf22d58277f8",
        "plain",
        ("wsec_first", "wsec_second"),
        1763600000,
        True,
    ),
    (
        "rotation: signed with both",
        "t=1763600000,v0=fc253d651b8ea2b8b09f95c6a04cb7d8544ff31ec4b310b5d22bdf22d58277f8,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "rotation over: the old secret is gone",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_second",),
        1763600000,
        False,
    ),
    (
        "an empty secret beside a good one",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("", "wsec_first"),
        1763600000,
        True,
    ),
    (
        "an empty secret alone",
        "t=1763600000,v0=842632d31e4f8027d5ff378409db5611b2b404d5abf8fbfa14ea322c249147fd",
        "plain",
        ("",),
        1763600000,
        False,
    ),
    (
        "no secret",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        (),
        1763600000,
        False,
    ),
    (
        "our clock is +0 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "our clock is +1 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600001,
        True,
    ),
    (
        "our clock is -1 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763599999,
        True,
    ),
    (
        "our clock is +2699 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763602699,
        True,
    ),
    (
        "our clock is -2699 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763597301,
        True,
    ),
    (
        "our clock is +2700 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763602700,
        True,
    ),
    (
        "our clock is -2700 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763597300,
        True,
    ),
    (
        "our clock is +2701 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763602701,
        False,
    ),
    (
        "our clock is -2701 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763597299,
        False,
    ),
    (
        "our clock is +86400 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763686400,
        False,
    ),
    (
        "our clock is -86400 s from theirs",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763513600,
        False,
    ),
    (
        "half a second too late",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763602700.5,
        False,
    ),
    (
        "another secret",
        "t=1763600000,v0=fc253d651b8ea2b8b09f95c6a04cb7d8544ff31ec4b310b5d22bdf22d58277f8",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "another body",
        "t=1763600000,v0=943fe9123346e07d73131b73f0d6de738201afea6c6d7fd863a98884dd6dfe7e",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "another time than was signed",
        "t=1763600001,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "signed without the time",
        "t=1763600000,v0=c866fc58e014793a90b39d7d94b5aaeab7c6e36dc04bf46fe3aa1c6d33138099",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    ("sha1", "t=1763600000,v0=c3cf621882ac61bb43577477ec7661f52c323b8e", "plain", ("wsec_first",), 1763600000, False),
    (
        "a digit short",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "a digit long",
        "t=1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a0",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "only under v1",
        "t=1763600000,v1=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "two times",
        "t=1763600000,t=1763600001,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "a time with a sign",
        "t=+1763600000,v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "a time in milliseconds",
        "t=1763600000000,v0=5309fc7fb3fc2a2e84184f0e120da521d2264474b8cb61e55a27d5101af1da00",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "a time with leading zeros",
        "t=001763600000,v0=7ba3a1802d720287e7c14535569807461d980a788a6cd911d1005a93b8d26e88",
        "plain",
        ("wsec_first",),
        1763600000,
        True,
    ),
    (
        "a time with a fraction",
        "t=1763600000.0,v0=f99b29ffd91f0fe79eb8bfcb6db523f849c4cb236a45332e83a1757b1df043be",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "no time",
        "v0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    ("no signature", "t=1763600000", "plain", ("wsec_first",), 1763600000, False),
    ("nothing", "", "plain", ("wsec_first",), 1763600000, False),
    (
        "base64",
        "t=1763600000,v0=8hA5STETsw2nMLB84jIJVhaslczj+F+DJR0poFfF3So=",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "a name in capitals",
        "T=1763600000,V0=f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a",
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
    (
        "quoted",
        't="1763600000",v0="f21039493113b30da730b07ce232095616ac95cce3f85f83251d29a057c5dd2a"',
        "plain",
        ("wsec_first",),
        1763600000,
        False,
    ),
]


Check = Callable[[str, bytes, tuple[str, ...], float], Awaitable[bool]]


async def by_python(header: str, body: bytes, secrets: tuple[str, ...], now: float) -> bool:
    try:
        verify(header, body, secrets=[SecretStr(one) for one in secrets], now=now, tolerance=2700)
    except BadSignature:
        return False
    return True


@pytest.fixture(params=["python", "edge"])
async def check(request: pytest.FixtureRequest) -> AsyncIterator[Check]:
    """Whether a signature passes: asked of the function that checks it, and of the Edge Function as a whole."""
    if request.param == "python":
        yield by_python
        return
    edge: Edge = request.getfixturevalue("edge_function")
    async with httpx.AsyncClient() as http:

        async def by_edge(header: str, body: bytes, secrets: tuple[str, ...], now: float) -> bool:
            # There is no store: what passes is 400 or 503.
            there = harness({"ELEVENLABS_WEBHOOK_SECRET": ",".join(secrets)}, now)
            answer = await http.post(edge.url, content=body, headers={HEADER: header.strip().encode(), **there})
            assert answer.status_code in (400, 401, 503)
            return answer.status_code != 401 and (any(secrets) or answer.status_code != 503)

        yield by_edge


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("header", "body", "secrets", "now", "passes"), [pytest.param(*one[1:], id=one[0]) for one in VECTORS]
)
async def test_each_vector(
    check: Check, header: str, body: str, secrets: tuple[str, ...], now: float, passes: bool
) -> None:
    assert await check(header, BODIES[body], secrets, now) is passes
