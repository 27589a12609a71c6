import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from agentctl.errors import BadSignature
from webhooks.signature import sign, verify

SECRET = SecretStr("wsec_first")
OTHER = SecretStr("wsec_second")
BODY = b'{"type":"post_call_transcription","data":{"text":"gr\xc3\xbc\xc3\x9fe"}}'
NOW = 1_763_600_000


def check(header: str | None, body: bytes = BODY, secrets: tuple[SecretStr, ...] = (SECRET,), now: float = NOW) -> None:
    verify(header, body, secrets=secrets, now=now, tolerance=2700)


def digest(secret: SecretStr = SECRET, timestamp: str = str(NOW), body: bytes = BODY) -> str:
    message = timestamp.encode() + b"." + body
    return hmac.new(secret.get_secret_value().encode(), message, hashlib.sha256).hexdigest()


def test_a_signature_is_what_the_vendor_documents() -> None:
    assert sign(BODY, SECRET, NOW) == f"t={NOW},v0={digest()}"
    check(sign(BODY, SECRET, NOW))


@pytest.mark.parametrize(
    "header",
    [
        f"t={NOW}, v0={digest()}",
        f" v0={digest()} , t={NOW} ",
        f"t={NOW},v0={digest().upper()}",
        f"t={NOW},v0={'0' * 64},v0={digest()}",
        f"t={NOW},v0={digest()},v0={'0' * 64}",
        f"t={NOW},t={NOW},v0={digest()}",
        f"t={NOW},v1=abc,v0={digest()},whatever",
        f"t={NOW},v0=ünïcödé,v0={digest()}",
    ],
)
def test_every_spelling_that_the_vendor_could_send_is_read(header: str) -> None:
    check(header)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "missing"),
        ("", "missing"),
        ("   ", "missing"),
        (f"v0={digest()}", "no timestamps"),
        (f"t={NOW}", "no signature"),
        (f"t={NOW},t={NOW + 1},v0={digest()}", "2 timestamps"),
        (f"t=,v0={digest()}", "not a number"),
        (f"t=abc,v0={digest()}", "not a number"),
        (f"t=-{NOW},v0={digest()}", "not a number"),
        (f"t={NOW}_0,v0={digest()}", "not a number"),
        (f"t=１２３,v0={digest()}", "not a number"),
        (f"t={'9' * 3000},v0={digest()}", "not a number"),
        (f"t={NOW},v0={digest()}," + "x" * 5000, "longer than"),
        (f"t={NOW},v0=", "not made of this body"),
        (f"t={NOW},v0={digest()[:-1]}", "not made of this body"),
        (f"t={NOW},v0={digest(OTHER)}", "not made of this body"),
        (f"t={NOW + 1},v0={digest()}", "not made of this body"),
    ],
)
def test_everything_else_is_refused_with_its_reason(header: str | None, reason: str) -> None:
    with pytest.raises(BadSignature, match=reason) as caught:
        check(header)
    assert "wsec" not in str(caught.value)


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(BadSignature):
        check(sign(BODY, SECRET, NOW), BODY + b" ")


@pytest.mark.parametrize("secrets", [(SECRET, OTHER), (OTHER, SECRET)])
def test_two_secrets_are_valid_while_one_replaces_the_other(secrets: tuple[SecretStr, ...]) -> None:
    check(sign(BODY, SECRET, NOW), secrets=secrets)
    check(sign(BODY, OTHER, NOW), secrets=secrets)


@pytest.mark.parametrize("secrets", [(), (SecretStr(""),)])
def test_no_secret_or_an_empty_one_opens_for_nobody(secrets: tuple[SecretStr, ...]) -> None:
    with pytest.raises(BadSignature):
        check(f"t={NOW},v0={digest(SecretStr(''))}", secrets=secrets)


@pytest.mark.parametrize("off", [-2700, 0, 2700])
def test_the_clock_may_be_off_by_the_tolerance_in_both_directions(off: int) -> None:
    check(sign(BODY, SECRET, NOW), now=NOW + off)


@pytest.mark.parametrize(("off", "side"), [(-2701, "in the future"), (2701, "old"), (float("nan"), "tolerated")])
def test_beyond_the_tolerance_it_is_refused(off: float, side: str) -> None:
    with pytest.raises(BadSignature, match=side):
        check(sign(BODY, SECRET, NOW), now=NOW + off)


@given(st.text(max_size=300) | st.text(alphabet="tv0=,1 \x00é", max_size=100))
def test_garbage_is_refused_and_never_more(header: str) -> None:
    with pytest.raises(BadSignature):
        check(header)


@given(st.binary(max_size=2000), st.integers(min_value=0, max_value=10**11))
def test_what_is_signed_is_verified(body: bytes, timestamp: int) -> None:
    check(sign(body, SECRET, timestamp), body, now=timestamp)
