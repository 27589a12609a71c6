"""Which of the stored assistants are those that a page is about: one store may have several environments in it, and
projects, and workspaces where a tenant lived before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from agentctl.console.visit import Visit

_APART = ("project", "environment", "workspace")  # what an address may name where nothing says which of them is served


async def living(visit: Visit, place: Mapping[str, str]) -> list[dict[str, Any]]:
    """The tenant's assistants that are at `place`, or nowhere yet; of these what the address names. Raises StoreError.

    Several have one key where it is not known what is served; `apart` is then what an address has to name.
    """
    known = await visit.ask("assistants", {"zone": str(visit.zone)})
    found = [one for one in known if _is_at(one, place)]
    many, asked = Counter(one["key"] for one in found), visit.request.query_params
    told = [
        {**one, "apart": {name: one[name] for name in _APART if one[name] and many[one["key"]] > 1}} for one in found
    ]
    return [one for one in told if _is_at(one, {name: asked[name] for name in _APART if name in asked})]


def _is_at(one: Mapping[str, Any], place: Mapping[str, str]) -> bool:
    return all(one[name] in (None, told) for name, told in place.items())
