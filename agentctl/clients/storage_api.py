"""Requests to Supabase Storage: the headers of a key, its refusals, and what they mean here.

Most refusals come with the status 400, and their own in the body's `statusCode`. Source: supabase/storage,
src/http/error-handler.ts and src/internal/errors/codes.ts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

from agentctl.clients.project_key import ProjectKey
from agentctl.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    import httpx

_TIMEOUT = 60.0  # seconds without a byte; the whole has the deadline of the work that it belongs to
_CONNECTING = 10.0  # seconds; whoever waits for Storage holds up calls that wait for a worker
Shape = TypeVar("Shape")
_REMEDY = "Check SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY."
_LATER = {401, 403, 409, 423, 429}  # with another key, or when whoever holds it lets go, the same is taken


class StorageRefusal(Exception):
    """Storage's own word: a status, and its message, which may quote what was sent and is for no reader."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status)
        self.status = status
        self.message = message

    @property
    def passes(self) -> bool:
        """Whether the same is taken later. A redirect is a gateway's, which has something else in Storage's place."""
        return self.status >= 500 or self.status < 400 or self.status in _LATER

    @property
    def no_bucket(self) -> bool:
        """The bucket is not there. A path in one that is there is another 404."""
        return "bucket not found" in self.message.lower()


class StorageApi:
    """One project's Storage; `project` is what tells it from others: its host, with the port if that is a special one.

    Raises ConfigurationError for a key that may not use it.
    """

    def __init__(self, url: str, key: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.url = f"{url.rstrip('/')}/storage/v1/"
        there = urlsplit(url.rstrip("/"))
        self.project = quote(there.netloc.rpartition("@")[2].lower() + there.path, safe=":[]")
        self._headers = ProjectKey(key).headers
        self._transport = transport

    @asynccontextmanager
    async def session(self, what: str) -> AsyncIterator[Session]:
        """Connections for one piece of work; `what` names it in errors. Raises StoreError, StoreUnavailable."""
        import httpx

        from agentctl.clients.refusal import trusts_proxy
        from agentctl.clients.trust import trusted

        proxied = trusts_proxy(httpx.URL(self.url).host)
        try:
            # A redirect would take the key elsewhere.
            async with httpx.AsyncClient(
                base_url=self.url,
                headers=self._headers,
                timeout=httpx.Timeout(_TIMEOUT, connect=_CONNECTING),
                transport=self._transport,
                verify=trusted(),
                trust_env=proxied,
                follow_redirects=False,
            ) as http:
                yield Session(http)
        except StorageRefusal as refusal:
            raise (StoreUnavailable if refusal.passes else StoreError)(
                f"Supabase Storage refused {what} ({refusal.status})", _hint(refusal.status)
            ) from None
        except httpx.HTTPError as error:
            raise StoreUnavailable(f"Supabase Storage cannot be reached ({type(error).__name__})", _REMEDY) from None


class Session:
    """Requests of one piece of work. Each raises StorageRefusal and httpx.HTTPError."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(
        self, method: str, path: str, *, body: Any = None, content: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """One request, `body` as JSON or `content` as it is; `path` below /storage/v1/."""
        answer = await self._http.request(method, path, json=body, content=content, headers=headers)
        _checked(answer)
        return answer

    async def json(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The object that the server answers."""
        return _read(await self.send(method, path, body=body), dict)

    async def remove(self, bucket: str, paths: Sequence[str]) -> set[str]:
        """Which of these objects there were. The bucket as it stands in an address, paths as they are."""
        answer = await self.send("DELETE", f"object/{bucket}", body={"prefixes": list(paths)})
        try:
            return {str(one["name"]) for one in _read(answer, list)}
        except (KeyError, TypeError):
            raise StorageRefusal(502, "an object without a name") from None

    async def size(self, bucket: str, path: str) -> int | None:
        """How many bytes an object has; None where there is none. Both names as they stand in an address."""
        try:
            found = (await self.json("GET", f"object/info/{bucket}/{path}")).get("size")
        except StorageRefusal as refusal:
            if refusal.status != 404:
                raise
            return None
        if not isinstance(found, int):
            raise StorageRefusal(502, "an object without a size")
        return found

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        """An object, piece by piece."""
        async with self._http.stream("GET", path) as answer:
            if not answer.is_success:
                await answer.aread()
                _checked(answer)
            async for piece in answer.aiter_bytes():
                yield piece


def _read(answer: httpx.Response, shape: type[Shape]) -> Shape:
    """What was answered, which is no such thing where something else answers in Storage's place, or is cut off."""
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, shape):
        raise StorageRefusal(502, "no JSON of that shape")
    return found


def _checked(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        told = answer.json()
        raise StorageRefusal(int(told["statusCode"]), str(told.get("message", "")))
    except (ValueError, KeyError, TypeError):  # a gateway's page, or the plain text of a resumable upload
        raise StorageRefusal(answer.status_code, answer.text[:200]) from None


def _hint(status: int) -> str:
    if status == 413:
        return "Raise the file size limit of the bucket, and of the project (its settings, Storage)."
    if status == 415:
        return "Let the bucket take audio/mpeg, audio/wav and audio/ogg."
    return _REMEDY
