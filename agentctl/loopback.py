"""This machine, by any of its names: what is sent to it never leaves it."""

from __future__ import annotations

import ipaddress
from typing import Protocol


class Address(Protocol):
    """Of a server, as settings have it."""

    @property
    def scheme(self) -> str: ...

    @property
    def host(self) -> str | None: ...


def is_loopback(host: str) -> bool:
    """Whether a host's name or address, in brackets or not, is this machine's own; names below `localhost` are
    (RFC 6761, 6.3).
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def in_clear(url: Address) -> bool:
    """Whether others could read what is sent there."""
    return url.scheme != "https" and not is_loopback(url.host or "")
