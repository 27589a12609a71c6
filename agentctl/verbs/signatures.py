"""The secrets that deliveries may be signed with, as they are now: the project's, and those of tenants' workspaces."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import overload

from pydantic import SecretStr

from agentctl.errors import StoreError
from agentctl.tenants import Tenants
from agentctl.wiring import Control

log = logging.getLogger(__name__)

AGAIN_SECONDS = 30.0  # until it is noticed that a secret is gone; a new one is looked for when it is met
_SOON_SECONDS = 2.0  # while the store has told nothing
_FIRST_SECONDS = 1.0
_SETTING = "elevenlabs_webhook_secret"
MOST = 100  # each delivery is compared with all of them, which takes as long for one that is nobody's


class Signatures(Sequence[SecretStr]):
    """All of them: the project's from the first, the others once the store has told whose there are.

    `complete`: whether the last look could read every one, so that what is signed with another is nobody's.
    """

    def __init__(self, control: Control, *, apart_seconds: float = 1.0) -> None:
        """`apart_seconds`: between two looks that are taken because somebody's signature is not known."""
        self._control = control
        self._apart = apart_seconds
        self._known: tuple[SecretStr, ...] = control.settings.elevenlabs_webhook_secret
        self._places: Mapping[str, tuple[SecretStr, ...]] = {}
        # Also of those that are no longer taken: a body may be under way when its secret goes.
        self._whose: dict[SecretStr, tuple[str, ...]] = dict.fromkeys(self._known, ("",))
        self._told: tuple[str, ...] = ()
        self._looked = asyncio.Event()
        self._looking = asyncio.Lock()
        self._began = self._seen = float("-inf")
        self.complete = False

    async def begin(self) -> None:
        """Know them, and know of each change, as long as the control is open; a store that is away is not waited for.

        Until it has told, what nobody is known to have signed is to be sent again: a delivery that meets a 503 is, and
        one that meets a 401 never is.
        """
        self._control.beside(self._keep())
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_SECONDS):
                await self._looked.wait()

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[SecretStr]:
        return iter(self._known)

    @overload
    def __getitem__(self, at: int) -> SecretStr: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[SecretStr, ...]: ...
    def __getitem__(self, at: int | slice) -> SecretStr | tuple[SecretStr, ...]:
        return self._known[at]

    def signers(self, signed: Sequence[SecretStr]) -> tuple[str, ...]:
        """The tenants in whose workspaces these are the secrets; none where one of them is the project's."""
        whose = {one for secret in signed for one in self._whose[secret]}
        return () if "" in whose else tuple(sorted(whose))

    async def renewed(self) -> bool:
        """Look again, and tell whether these are all. Who asks meanwhile shares the next look."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with self._looking:
            if self._seen < asked:
                await asyncio.sleep(max(0, self._began + self._apart - loop.time()))
                await self._look()
            return self.complete

    async def look(self) -> bool:
        """Know them as they are now; while the store is away, as they were. The answer is whether it was there."""
        async with self._looking:
            return await self._look()

    async def _look(self) -> bool:
        self._began = began = asyncio.get_running_loop().time()
        try:
            tenants = await self._control.tenants()
        except StoreError:
            self.complete = False
            return False
        self._take(tenants)
        self._seen = began
        return True

    def _take(self, tenants: Tenants) -> None:
        unread = {one.workspace: one.troubles[_SETTING] for one in tenants.apart if _SETTING in one.troubles}
        # What cannot be read was not taken back: somebody may be at work on the file where it stands.
        kept = {name: self._places.get(name, ()) for name in unread}
        self._places = {**tenants.signatures, **kept}
        whose: dict[SecretStr, tuple[str, ...]] = {}
        for name, secrets in self._places.items():
            for secret in secrets:
                whose[secret] = (*whose.get(secret, ()), name)
        self._known = tuple(whose)[:MOST]
        self._whose |= whose
        self.complete = not unread and len(whose) <= MOST
        told = [f"{one.message}{'; the last one known is taken' * bool(kept[name])}" for name, one in unread.items()]
        if len(whose) > MOST:
            told.append(f"there are {len(whose)} secrets that sign deliveries, and {MOST} of them are taken here")
        for what in told if tuple(told) != self._told else ():
            log.error("deliveries may be refused: %s", what)
        self._told = tuple(told)

    async def _keep(self) -> None:
        while True:
            told = await self.look()
            self._looked.set()
            await asyncio.sleep(AGAIN_SECONDS if told else _SOON_SECONDS)
