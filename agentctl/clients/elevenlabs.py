"""ElevenLabs' REST API as raw JSON: paths, retries, and one clear error for every way it can fail.

Why the `elevenlabs` SDK is not the transport (2.78, each point measured): it repeats POST on 408, 409, 429 and 5xx, so
that two 502s dial a phone three times; it drops form fields when it repeats an upload; it does not quote ids, so that
"../secrets/x" reaches another resource; it ignores ELEVENLABS_BASE_URL; its debug log shows the key; loading it costs
up to two seconds. It serves where it is the best source: clients/lint.py reads its type models.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from agentctl.clients.connections import Connections
from agentctl.clients.detail import detail, places, request_id
from agentctl.clients.guard import may_be_sent
from agentctl.clients.observed import observed
from agentctl.clients.pace import CONCURRENCY, Pace, Turn
from agentctl.clients.refusal import clean, json_of, moved, not_json, refused
from agentctl.clients.retry import Retry, lost
from agentctl.errors import ConfigurationError, Problem, Rejected, Unreachable
from agentctl.resources.answer import odd
from agentctl.resources.shapes import must_be_as_told
from agentctl.secrecy.secret import secrets
from agentctl.secrecy.veil import NEARBY, Veil

Files = Mapping[str, tuple[str, bytes, str]]

# Seconds. Connecting works at once or not at all; a large agent is checked for a while; uploads are read and parsed.
_TIMEOUT = {"timeout": httpx.Timeout(30, connect=5).as_dict()}
_UPLOAD_TIMEOUT = {"timeout": httpx.Timeout(120, connect=5).as_dict()}
_PAGE_SIZE = 100  # the spec's maximum
_ID = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]+", re.ASCII)
_PLACE = re.compile(r"\{([a-z_]+)\}")


class ElevenLabs:
    """One workspace: a host and a key. Use as an async context manager, or call `aclose`.

    Paths are templates, `get("/v1/convai/agents/{agent_id}", agent_id=…)`, and name the request in errors. Params that
    are None are left out, lists repeat. Every method raises Unauthorized, NotFound, RateLimited, Rejected or ApiError
    when the platform refuses, Unreachable when no usable answer came, and `post` AnswerLost when it may have worked.
    Before each attempt of whatever is no GET, the guards (`clients.guard`) are asked, and what they raise is raised.
    `key_name` is the variable that errors blame for the key; `veil` knows what else no error may repeat;
    `tell` hears of a pause that the host asks for.
    """

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        retry: Retry | None = None,
        concurrency: int = CONCURRENCY,
        key_name: str = "ELEVENLABS_API_KEY",
        veil: Veil | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        key = api_key.get_secret_value()
        if not _KEY.fullmatch(key):
            # Sent as it is, it would come back inside the HTTP library's own error.
            raise ConfigurationError(
                [Problem(key_name, "holds a space, a line break or another character that no key has")],
                hint="Copy the key again, without quotes.",
            )
        url = httpx.URL(base_url)
        self.host = f"{url.host}:{url.port}" if url.port else url.host
        self.requests = 0
        self._base = str(url).rstrip("/")
        self._key = api_key
        self._key_name = key_name
        self._veil = veil or Veil()
        self._veil.add(api_key)
        self._retry = retry or Retry()
        asked = f"{self.host} asks for a pause (Retry-After); going on in {{:.0f}} s"
        self._pace = Pace(concurrency, sleep=self._retry.sleep, on_close=lambda long: tell(asked.format(long)))
        self._headers = {"accept": "application/json", "accept-encoding": "gzip, deflate", "user-agent": "agentctl"}
        # Not through httpx.AsyncClient: nothing of what it adds is wanted here, cookies and redirects least of all.
        self._transport = transport or Connections(url)

    def __repr__(self) -> str:
        return f"ElevenLabs({self.host})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> Any:
        """The JSON object at `path`, or the list where the platform answers a bare one (v1 phone numbers)."""
        return self._json("GET", path, await self._send("GET", path, ids, params=params))

    async def get_bytes(self, path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> tuple[bytes, str]:
        """The content at `path` (a recording, say) and its media type."""
        answer = await self._send("GET", path, ids, params=params, headers={"accept": "*/*"})
        return answer.content, answer.headers.get("content-type", "application/octet-stream").partition(";")[0].strip()

    async def post(
        self,
        path: str,
        *,
        json: object = None,
        files: Files | None = None,
        data: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        **ids: str,
    ) -> dict[str, Any]:
        """Make something. Sent again only when it certainly did not happen; AnswerLost when nobody knows."""
        answer = await self._send("POST", path, ids, params=params, json=json, files=files, data=data)
        return self._object("POST", path, answer)

    async def post_repeatable(self, path: str, **ids: str) -> dict[str, Any]:
        """Have something done that done twice is as done once: sent again as a GET is, and no answer is lost."""
        return self._object("POST", path, await self._send("POST", path, ids, repeatable=True))

    async def patch(
        self,
        path: str,
        *,
        json: object = None,
        files: Files | None = None,
        data: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        once: bool = False,
        **ids: str,
    ) -> dict[str, Any]:
        """Set something, and the object as the platform now has it (an empty dict if it answers nothing).

        `once`: sent again only when it certainly did not happen, like a POST.
        """
        content: dict[str, Any] = {"json": json, "files": files, "data": data, "repeatable": not once}
        answer = await self._send("PATCH", path, ids, params=params, **content)
        return self._object("PATCH", path, answer)

    async def put(
        self,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, Any] | None = None,
        once: bool = False,
        **ids: str,
    ) -> dict[str, Any]:
        """Replace something as a whole, and the object as the platform now has it. `once`: as of `patch`."""
        answer = await self._send("PUT", path, ids, params=params, json=json, repeatable=not once)
        return self._object("PUT", path, answer)

    async def delete(self, path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> None:
        """Delete something. NotFound only from the first attempt: after a lost answer, "gone" is what was wanted."""
        await self._send("DELETE", path, ids, params=params)

    async def pages(
        self, path: str, *, items: str, params: Mapping[str, Any] | None = None, **ids: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Every entry of the list `items` on all cursor pages of `path`.

        A list that ends early would make us create what exists already; so a page that lacks its list or its cursor,
        or a cursor that comes twice, is an ApiError and never the end.
        """
        seen: set[str] = set()
        cursor: str | None = None
        # Page after page in the place of the first one: behind all that waits, each would take as long as the rest.
        turn = self._pace.turn()
        while True:
            query = {"page_size": _PAGE_SIZE, **(params or {}), "cursor": cursor}
            page = self._json("GET", path, await self._send("GET", path, ids, params=query, turn=turn))
            entries = page.get(items) if isinstance(page, dict) else None
            if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
                raise odd(f"GET {path}", f"the answer has no list {items!r} of objects")
            for entry in entries:
                yield entry
            cursor = page.get("next_cursor")
            if not page.get("has_more", bool(cursor)):
                return
            if not isinstance(cursor, str) or not cursor or cursor in seen:
                raise odd(f"GET {path}", "the pages do not end: a cursor is missing or came twice")
            seen.add(cursor)

    async def _send(
        self,
        method: str,
        path: str,
        ids: Mapping[str, str],
        *,
        params: Mapping[str, Any] | None = None,
        turn: Turn | None = None,
        repeatable: bool | None = None,
        **content: Any,
    ) -> httpx.Response:
        what = f"{method} {path}"
        url = self._base + _filled(what, path, ids)
        query = {name: value for name, value in (params or {}).items() if value is not None}
        extensions = _UPLOAD_TIMEOUT if content.get("files") else _TIMEOUT
        repeatable = method != "POST" if repeatable is None else repeatable
        attempts = 0

        async def attempt() -> httpx.Response:
            nonlocal attempts
            # Built anew each time: a body that was half read is not sent as the rest.
            how = {**extensions, **await may_be_sent(method)}
            request = self._request(what, method, url, params=query or None, extensions=how, **content)
            attempts += 1
            self.requests += 1
            return await observed(what, request, self._transport, host=self.host, resent=attempts - 1)

        turn = turn or self._pace.turn()
        answer = await self._retry.run(attempt, what=what, host=self.host, repeatable=repeatable, turn=turn)
        if not answer.is_success and not (method == "DELETE" and answer.status_code == 404 and attempts > 1):
            sent = [*secrets(content.get("json"))]
            self._veil.add(*sent)  # A refusal may quote what it refuses.
            self._raise(what, repeatable, answer, Veil(*sent, shortest=NEARBY))
        return answer

    def _request(
        self, what: str, method: str, url: str, *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Request:
        try:
            key = {"xi-api-key": self._key.get_secret_value()}
            return httpx.Request(method, url, headers={**key, **self._headers, **(headers or {})}, **content)
        except (TypeError, ValueError) as error:
            # TOML knows dates, nan and inf; JSON does not.
            raise Rejected(f"{what}: the body cannot be written as JSON: {clean(error, self._veil)}") from None

    def _object(self, method: str, path: str, answer: httpx.Response) -> dict[str, Any]:
        if not answer.content:
            return {}
        result: dict[str, Any] | None = self._json(method, path, answer, null=True)
        return result or {}

    def _json(self, method: str, path: str, answer: httpx.Response, *, null: bool = False) -> Any:
        what = f"{method} {path}"
        try:
            body = json_of(answer)
        except ValueError:
            raise not_json(what, answer, self.host, "ELEVENLABS_BASE_URL", self._veil) from None
        if not (null and body is None):
            must_be_as_told(what, body)
        return body

    def _raise(self, what: str, repeatable: bool, answer: httpx.Response, quoted: Veil) -> None:
        status = answer.status_code
        if 300 <= status < 400:
            raise moved(what, answer, self.host, "ELEVENLABS_BASE_URL", self._veil)
        code, said = detail(answer)
        said, named = clean(quoted(str(said)), self._veil), clean(request_id(answer), self._veil)
        if status >= 500:
            parts = (f"{status} from {self.host}", f"({said})" if said else "", f"[request {named}]" if named else "")
            reason = " ".join(part for part in parts if part)
            if not repeatable:
                raise lost(what, reason)
            raise Unreachable(f"{what}: {reason}", "ElevenLabs had trouble; running the same again is safe.")
        if code is None and status not in (413, 429):
            # Another server's 404 must not read as "this agent is gone", which would have it made a second time.
            raise not_json(what, answer, self.host, "ELEVENLABS_BASE_URL", self._veil)
        raise refused(
            what,
            status,
            said,
            self._hint(status, code or "", said),
            code=clean(code or "", self._veil),
            request_id=named,
            places=places(answer),
        )

    def _hint(self, status: int, code: str, said: str) -> str:
        if status not in (401, 403):
            return ""
        if "permission" in f"{code} {said}".lower():
            return "The key lacks a permission: give it convai_read, convai_write, webhooks_write and voices_read."
        return f"Check {self._key_name}, and that it was made on {self.host}: each residency host has keys of its own."


def _filled(what: str, path: str, ids: Mapping[str, str]) -> str:
    def place(match: re.Match[str]) -> str:
        name = match.group(1)
        value = ids.get(name)
        if not isinstance(value, str) or not _ID.fullmatch(value):
            shown = clean(repr(value)[:80])
            raise Rejected(f"{what}: {shown} is no {name}: an id is made of letters, digits, - and _")
        return quote(value, safe="")

    return _PLACE.sub(place, path)
