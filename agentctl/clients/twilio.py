"""Twilio's IncomingPhoneNumbers, and nothing else of it: where a number's calls and messages go, read and restored.

ElevenLabs' import rewrites a number's voice URL and status callback (and its SMS URL, unless told not to), so they are
saved before and put back after (https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from agentctl.clients.guard import may_be_sent
from agentctl.clients.refusal import clean, json_of, moved, not_json, refused, trusts_proxy
from agentctl.clients.retry import Retry
from agentctl.clients.trust import trusted
from agentctl.errors import ApiError, Rejected, Unreachable
from agentctl.secrecy.veil import Veil
from agentctl.settings import Settings, require

_TIMEOUT = httpx.Timeout(30, connect=5)
_ACCOUNT = "/2010-04-01/Accounts/{account_sid}"
_NUMBERS = f"{_ACCOUNT}/IncomingPhoneNumbers"
_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}", re.ASCII)


@dataclass(frozen=True)
class IncomingNumber:
    """A number of the account and its whole routing. Every field is text, empty where Twilio has none."""

    sid: str
    phone_number: str
    friendly_name: str
    voice_url: str
    voice_method: str
    voice_fallback_url: str
    voice_fallback_method: str
    status_callback: str
    status_callback_method: str
    sms_url: str
    sms_method: str
    sms_fallback_url: str
    sms_fallback_method: str
    voice_application_sid: str
    sms_application_sid: str
    trunk_sid: str

    def routing(self) -> dict[str, str]:
        """The fields that `update_number` takes back: all but the number's own name."""
        return {name: value for name, value in asdict(self).items() if name in ROUTING}


ROUTING = tuple(field.name for field in fields(IncomingNumber))[3:]


@dataclass(frozen=True)
class Account:
    """The account that the credentials open. `name` and `status` are empty where an API key may not ask for them."""

    sid: str
    name: str
    status: str


