"""Routes for mail: any SMTP server, or Resend's API.

Only what concerns the mail itself is permanent (a refused recipient, refused content). A wrong password or sender is
a fault of the settings: such mails wait and are tried again, so that nothing is lost while somebody corrects them.
"""

from __future__ import annotations

import smtplib
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from agentctl.calls.outbox import Mail
from agentctl.clients.smtp import Timed, TimedTls, held
from agentctl.errors import ConfigurationError, MailError, Problem
from agentctl.loopback import is_loopback
from agentctl.secrecy.veil import Veil

if TYPE_CHECKING:
    import httpx

SMTP_TIMEOUT = 30.0  # seconds, of every single step of the dialogue
SMTP_DEADLINE = 120.0  # seconds for the whole dialogue; shorter than the deadline of the job that sends
RESEND_TIMEOUT = 30.0
_UNHEARD_RESEND = "Check that this machine is online, and RESEND_BASE_URL where it is set."
_UNHEARD = "Check host and port in SMTP_URL, that the server runs, and that no firewall is between."
CRLF = "\r\n"


@dataclass(frozen=True)
class SmtpRoute:
    """One SMTP server. `tls`: from the first byte; or by STARTTLS; or `off`, in the clear."""

    host: str
    port: int
    sender: str
    tls: Literal["implicit", "starttls", "off"] = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = SMTP_TIMEOUT
    deadline: float = SMTP_DEADLINE

    name = "smtp"

    @classmethod
    def from_url(cls, url: str, sender: str) -> SmtpRoute:
        """Read `smtp://user:password@host:587` or `smtps://…:465`; `?tls=off` allows a server in the clear.

        Raises ConfigurationError, which never shows the URL itself, since it holds the password.
        """
        try:
            return cls._from_parts(urlsplit(url), sender)
        except ValueError as error:
            raise ConfigurationError(
                [Problem("SMTP_URL", str(error))],
                "Write smtp://user:password@host:587 (or smtps://…:465); encode special characters, such as %40 for @.",
            ) from None

    @classmethod
    def _from_parts(cls, parts: SplitResult, sender: str) -> SmtpRoute:
        if parts.scheme not in ("smtp", "smtps"):
            raise ValueError("must begin with smtp:// or smtps://")
        if not parts.hostname:
            raise ValueError("names no host")
        try:
            port = parts.port
        except ValueError:
            raise ValueError("has an unusable port") from None
        options = parse_qs(parts.query)
        if unknown := [key for key in options if key != "tls"] or [v for v in options.get("tls", []) if v != "off"]:
            raise ValueError(f"has the unknown option {unknown[0]!r}; the only one is tls=off")
        implicit = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=port or (465 if implicit else 587),
            sender=sender,
            tls="implicit" if implicit else "off" if options.get("tls") else "starttls",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    async def send(self, mail: Mail) -> str:
        """Hand one mail over; the reference is its Message-ID. Raises MailError.

        An error after the server took the mail cannot be told from one before: SMTP is at-least-once.
        """
        message = written(mail, self.sender)
        await held(lambda: self._dialogue(message, mail.recipient))
        return mail.message_id

    async def check(self) -> None:
        """Connect, secure and log in, without sending anything. Raises MailError."""
        await held(lambda: self._dialogue(None, None))

    def _dialogue(self, message: bytes | None, recipient: str | None) -> None:
        away = True  # Until the mail itself is on its way: after that it may have been taken, or be what is wrong.
        try:
            server = self._connect()
            try:
                if self.user is not None:
                    server.login(self.user, self.password or "")
                if message is not None and recipient is not None:
                    away = False
                    server.sendmail(parseaddr(self.sender)[1], [_on_the_wire(recipient)], message)
            finally:
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
        except smtplib.SMTPException as error:
            raise self._refusal(error, away) from None
        except ssl.SSLError as error:
            raise MailError(
                f"{self._address}: the secured connection failed ({error.reason or 'SSL'})",
                "Check the host name in SMTP_URL and its certificate, and that smtps:// is used for port 465 only.",
                outage=away,
            ) from None
        except OSError as error:
            raise MailError(
                f"{self._address}: no answer ({error.strerror or type(error).__name__})", _UNHEARD, outage=away
            ) from None

    @property
    def _address(self) -> str:
        return f"{self.host}:{self.port}"

    def _connect(self) -> smtplib.SMTP:
        # Our name in EHLO: smtplib would ask the resolver for one, which can hang for long.
        name = parseaddr(self.sender)[1].rpartition("@")[2] or "localhost"
        end = time.monotonic() + self.deadline
        patience = min(self.timeout, self.deadline)
        if self.tls == "implicit":
            return TimedTls(end, self.host, self.port, name, timeout=patience, context=self._context())
        server = Timed(end, self.host, self.port, name, timeout=patience)
        try:
            if self.tls == "starttls":
                server.ehlo()
                if server.has_extn("starttls"):
                    server.starttls(context=self._context())
                elif not is_loopback(self.host):
                    raise MailError(
                        f"{self._address} does not offer STARTTLS, so nothing was sent to it",
                        "Use smtps://, or add ?tls=off to SMTP_URL to send mail and password in the clear.",
                        outage=True,
                    )
        except BaseException:
            server.close()
            raise
        return server

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if is_loopback(self.host):
            # A server on this very machine has no certificate that anybody could verify, and no wire to tap.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _refusal(self, error: smtplib.SMTPException, away: bool) -> MailError:
        if isinstance(error, smtplib.SMTPAuthenticationError):
            hint = "Check user and password in SMTP_URL."
            return MailError(f"{self._address}: login refused ({error.smtp_code})", hint, outage=True)
        if isinstance(error, smtplib.SMTPSenderRefused):
            return MailError(f"{self._address}: sender refused ({error.smtp_code})", "Check MAIL_FROM.", outage=True)
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            code = next(iter(error.recipients.values()))[0]
            return MailError(f"{self._address}: recipient refused ({code})", permanent=500 <= code < 600)
        if isinstance(error, smtplib.SMTPDataError):
            code = error.smtp_code
            return MailError(f"{self._address}: mail refused ({code})", permanent=500 <= code < 600)
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return MailError(f"{self._address}: the server lacks what this needs ({error})")
        said = f" ({error.smtp_code})" if isinstance(error, smtplib.SMTPResponseException) else ""
        return MailError(f"{self._address}: {type(error).__name__}{said}", outage=away)


