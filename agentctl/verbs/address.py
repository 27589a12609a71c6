"""Numbers and web addresses as a person types them: each wrong one is answered with what was probably meant."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from agentctl.errors import UsageError
from agentctl.loopback import is_loopback
from agentctl.resources.assistant import E164
from agentctl.secrecy.secret import masked, secrets
from agentctl.settings import ELEVENLABS_HOSTS
from webhooks.address import PATH as DOOR_PATH


def need_e164(number: str) -> None:
    """Raise UsageError unless `number` is in E.164 form."""
    if E164.fullmatch(number):
        return
    guess = re.sub(r"^00", "+", re.sub(r"[^0-9+]", "", number.replace("(0)", "")))
    hint = f"Did you mean {guess}?" if E164.fullmatch(guess) else "Write it with + and country code: +498999998100."
    raise UsageError(f"{number!r} is not a number in E.164 form", hint)


def need_web_url(name: str, url: str) -> str:
    """The host of an http(s) address. Raises UsageError for anything else; `name` is the option it was given for."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.port != 0
        host = parts.hostname or ""
    except ValueError:
        usable, host = False, ""
    if not usable or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{name}: {masked(url)!r} is not a web address", "Write it like https://example.org/path.")
    return host


def need_open_url(name: str, url: str, hint: str) -> None:
    """Raise UsageError where a secret stands in `url`, which is to be printed; `hint` says what to do about it."""
    if any(secrets(url)):
        raise UsageError(f"{name}: {masked(url)} holds a secret, and is to be printed", hint)


def need_root_url(name: str, url: str) -> None:
    """Raise UsageError unless `url` can be printed, and paths of ours can follow it."""
    host = need_web_url(name, url)
    need_open_url(name, url, "Leave it out: agentctl serve asks for none.")
    if "?" in url or "#" in url or "@" in urlsplit(url).netloc:
        what = f"{name}: the address at {host} must have neither a user nor a query nor a #fragment"
        raise UsageError(what, f"A path is to follow it: write it like https://{host}/path.")


def need_webhook_url(url: str, platform_url: str) -> None:
    """Raise UsageError unless the platform can deliver to `url`: https, or http on this machine for a sandbox."""
    host = need_web_url("URL", url)
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment:
        raise UsageError(
            f"URL: {url.replace(parts.netloc, host)} must carry neither a password nor a #fragment",
            "The signature is what proves where a delivery comes from.",
        )
    if is_loopback(host):
        if platform_url.rstrip("/") in ELEVENLABS_HOSTS:
            raise UsageError(
                f"URL: {platform_url.rstrip('/')} cannot reach {host}: that is this machine only",
                f"Give the public address that leads to the door: https://…{DOOR_PATH}. agentctl up works without one.",
            )
    elif parts.scheme != "https":
        raise UsageError(
            "URL: must begin with https://", "Transcripts travel over it; http works for this machine only."
        )
