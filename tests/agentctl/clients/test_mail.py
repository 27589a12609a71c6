import asyncio
import contextlib
import datetime
import email
import email.policy
import json
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Session

from agentctl.calls.jobs import MailJob
from agentctl.calls.mail import Letterhead, compose
from agentctl.calls.outbox import Mail
from agentctl.clients.mail import SMTP_DEADLINE, ResendRoute, SmtpRoute
from agentctl.errors import ConfigurationError, MailError
from tests.agentctl.calls.fakes import EMPFANG
from tests.agentctl.calls.test_mail import DIGEST, HOSTILE, called, hostile_mail

pytestmark = pytest.mark.anyio
SENDER = "Praxis Muster <praxis@example.org>"


def mail(**changes: Any) -> Mail:
    (made,) = compose(called(), DIGEST, EMPFANG, Letterhead(SENDER))
    message = made["message"]
    fields: dict[str, Any] = {
        "id": "m1",
        "recipient": made["recipient"],
        "attempt": 1,
        "created_at": "2025-11-20T00:54:00+00:00",
        **{key: message[key] for key in ("subject", "text", "html", "message_id")},
    }
    return Mail(**fields | changes)


class Mailbox:
    """What a real SMTP server was given, and what it shall answer."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.answers: dict[str, str] = {}

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Any) -> str:  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.received.append(envelope)
        return "250 OK"

    def message(self) -> email.message.EmailMessage:
        (envelope,) = self.received
        return email.message_from_bytes(envelope.content, policy=email.policy.default)  # type: ignore[return-value]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    port = free_port()  # aiosmtpd's own port=0 does not work
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def port(mailbox: Mailbox) -> Iterator[int]:
    with server(mailbox) as found:
        yield found


async def test_a_mail_arrives_as_it_was_composed(mailbox: Mailbox, port: int) -> None:
    route = SmtpRoute.from_url(f"smtp://127.0.0.1:{port}", SENDER)
    reference = await route.send(mail())
    (envelope,) = mailbox.received
    assert (envelope.mail_from, envelope.rcpt_tos) == ("praxis@example.org", ["team@example.org"])
    arrived = mailbox.message()
    assert arrived["From"] == SENDER
    assert arrived["To"] == "team@example.org"
    assert arrived["Subject"] == "Empfang: Anruf von +498999998100 – Rückrufbitte Angebot"
    assert arrived["Message-ID"] == mail().message_id == reference
    assert arrived["Date"] == "Thu, 20 Nov 2025 00:54:00 +0000"
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert arrived.get_content_type() == "multipart/alternative"
    plain, html = arrived.iter_parts()
    assert plain.get_content().splitlines() == mail().text.splitlines()
    assert html.get_content_type() == "text/html"
    assert "Rückrufbitte Angebot" in html.get_content()
    assert all(len(line) <= 998 for line in envelope.content.split(b"\r\n"))


async def test_a_repetition_is_the_same_mail(mailbox: Mailbox, port: int) -> None:
    route = SmtpRoute.from_url(f"smtp://127.0.0.1:{port}", SENDER)
    await route.send(mail())
    await route.send(mail(attempt=2))
    ids = {email.message_from_bytes(envelope.content)["Message-ID"] for envelope in mailbox.received}
    assert len(mailbox.received) == 2
    assert len(ids) == 1


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_word_of_a_caller_becomes_a_header_or_a_command(text: str, mailbox: Mailbox, port: int) -> None:
    made = hostile_mail(text)
    route = SmtpRoute.from_url(f"smtp://127.0.0.1:{port}", SENDER)
    await route.send(mail(**{key: made[key] for key in ("subject", "text", "html", "message_id")}))
    arrived = mailbox.message()
    ours = {"from", "to", "subject", "message-id", "date", "auto-submitted", "x-auto-response-suppress"}
    assert {key.lower() for key in arrived} == ours | {"mime-version", "content-type"}
    assert len(arrived.keys()) == 9
    assert arrived["Subject"] == made["subject"]
    assert len(list(arrived.iter_parts())) == 2
    assert mailbox.received[0].rcpt_tos == ["team@example.org"]


@pytest.mark.parametrize("field", ["subject", "recipient", "message_id"])
async def test_a_line_break_that_got_this_far_is_refused(field: str, mailbox: Mailbox, port: int) -> None:
    route = SmtpRoute.from_url(f"smtp://127.0.0.1:{port}", SENDER)
    with pytest.raises(MailError) as caught:
        await route.send(mail(**{field: "a@example.org\r\nBcc: b@example.org"}))
    assert caught.value.permanent
    assert mailbox.received == []


@pytest.mark.parametrize(
    ("answers", "permanent", "outage"),
    [
        ({"RCPT": "550 no such user"}, True, False),
        ({"RCPT": "451 greylisted"}, False, False),
        ({"DATA": "554 looks like spam"}, True, False),
        ({"DATA": "452 disk full"}, False, False),  # or this mail, which must not be tried for ever
        ({"MAIL": "553 not your address"}, False, True),  # MAIL_FROM is wrong, not this mail
    ],
)
async def test_permanent_is_what_concerns_the_mail(
    answers: dict[str, str], permanent: bool, outage: bool, mailbox: Mailbox, port: int
) -> None:
    mailbox.answers = answers
    with pytest.raises(MailError) as caught:
        await SmtpRoute.from_url(f"smtp://127.0.0.1:{port}", SENDER).send(mail())
    assert (caught.value.permanent, caught.value.outage) == (permanent, outage)
    assert next(iter(answers.values()))[:3] in caught.value.message
    assert "spam" not in caught.value.message  # a server's words may quote the mail


def authenticator(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"user@x", b"p@ss/word"), handled=False)


async def test_user_and_password_are_decoded_and_never_shown(mailbox: Mailbox) -> None:
    with server(mailbox, authenticator=authenticator, auth_require_tls=False, auth_required=True) as port:
        route = SmtpRoute.from_url(f"smtp://user%40x:p%40ss%2Fword@127.0.0.1:{port}", SENDER)
        await route.check()
        await route.send(mail())
        assert len(mailbox.received) == 1
        assert "p@ss" not in repr(route)
        wrong = SmtpRoute.from_url(f"smtp://user%40x:geheim@127.0.0.1:{port}", SENDER)
        with pytest.raises(MailError, match="login refused") as caught:
            await wrong.check()
        assert "geheim" not in str(caught.value)
        assert (caught.value.permanent, caught.value.outage) == (False, True)


async def test_no_server_is_a_clear_error() -> None:
    with pytest.raises(MailError, match="no answer") as caught:
        await SmtpRoute.from_url(f"smtp://127.0.0.1:{free_port()}", SENDER).send(mail())
    assert (caught.value.permanent, caught.value.outage) == (False, True)


async def test_a_server_that_hangs_is_given_up() -> None:
    async def hang(_reader: Any, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        with pytest.raises(MailError):
            await SmtpRoute("127.0.0.1", port, SENDER, timeout=0.1).send(mail())


async def test_a_server_that_is_slow_at_each_step_is_given_up_at_the_deadline_of_the_whole() -> None:
    asked = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(b"220 here\r\n")
            while line := await reader.readline():
                asked.append(line)
                await asyncio.sleep(0.2)
                writer.write(b"250 well\r\n")
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(slow, "127.0.0.1", 0) as sluggish:
        route = SmtpRoute("127.0.0.1", sluggish.sockets[0].getsockname()[1], SENDER, tls="off", deadline=0.5)
        start = time.monotonic()
        with pytest.raises(MailError, match=r"no answer|SMTPServerDisconnected") as caught:
            await route.send(mail())
        assert 0.4 < time.monotonic() - start < 2
        assert not caught.value.permanent
    assert not any(line.startswith(b"DATA") for line in asked)
    assert MailJob.deadline_seconds > SMTP_DEADLINE


async def test_nothing_goes_in_the_clear_to_another_machine(
    mailbox: Mailbox, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same server without STARTTLS, as if it stood elsewhere.
    monkeypatch.setattr("agentctl.clients.mail.is_loopback", lambda _host: False)
    with pytest.raises(MailError, match="STARTTLS"):
        await SmtpRoute.from_url(f"smtp://u:p@127.0.0.1:{port}", SENDER).send(mail())
    assert mailbox.received == []
    await SmtpRoute.from_url(f"smtp://127.0.0.1:{port}?tls=off", SENDER).send(mail())
    assert len(mailbox.received) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context with a certificate that nobody has signed."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.org")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_starttls_is_used_where_it_is_offered(
    mailbox: Mailbox, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"tls_context": certificate, "require_starttls": True, "authenticator": authenticator}
    with server(mailbox, **options, auth_required=True) as port:
        route = SmtpRoute.from_url(f"smtp://user%40x:p%40ss%2Fword@127.0.0.1:{port}", SENDER)
        await route.send(mail())
        assert len(mailbox.received) == 1
        monkeypatch.setattr("agentctl.clients.mail.is_loopback", lambda _host: False)
        with pytest.raises(MailError, match="secured connection failed"):
            await route.send(mail())  # elsewhere such a certificate is somebody in between
        assert len(mailbox.received) == 1


async def test_smtps_is_secured_from_the_first_byte(mailbox: Mailbox, certificate: ssl.SSLContext) -> None:
    with server(mailbox, ssl_context=certificate) as port:
        await SmtpRoute.from_url(f"smtps://127.0.0.1:{port}", SENDER).send(mail())
    assert len(mailbox.received) == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://mail.example.org", "smtp://"),
        ("smtp://", "no host"),
        ("smtp://geheim@host:port", "port"),
        ("smtp://user:geheim@host?tls=maybe", "tls"),
        ("smtp://user:geheim@host?starttls=1", "starttls"),
        ("smtp://user:geheim@[host", "."),
    ],
)
async def test_a_bad_url_is_a_bad_setting_and_stays_secret(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        SmtpRoute.from_url(url, SENDER)
    assert "geheim" not in str(caught.value)
    assert caught.value.problems[0].where == "SMTP_URL"


async def test_ports_follow_the_scheme() -> None:
    assert SmtpRoute.from_url("smtp://h", SENDER).port == 587
    assert SmtpRoute.from_url("smtps://h", SENDER).port == 465
    assert SmtpRoute.from_url("smtps://h", SENDER).tls == "implicit"


def resend(answer: httpx.Response | Exception, seen: list[httpx.Request]) -> ResendRoute:
    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ResendRoute("re_geheim", SENDER, transport=httpx.MockTransport(handle))


async def test_resend_gets_the_mail_with_its_idempotency_key() -> None:
    seen: list[httpx.Request] = []
    route = resend(httpx.Response(200, json={"id": "r-1"}), seen)
    assert await route.send(mail()) == "r-1"
    await route.send(mail(attempt=2))
    first, again = seen
    assert str(first.url) == "https://api.resend.com/emails"
    assert first.headers["Authorization"] == "Bearer re_geheim"
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"] == mail().message_id
    assert first.content == again.content
    body = json.loads(first.content)
    assert (body["from"], body["to"]) == (SENDER, ["team@example.org"])
    assert body["headers"]["Message-ID"] == mail().message_id
    assert "geheim" not in repr(route)
    await route.close()


@pytest.mark.parametrize(
    ("answer", "permanent", "outage"),
    [
        (httpx.Response(422, json={"name": "validation_error", "message": "quoting the mail"}), True, False),
        (httpx.Response(409, json={"name": "invalid_idempotent_request"}), True, False),
        (httpx.Response(409, json={"name": "concurrent_idempotent_requests"}), False, False),
        (httpx.Response(429, json={"name": "rate_limit_exceeded"}), False, True),
        (httpx.Response(401, json={"name": "missing_api_key"}), False, True),
        (httpx.Response(403, json={"name": "validation_error"}), False, True),
        (httpx.Response(500, text="<html>"), False, True),
        (httpx.Response(502, json=[1]), False, True),
        (httpx.ConnectError("no route"), False, True),
        (httpx.ReadTimeout("slow"), False, True),
    ],
)
async def test_resends_refusals(answer: httpx.Response | Exception, permanent: bool, outage: bool) -> None:
    with pytest.raises(MailError) as caught:
        await resend(answer, []).send(mail())
    assert (caught.value.permanent, caught.value.outage) == (permanent, outage)
    assert "quoting" not in caught.value.message


async def test_a_refusal_that_is_named_like_the_key_is_told_without_it() -> None:
    with pytest.raises(MailError) as caught:
        await resend(httpx.Response(422, json={"name": "re_geheim"}), []).send(mail())
    assert caught.value.message == "Resend: 422 ***"


async def test_resends_check_takes_a_key_that_may_only_send() -> None:
    await resend(httpx.Response(401, json={"name": "restricted_api_key"}), []).check()
    with pytest.raises(MailError, match="401"):
        await resend(httpx.Response(401, json={"name": "missing_api_key"}), []).check()