class Twilio:
    """One account: `secret` is its auth token, or the secret of the API key `key_sid`.

    Use as an async context manager, or call `aclose`. Every method raises Unauthorized, NotFound, RateLimited, Rejected
    or ApiError when Twilio refuses, and Unreachable when no usable answer came. `veil` knows what no error may repeat,
    `place` where the credentials are, as `Settings.place`.
    Before each attempt of whatever is no GET, the guards (`clients.guard`) are asked, and what they raise is raised.
    """

    def __init__(
        self,
        base_url: str,
        account_sid: str,
        secret: SecretStr,
        *,
        key_sid: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        retry: Retry | None = None,
        veil: Veil | None = None,
        place: Callable[[str], str] = str.upper,
    ) -> None:
        url = httpx.URL(base_url)
        self.host = f"{url.host}:{url.port}" if url.port else url.host
        self.account_sid = account_sid
        self._key_sid = key_sid
        self._place = place
        self._veil = veil or Veil()
        self._veil.add(secret)
        self._base = str(url).rstrip("/")
        self._retry = retry or Retry()
        self._http = httpx.AsyncClient(
            auth=httpx.BasicAuth(key_sid or account_sid, secret.get_secret_value()),
            headers={"accept": "application/json", "user-agent": "agentctl"},
            timeout=_TIMEOUT,
            transport=transport,
            verify=trusted(),
            trust_env=trusts_proxy(url.host),
        )

    def __repr__(self) -> str:
        return f"Twilio({self.host}, {self.account_sid})"

    @classmethod
    def of(cls, settings: Settings, veil: Veil, *, transport: httpx.AsyncBaseTransport | None = None) -> Self:
        """By the API key where there is one, else by the account itself. Raises ConfigurationError with neither."""
        sid, key = settings.twilio_account_sid, settings.twilio_api_key_sid
        secret = settings.twilio_api_key_secret or settings.twilio_auth_token
        require(settings, "twilio_account_sid", *(() if secret else ("twilio_auth_token",)))
        assert sid is not None
        assert secret is not None
        how: dict[str, Any] = {"veil": veil, "place": settings.place, "transport": transport}
        return cls(str(settings.twilio_base_url), sid, secret, key_sid=key, **how)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def account(self) -> Account:
        """Who the credentials belong to: the cheapest proof that they work."""
        if self._key_sid is not None:
            # A standard API key may use everything but /Accounts itself, so it proves itself on the numbers.
            await self._send("GET", f"{_NUMBERS}.json", params={"PageSize": "1"})
            return Account(self.account_sid, "", "")
        body = await self._send("GET", f"{_ACCOUNT}.json")
        return Account(self.account_sid, str(body.get("friendly_name") or ""), str(body.get("status") or ""))

    async def find_number(self, e164: str) -> IncomingNumber | None:
        """The account's number `e164` ("+49…"), or None if the account has no such number."""
        path = f"{_NUMBERS}.json"
        body = await self._send("GET", path, params={"PhoneNumber": e164})
        entries = body.get("incoming_phone_numbers")
        if not isinstance(entries, list):
            raise ApiError(f"GET {path}: the answer has no list 'incoming_phone_numbers'", status=200)
        # The filter also finds numbers that merely contain it.
        exact = (entry for entry in entries if isinstance(entry, dict) and entry.get("phone_number") == e164)
        return next((_number(entry) for entry in exact), None)

    async def update_number(self, sid: str, **routing: str) -> IncomingNumber:
        """Set the given fields of the number and nothing else; an empty text clears one. The names are ROUTING's.

        `update_number(sid, **saved.routing())` restores a number as it was.
        """
        unknown = set(routing) - set(ROUTING)
        if unknown:
            raise TypeError(f"no routing field of a number: {', '.join(sorted(unknown))}")
        # Twilio's update is a POST, but it sets values: sent twice, it sets them twice. So it may be repeated.
        path = f"{_NUMBERS}/{{number_sid}}.json"
        return _number(await self._send("POST", path, number_sid=sid, form=_form(routing)))

    async def _send(
        self,
        method: str,
        path: str,
        *,
        number_sid: str = "",
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        what = f"{method} {path}"
        sids = {"account_sid": self.account_sid, "number_sid": number_sid}
        for name, sid in sids.items():
            if f"{{{name}}}" in path and not _SID.fullmatch(sid):
                raise Rejected(f"{what}: {clean(repr(sid)[:80])} is no {name}: two letters and 32 hexadecimal digits")
        url = self._base + path.format(**sids)

        async def attempt() -> httpx.Response:
            how = await may_be_sent(method)
            return await self._http.request(method, url, params=params, data=form, extensions=how)

        answer = await self._retry.run(attempt, what=what, host=self.host, repeatable=True)
        if not answer.is_success:
            raise self._error(what, answer)
        body = self._body(answer)
        if body is None:
            raise not_json(what, answer, self.host, "TWILIO_BASE_URL", self._veil)
        return body

    def _body(self, answer: httpx.Response) -> dict[str, Any] | None:
        try:
            body = json_of(answer)
        except ValueError:
            return None
        return body if isinstance(body, dict) else None

    def _error(self, what: str, answer: httpx.Response) -> ApiError | Unreachable:
        status = answer.status_code
        if 300 <= status < 400:
            return moved(what, answer, self.host, "TWILIO_BASE_URL", self._veil)
        body = self._body(answer) or {}
        said = clean(body.get("message") or "", self._veil)
        code = clean(body.get("code") or "", self._veil)
        if status >= 500:
            shown = f" ({said})" if said else ""
            return Unreachable(f"{what}: {status} from {self.host}{shown}", "Running the same again is safe.")
        if not code and not said and status != 429:
            return not_json(what, answer, self.host, "TWILIO_BASE_URL", self._veil)
        request_id = clean(answer.headers.get("twilio-request-id", ""), self._veil)
        return refused(what, status, said, self._hint(status), code=code, request_id=request_id)

    def _hint(self, status: int) -> str:
        if status not in (401, 403):
            return ""
        names = "twilio_api_key_sid", "twilio_api_key_secret", "twilio_account_sid", "twilio_auth_token"
        key, secret, account, token = map(self._place, names)
        if self._key_sid is not None:
            return f"Check {key} and {secret}, and that the key belongs to {account}."
        return f"Check {account} and {token} (the live ones, not the test credentials)."


def _number(entry: Mapping[str, Any]) -> IncomingNumber:
    values = {field.name: str(entry.get(field.name) or "") for field in fields(IncomingNumber)}
    if not values["sid"]:
        raise ApiError("Twilio answered with a phone number that has no sid", status=200)
    return IncomingNumber(**values)


def _form(routing: Mapping[str, str]) -> dict[str, str]:
    # A method cannot be empty, and without its URL it means nothing. A trunk and an application exclude each other:
    # setting one clears the other, so clearing the other beside it could undo what was just set.
    left_out = {name for name, value in routing.items() if name.endswith("_method") and not value}
    for one, other in (("trunk_sid", "voice_application_sid"), ("voice_application_sid", "trunk_sid")):
        if routing.get(one) and not routing.get(other):
            left_out.add(other)
    return {_wire(name): value for name, value in routing.items() if name not in left_out}


def _wire(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
