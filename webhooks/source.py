"""Where a delivery comes from, and whether it may. Pure: addresses in, a verdict out.

ElevenLabs publishes the addresses that its webhooks come from
(https://elevenlabs.io/docs/agents-platform/workflows/post-call-webhooks). They only narrow what a signature decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

HEADER = "X-Forwarded-For"

# Some proxies write an address as an authority: with a port, and IPv6 in brackets.
_HOST = re.compile(r"^(?:\[([^]]*)\]|([^:]*))(?::\d{1,5})?$")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Sources:
    """The networks that may deliver (none named: all), and those of the proxies whose word on that is taken."""

    allowed: Sequence[Network] = ()
    proxies: Sequence[Network] = ()

    def admit(self, peer: str | None, forwarded: Sequence[str]) -> bool:
        """Whether a request may pass that `peer` made, with these values of X-Forwarded-For."""
        if not self.allowed:
            return True
        found = self.source(peer, forwarded)
        return found is not None and _within(found, self.allowed)

    def trusts(self, peer: str | None) -> bool:
        """Whether `peer` is one of those proxies."""
        found = _address(peer or "")
        return found is not None and _within(found, self.proxies)

    def source(self, peer: str | None, forwarded: Sequence[str]) -> Address | None:
        """Who made it: the last one that no trusted proxy is, or None where that is not told as an address.

        Each proxy adds at the right whom it was asked by; what stands further left, anybody could have written.
        """
        hops = [hop for value in forwarded for hop in value.split(",")]
        found = _address(peer or "")
        while found is not None and hops and _within(found, self.proxies):
            found = _address(_HOST.sub(r"\1\2", hops.pop().strip()))
        return found


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    # An IPv4 peer of a socket that takes both kinds.
    return getattr(found, "ipv4_mapped", None) or found
