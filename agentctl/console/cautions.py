"""What whoever serves the console for a team should know before people sign in."""

from __future__ import annotations

from collections.abc import Iterator

from agentctl.loopback import in_clear, is_loopback
from agentctl.settings import Settings


def cautions(settings: Settings, host: str) -> Iterator[str]:
    """What keeps people from signing in at a console that is served at `host`, or lets others listen."""
    public = settings.public_url
    if public is None:
        yield "the console answers to this machine alone: set PUBLIC_URL to where people reach it."
    elif in_clear(public):
        yield "PUBLIC_URL begins with http://: passwords would travel in the clear."
    if not is_loopback(host) and not settings.trusted_proxies:
        yield "TRUSTED_PROXIES is not set: behind a proxy, all who sign in count as one address."
