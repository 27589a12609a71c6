"""What a person tells one remote object from another by, where several claim to be the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_SHOWN = 3  # users by name


def described(name: object, made: object, *more: str) -> str:
    """The name as the dashboard shows it, when it was made (`made`: seconds since 1970), and what else is known."""
    shown = [repr(str(name)[:80])] if name else []
    # 0 is what the platform gives where it does not know.
    if isinstance(made, int | float) and made > 0:
        shown.append(f"made {datetime.fromtimestamp(made, UTC):%Y-%m-%d %H:%M:%S} UTC")
    return ", ".join([*shown, *filter(None, more)])


def agent_described(seen: Mapping[str, Any]) -> str:
    """The same of an agent, or of its entry in a list, which has less."""
    made = (seen.get("metadata") or seen).get("created_at_unix_secs")
    archived = (seen.get("platform_settings") or seen).get("archived")
    numbers = ", ".join(str(one.get("phone_number")) for one in seen.get("phone_numbers") or ())
    more = ("archived" if archived else "", f"{numbers} rings there" if numbers else "")
    return described(seen.get("name"), made, *more)


def document_described(seen: Mapping[str, Any]) -> str:
    """The same of a knowledge document; who uses it is told by a list alone."""
    made, users = (seen.get("metadata") or {}).get("created_at_unix_secs"), seen.get("dependent_agents")
    names = [f"{str(one.get('name') or 'unknown')[:80]!r} ({one.get('id')})" for one in users or ()]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    used = f"used by agent {', '.join(names[:_SHOWN])}{more}" if names else "used by nobody"
    return described(seen.get("name"), made, "" if users is None else used)
