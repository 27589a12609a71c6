"""How often somebody may try to get in: counted by the store, for all doors.

What an account has in all is used up by strangers who guess from many addresses; it keeps them to few guesses, and must
not keep out whom the account is of. So a browser from which somebody got in before, as a sealed cookie proves, has
attempts of its own at that account (https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from agentctl.console import cookies
from agentctl.console.pace import Pace, pause
from agentctl.console.reached import Place
from agentctl.console.sessions import Sessions

SPAN_SECONDS = 600
_HOUR = 3600
# Of one address; of these, of one account, and so of a browser that is known there; of one account from all addresses
# that are not. As many at once, and as many again in each span: 60 guesses in the first hour. What is known to be of
# who has the password, as with a code, strangers cannot use up.
_PACES = {
    "password": (Pace(30, SPAN_SECONDS), Pace(10, SPAN_SECONDS), Pace(30, _HOUR)),
    "link": (Pace(10, SPAN_SECONDS), Pace(3, SPAN_SECONDS), Pace(6, SPAN_SECONDS)),
    "confirm": (Pace(30, SPAN_SECONDS),),
    "held": (Pace(30, SPAN_SECONDS),),
    "code": (Pace(30, SPAN_SECONDS), Pace(10, SPAN_SECONDS), Pace(10, SPAN_SECONDS)),
}


@dataclass
class Tries:
    """`clock`: seconds since 1970."""

    place: Place
    sessions: Sessions
    clock: Callable[[], float] = time.time

    async def wait(self, request: Request, what: str, account: str = "") -> int:
        """In how many seconds it may be tried again; 0: it may be tried. Raises StoreError."""
        of_address, *of_account = _PACES[what]
        whence, whose = f"from:{self.place.whence(request)}", f"as:{account.casefold()}"
        paces = [(f"console:{what}:{whence}", of_address)]
        if account and (device := await self._device(request, account)):
            paces.append((f"console:{what}:at:{device}", of_account[0]))
        elif account:
            keys = (f"console:{what}:{whence}:{whose}", f"console:{what}:{whose}")
            paces += zip(keys, of_account, strict=True)
        return await pause(await self.sessions.store(), paces)

    async def know(self, request: Request, response: Response, account: str) -> None:
        """Somebody got into that account from this browser. Raises StoreError."""
        name = f"{int(self.clock())}-{secrets.token_hex(16)}"
        cookies.keep_device(response, request, f"{name}.{await self._seal(name, account)}")

    async def _device(self, request: Request, account: str) -> str:
        """By what a browser is known there; empty for one that is not."""
        name, _, seal = cookies.device(request).rpartition(".")
        genuine = await self._seal(name, account)
        if not hmac.compare_digest(genuine.encode(), seal.encode()):
            return ""
        made = int(name.partition("-")[0])
        return name if self.clock() - made < cookies.DEVICE_SECONDS else ""

    async def _seal(self, name: str, account: str) -> str:
        whose = hashlib.sha256(account.casefold().encode()).hexdigest()  # so that no part of the one ends in the other
        return await self.sessions.seal(f"device {name} {whose}")
