"""Which of the stored assistants are those that a page is about: one store may have several environments in it, and
projects, and workspaces where a tenant lived before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from agentctl.calls.tenant import OPERATOR
from agentctl.console.visit import Visit

_APART = ("project", "environment", "workspace")  # what an address may name where nothing says which of them is served


async def living(visit: Visit, place: Mapping[str, str]) -> list[dict[str, Any]]:
    """The tenant's assistants that are at `place`, or nowhere yet; of these what the address names. Raises StoreError.

    Several have one key where it is not known what is served; `apart` is then what an address has to name. A workspace
    may be called after the tenant that it is of: whoever shared it reads its number among those of theirs.
    """
    known = await visit.ask("assistants", {"zone": str(visit.zone)})
    workspaces = sorted({one["workspace"] for one in known} - {None})
    told = {one: one if visit.tenant == OPERATOR else str(at) for at, one in enumerate(workspaces, 1)}
    found = [one for one in known if _is_at(one, place)]
    many, asked = Counter(one["key"] for one in found), visit.request.query_params
    wanted = {name: asked[name] for name in _APART if name in asked}
    named = [(one, {**one, "workspace": told.get(one["workspace"])}) for one in found]
    return [
        {**one, "apart": {name: seen[name] for name in _APART if seen[name] and many[one["key"]] > 1}}
        for one, seen in named
        if _is_at(seen, wanted)
    ]


def _is_at(one: Mapping[str, Any], place: Mapping[str, str]) -> bool:
    return all(one[name] in (None, told) for name, told in place.items())
