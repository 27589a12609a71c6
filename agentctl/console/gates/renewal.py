"""A person's tokens, as their browser keeps them, and new ones before they end.

They are exchanged once: several tabs that ask at once wait for one another, and whoever comes with the old ones later,
which nobody else can have, is given the new. Between several doors Supabase Auth sees to it, which gives the same new
token for the same old one as long as the new one is not used up itself: so nothing is exchanged whose answer no browser
can keep.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary

from agentctl.clients.auth import Tokens
from agentctl.errors import RateLimited, Rejected, Unauthorized, Unreachable

_SPARE_SECONDS = 90.0  # before its end a token is exchanged
_LAST_SECONDS = 30.0  # and until then used, where none other can be had
_MOST = 4096


class Renews(Protocol):
    """Supabase Auth, as far as tokens are exchanged."""

    async def again(self, refresh: str) -> Tokens: ...


@dataclass
class _Exchanged:
    """`tokens`: the newest of a session; `used`: the refresh tokens that these and those before were given for."""

    tokens: Tokens
    used: set[str]


@dataclass
class Renewal:
    """`clock`: seconds since 1970."""

    auth: Renews
    clock: Callable[[], float] = time.time
    _new: dict[str, _Exchanged] = field(default_factory=dict, repr=False)
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary, repr=False)

    async def of(self, session: str, held: Tokens, *, refused: bool = False) -> Tokens | None:
        """Tokens that are good for a while, of whoever holds `held` in that session; None: they are signed out.

        `refused`: the database did not take `held`. Raises ApiError and Unreachable.
        """
        lock = self._locks.setdefault(session, asyncio.Lock())
        async with lock:
            known = self._new.get(session)
            used = known.used if known is not None else set()
            last = known.tokens if known is not None and held.refresh in used else held
            if self.good(last) and not (refused and last == held):
                return last
            try:
                new = await self.auth.again(last.refresh)
            except (Unauthorized, Rejected):
                return None
            except (Unreachable, RateLimited):
                if last.ends - self.clock() > _LAST_SECONDS and not refused:
                    return last
                raise
            if new.person != held.person:
                return None
            if len(self._new) >= _MOST:
                self._new.clear()
            self._new[session] = _Exchanged(new, used | {last.refresh})
            return new

    def good(self, tokens: Tokens) -> bool:
        """Whether they last for a while."""
        return tokens.ends - self.clock() > _SPARE_SECONDS

    def forget(self, session: str) -> None:
        """It is over."""
        self._new.pop(session, None)


def written(tokens: Tokens) -> str:
    """As a cookie holds them."""
    return f"{tokens.access}~{tokens.refresh}"


def read(cookie: str) -> Tokens | None:
    """None for what are none."""
    access, _, refresh = cookie.partition("~")
    try:
        return Tokens.of(access, refresh)
    except ValueError:
        return None
