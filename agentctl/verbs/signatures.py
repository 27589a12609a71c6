"""The secrets that deliveries may be signed with, as they are now: the project's, and those of tenants' workspaces."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import overload

from pydantic import SecretStr

from agentctl.errors import StoreError
from agentctl.wiring import Control

log = logging.getLogger(__name__)

AGAIN_SECONDS = 30.0  # until a new tenant's deliveries are taken, or a secret that was replaced
_SOON_SECONDS = 2.0  # while the store has told nothing
_FIRST_SECONDS = 1.0
MOST = 100  # each delivery is compared with all of them, which takes as long for one that is nobody's


class Signatures(Sequence[SecretStr]):
    """All of them: the project's from the first, the others once the store has told whose there are."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._known: tuple[SecretStr, ...] = control.settings.elevenlabs_webhook_secret
        self._told: tuple[str, ...] = ()
        self._looked = asyncio.Event()
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

    async def look(self) -> None:
        """Know them as they are now; while the store is away, as they were."""
        try:
            tenants = await self._control.tenants()
        except StoreError:
            return
        self._known, self.complete = tuple(tenants.signatures[:MOST]), True
        troubles = [one for one in tenants.apart if "elevenlabs_webhook_secret" in one.troubles]
        told = tuple(one.troubles["elevenlabs_webhook_secret"].message for one in troubles)
        if len(tenants.signatures) > MOST:
            told += (f"{len(tenants.signatures)} workspaces sign deliveries, and those of {MOST} are taken here",)
        for what in told if told != self._told else ():
            log.error("deliveries are refused: %s", what)
        self._told = told

    async def _keep(self) -> None:
        while True:
            await self.look()
            self._looked.set()
            await asyncio.sleep(AGAIN_SECONDS if self.complete else _SOON_SECONDS)