class ResendRoute:
    """Resend's API. A repetition within 24 hours is recognised by its idempotency key and not sent again."""

    name = "resend"

    def __init__(
        self,
        key: str,
        sender: str,
        *,
        base_url: str = "https://api.resend.com",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        import httpx

        from agentctl.clients.refusal import trusts_proxy

        self.sender = sender
        self._veil = Veil(key)
        self._base_url = base_url.rstrip("/")
        headers, proxied = {"Authorization": f"Bearer {key}"}, trusts_proxy(httpx.URL(base_url).host)
        self._client = httpx.AsyncClient(
            headers=headers, timeout=RESEND_TIMEOUT, transport=transport, trust_env=proxied
        )

    def __repr__(self) -> str:
        return f"ResendRoute({self._base_url!r}, sender={self.sender!r})"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, mail: Mail) -> str:
        """Hand one mail over; the reference is Resend's id. Raises MailError."""
        body = {
            "from": self.sender,
            "to": [mail.recipient],
            "subject": mail.subject,
            "html": mail.html,
            "text": mail.text,
            "headers": {"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
        }
        answer = await self._request("POST", "/emails", json=body, headers={"Idempotency-Key": mail.message_id})
        return str(answer.get("id") or mail.message_id)

    async def check(self) -> None:
        """Ask for the domains; a key that may only send is told so, and is fine. Raises MailError."""
        try:
            await self._request("GET", "/domains")
        except MailError as error:
            if "restricted_api_key" not in error.message:
                raise

    async def _request(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        import httpx

        try:
            response = await self._client.request(method, self._base_url + path, **arguments)
            answer = response.json() if response.content else {}
        except httpx.HTTPError as error:
            raise MailError(f"Resend: no answer ({type(error).__name__})", _UNHEARD_RESEND, outage=True) from None
        except ValueError:
            answer = {}
        answer = answer if isinstance(answer, dict) else {}
        if response.is_success:
            return answer
        # Their `name` is a fixed word such as validation_error; their message may quote the mail.
        name = str(answer.get("name") or "")
        said = f"Resend: {response.status_code} {self._veil(name) if name.isidentifier() else ''}".rstrip()
        if response.status_code in (401, 403):
            hint = "Check RESEND_API_KEY, and that the domain of MAIL_FROM is verified at Resend."
            raise MailError(said, hint, outage=True)
        # 409 invalid_idempotent_request: this very mail went out before, from other settings.
        repeated = name == "invalid_idempotent_request"
        away = response.status_code == 429 or response.status_code >= 500
        raise MailError(said, permanent=repeated or response.status_code in (400, 413, 422), outage=away)


def written(mail: Mail, sender: str) -> bytes:
    """The mail as it goes over the wire. Raises MailError (permanent) for what would break out of a header."""
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    try:
        message["From"] = sender
        message["To"] = _on_the_wire(mail.recipient)
        message["Message-ID"] = mail.message_id
        # When it was composed, not when it was sent: a repetition is then the same to the byte, but for the boundary.
        message["Date"] = format_datetime(datetime.fromisoformat(mail.created_at))
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        message["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return _subject(mail.subject) + message.as_bytes()
    except ValueError as error:
        raise MailError(f"the mail cannot be written: {error}", permanent=True) from None


def _subject(subject: str) -> bytes:
    # EmailMessage doubles spaces where it folds, and would let a caller's own "=?utf-8?…?=" be decoded by readers.
    # Encoded as a whole, the subject arrives as it was composed.
    if not subject.isprintable():
        raise ValueError("the subject has unprintable characters")
    return f"Subject: {Header(subject, 'utf-8', header_name='Subject').encode(linesep=CRLF)}{CRLF}".encode("ascii")


def _on_the_wire(address: str) -> str:
    """The address with its domain in the form that every server takes. Raises ValueError if there is none."""
    local, _, domain = address.rpartition("@")
    if not local.isascii() or not address.isprintable():
        raise ValueError("the recipient's address has characters that mail servers do not take")
    return f"{local}@{domain.encode('idna').decode('ascii')}"
