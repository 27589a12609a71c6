"""The pages by which people sign in by Supabase Auth: with a password, or by a link in a mail; and with a code, where
they have a device that shows one.

Whoever does not get in is told the same, in the same time, whatever the reason: that somebody has an account here is
not found out by it. A password is in a form and in one request to Supabase Auth, and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from agentctl.clients.auth import KINDS, Tokens
from agentctl.console import cookies
from agentctl.console.desk import Desk
from agentctl.console.gate import path
from agentctl.console.gates.renewal import read
from agentctl.console.gates.tries import SPAN_SECONDS, Tries
from agentctl.console.page import door, posted
from agentctl.console.person import Person
from agentctl.console.sessions import Session
from agentctl.errors import AgentctlError, RateLimited, Rejected, Unauthorized

log = logging.getLogger(__name__)

_LONGEST = 320  # RFC 3696, 3: of an address
# About the project and not about an account: whoever runs it has to know.
_OF_PROJECT = {"captcha_failed", "email_provider_disabled", "provider_disabled", "feature_disabled", "bad_json"}


class SignsIn(Protocol):
    """Supabase Auth, as far as it takes what people show, or tells them how to come by it."""

    async def by_password(self, email: str, password: str) -> Tokens: ...

    async def by_link(self, token_hash: str, kind: str) -> Tokens: ...

    async def by_code(self, access: str, factor: str, code: str) -> Tokens: ...

    async def factors(self, access: str) -> dict[str, str]: ...

    async def mail_link(self, email: str, back: str) -> None: ...


class Opens(Protocol):
    """The gate that these pages open."""

    async def visitor(self, request: Request) -> tuple[Session, Person] | None: ...

    async def enter(self, request: Request, response: Response, tokens: Tokens) -> None: ...

    def hold(self, request: Request, tokens: Tokens) -> None: ...

    async def leave(self, request: Request, session: Session) -> None: ...


@dataclass
class Entry:
    """`refusal_seconds`: what every refusal takes at least; `sending`: mails that are under way."""

    desk: Desk
    auth: SignsIn
    gate: Opens
    tries: Tries
    refusal_seconds: float = 1.0
    sending: set[asyncio.Task[None]] = field(default_factory=set)

    def routes(self) -> Sequence[Route]:
        """Each with what all pages of the console keep to."""
        at = partial(door, self.desk)
        return (
            at("/enter", "GET", self._show),
            at("/enter", "POST", self._by_password),
            at("/enter/link", "POST", self._by_mail),
            at("/enter/confirm", "GET", self._arrived),
            at("/enter/confirm", "POST", self._by_link),
            at("/enter/code", "GET", self._asked),
            at("/enter/code", "POST", self._by_code),
            at("/enter/leave", "POST", self._leave),
        )

    async def close(self) -> None:
        """What is under way is given up."""
        for task in self.sending:
            task.cancel()
        await asyncio.gather(*self.sending, return_exceptions=True)

    async def _show(self, request: Request) -> Response:
        found = await self.gate.visitor(request)
        after = path(request.query_params.get("after", "/"))
        if found is None:
            return self._page(request, "sign_in.html.j2", after=after)
        session, person = found
        if person.tenants:
            return RedirectResponse(after, 303)
        return self.desk.alone(request, "nobody.html.j2", 403, person=person, token=session.token("form"))

    async def _by_password(self, request: Request) -> Response:
        begun = time.monotonic()
        form = await self._posted(request)
        email, after = _email(form), path(_text(form, "after"))
        again = partial(self._page, request, "sign_in.html.j2", after=after, email=email)
        if wait := await self.tries.wait(request, "password", email):
            return _later(again, wait)
        try:
            tokens = await self.auth.by_password(email, _text(form, "password")) if _is_address(email) else None
        except (Unauthorized, Rejected) as error:
            _explain(error)
            tokens = None
        except RateLimited:
            return _later(again, SPAN_SECONDS)
        if tokens is None:
            await asyncio.sleep(begun + self.refusal_seconds - time.monotonic())
            return again(status=401, problem="wrong")
        return await self._enter(request, tokens, after)

    async def _by_mail(self, request: Request) -> Response:
        """Whether somebody has that address is not told by how long it takes to send a mail, either."""
        form = await self._posted(request)
        email = _email(form)
        if wait := await self.tries.wait(request, "link", email):
            return _later(partial(self._page, request, "sign_in.html.j2", email=email), wait)
        if _is_address(email):
            task = asyncio.create_task(self._send(email, f"{self._base(request)}/enter/confirm"))
            self.sending.add(task)
            task.add_done_callback(self.sending.discard)
        return self.desk.refusal(request, 200, "sign_in.sent")

    def _base(self, request: Request) -> str:
        """Where a mailed link leads: what whoever asks for one calls this host must not stand in somebody's mail."""
        public = self.desk.control.settings.public_url
        return str(public).rstrip("/") if public else f"{request.url.scheme}://{request.url.netloc}"

    async def _send(self, email: str, back: str) -> None:
        try:
            await self.auth.mail_link(email, back)
        except (Unauthorized, Rejected) as error:
            if error.code in _OF_PROJECT:
                log.warning("no link was mailed: %s", error.message)
        except AgentctlError as error:
            log.warning("no link was mailed: %s", error.message)

    async def _arrived(self, request: Request) -> Response:
        """What looks at links in mails, as filters do, does not use them up: somebody has to say that they want in."""
        token_hash, kind = (request.query_params.get(name, "") for name in ("token_hash", "type"))
        if not token_hash or kind not in KINDS:
            return self.desk.refusal(request, 400, "sign_in.template")
        return self._page(request, "confirm.html.j2", token_hash=token_hash, kind=kind)

    async def _by_link(self, request: Request) -> Response:
        begun = time.monotonic()
        form = await self._posted(request)
        if await self.tries.wait(request, "confirm"):
            return self.desk.refusal(request, 429, "sign_in.often")
        kind = _text(form, "type")
        try:
            tokens = await self.auth.by_link(_text(form, "token_hash"), kind) if kind in KINDS else None
        except (Unauthorized, Rejected) as error:
            _explain(error)
            tokens = None
        except RateLimited:
            return self.desk.refusal(request, 429, "sign_in.often")
        if tokens is None:
            await asyncio.sleep(begun + self.refusal_seconds - time.monotonic())
            return self.desk.refusal(request, 401, "sign_in.used")
        return await self._enter(request, tokens, "/")

    async def _leave(self, request: Request) -> Response:
        """For whoever is in, and may see nothing."""
        found = await self.gate.visitor(request)
        if found is not None:
            await posted(request, found[0].token("form"))
            await self.gate.leave(request, found[0])
        return self.desk.refusal(request, 200, "sign_in.left")

    async def _enter(self, request: Request, tokens: Tokens, after: str) -> Response:
        """Whoever has a second factor has tokens now, and no session."""
        factors = await self.auth.factors(tokens.access)
        if factors and "totp" not in factors.values():
            return self.desk.refusal(request, 403, "sign_in.factor")
        if factors:
            self.gate.hold(request, tokens)
            return RedirectResponse(f"/enter/code?{urlencode({'after': after})}", 303)
        return await self._open(request, tokens, after)

    async def _asked(self, request: Request) -> Response:
        if read(cookies.tokens(request)) is None:
            return RedirectResponse("/enter", 303)
        return self._page(request, "code.html.j2", after=path(request.query_params.get("after", "/")))

    async def _by_code(self, request: Request) -> Response:
        begun = time.monotonic()
        form = await self._posted(request)
        held, after = read(cookies.tokens(request)), path(_text(form, "after"))
        if held is None or held.ends < time.time():
            return RedirectResponse("/enter", 303)
        again = partial(self._page, request, "code.html.j2", after=after)
        if wait := await self.tries.wait(request, "held"):
            return _later(again, wait)
        try:
            factors = await self.auth.factors(held.access)  # from here on it is theirs
            if wait := await self.tries.wait(request, "code", held.person):
                return _later(again, wait)
            factor = next((one for one, kind in factors.items() if kind == "totp"), "")
            code = "".join(_text(form, "code").split())
            tokens = await self.auth.by_code(held.access, factor, code) if factor and code.isdigit() else None
        except (Unauthorized, Rejected) as error:
            _explain(error)
            tokens = None
        except RateLimited:
            return _later(again, SPAN_SECONDS)
        if tokens is None:
            await asyncio.sleep(begun + self.refusal_seconds - time.monotonic())
            return again(status=401, problem="wrong")
        return await self._open(request, tokens, after)

    async def _open(self, request: Request, tokens: Tokens, after: str) -> Response:
        response = RedirectResponse(after, 303)
        await self.gate.enter(request, response, tokens)
        await self.tries.know(request, response, tokens.email)
        return response

    async def _posted(self, request: Request) -> FormData:
        known = cookies.visitor(request)
        return await posted(request, _token(known) if known else secrets.token_hex())

    def _page(
        self, request: Request, template: str, *, status: int = 200, problem: str = "", wait: int = 0, **values: str
    ) -> Response:
        known = cookies.visitor(request) or secrets.token_urlsafe(32)
        told = {"after": "/", "email": "", **values, "token": _token(known)}
        minutes = -(-wait // 60)
        response = self.desk.alone(request, template, status, problem=problem, minutes=minutes, **told)
        cookies.keep_visitor(response, request, known)
        return response


def _token(visitor: str) -> str:
    return Session(visitor, "").token("enter")


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _email(form: FormData) -> str:
    return _text(form, "email").strip()


def _is_address(text: str) -> bool:
    return "@" in text and len(text) <= _LONGEST


def _explain(error: Unauthorized | Rejected) -> None:
    """Raise it where it says nothing about an account."""
    if error.code in _OF_PROJECT:
        raise error


def _later(page: Callable[..., Response], seconds: int) -> Response:
    response = page(status=429, problem="often", wait=seconds)
    response.headers["retry-after"] = str(seconds)
    return response
