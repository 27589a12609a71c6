"""Sessions: a random id in a signed cookie, and a row that makes it revocable and good at every door.

The signature keeps made-up cookies from costing a look into the store; what a session may is never in the cookie.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from agentctl.calls.inbox import Store

_KNOWN_SECONDS = 10.0  # so long a session that another door has ended may go on here
_MOST_KNOWN = 4096


@dataclass(frozen=True)
class Session:
    """`id`: what the cookie proves, and never shown again; `person`: who opened it."""

    id: str = field(repr=False)
    person: str

    def token(self, purpose: str) -> str:
        """What only a page of this session can know: for its forms."""
        return hmac.new(self.id.encode(), purpose.encode(), hashlib.sha256).hexdigest()


@dataclass
class Sessions:
    """`store`: the server's own; `key` is asked for once."""

    store: Callable[[], Awaitable[Store]]
    clock: Callable[[], float] = time.monotonic
    _key: bytes = b""
    _known: dict[str, tuple[float, Session]] = field(default_factory=dict, repr=False)

    async def link(self) -> str:
        """A token by which one session can be opened, once. Raises StoreError."""
        token = secrets.token_urlsafe(32)
        await self._tell("open_session", token, person="operator", kind="link")
        return token

    async def enter(self, token: str, person: str) -> str | None:
        """The cookie of a new session, for whoever holds a link's token; None for one that was used or is no such.

        Raises StoreError.
        """
        ended = await self._tell("end_session", token, kind="link")
        return await self.open(person, "operator") if ended["ended"] else None

    async def open(self, person: str, kind: str) -> str:
        """The cookie of a new session. Raises StoreError."""
        identity = secrets.token_urlsafe(32)
        await self._tell("open_session", identity, person=person, kind=kind)
        return f"{identity}.{await self.seal(identity)}"

    async def find(self, cookie: str) -> Session | None:
        """The session of a cookie, as long as nobody has ended it and somebody uses it. Raises StoreError."""
        identity, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest((await self.seal(identity)).encode(), signature.encode()):
            return None
        now = self.clock()
        seen, known = self._known.get(identity, (now - 2 * _KNOWN_SECONDS, None))
        if known is not None and now - seen < _KNOWN_SECONDS:
            return known
        self._known.pop(identity, None)
        row = await self._tell("session", identity)
        if row is None:
            return None
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[identity] = (now, Session(identity, row["person"]))
        return self._known[identity][1]

    async def end(self, session: Session) -> None:
        """Nobody enters by it any more. Raises StoreError."""
        self._known.pop(session.id, None)
        await self._tell("end_session", session.id)

    async def seal(self, text: str) -> str:
        """What proves that one of our doors has written it. Raises StoreError."""
        if not self._key:
            self._key = bytes.fromhex((await (await self.store()).call("session_key", {}))["key"])
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    async def _tell(self, function: str, identity: str, **more: Any) -> Any:
        # Whoever reads the table cannot enter with what stands there.
        digest = hashlib.sha256(identity.encode()).hexdigest()
        return await (await self.store()).call(function, {"id_sha256": digest, **more})
