"""Which agents use a document or folder of the knowledge base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentctl.errors import ApiError, InUse, NotFound
from agentctl.resources.answer import having, listing
from agentctl.resources.api import Api
from agentctl.sync.kind import User

DEPENDENTS = "/v1/convai/knowledge-base/{document_id}/dependent-agents"


async def dependents(api: Api, document_id: str) -> list[User]:
    """The agents that use it, directly or by its folder, and each branch that does beside the main one.

    A branch is a user of its own, known by its own id: what is in the knowledge base is not versioned with an agent, so
    an edit would change a branch that nobody has declared. Raises ApiError and Unreachable.
    """
    found: dict[str, User] = {}
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        params = {"page_size": 100, "dependent_type": "all", "cursor": cursor}
        try:
            page = await api.get(DEPENDENTS, params=params, document_id=document_id)
        except NotFound:
            return []
        found |= {user.remote_id: user for user in _users(page)}
        cursor = page.get("next_cursor")
        if not page.get("has_more", bool(cursor)):
            return list(found.values())
        if not cursor or cursor in seen:
            raise ApiError(f"GET {DEPENDENTS}: the pages do not end: a cursor is missing or came twice", status=200)
        seen.add(cursor)


def must_be_free(name: str, users: Sequence[User]) -> None:
    """Raise InUse where there is a user."""
    if users:
        names = ", ".join(user.name for user in users)
        raise InUse(f"{name} is still used by {names}, so it stays", "Detach it there, then: agentctl sync --prune")


def _users(page: Mapping[str, Any]) -> list[User]:
    # Without the list, a document that is in use would count as one that nobody uses.
    asked = f"GET {DEPENDENTS}"
    agents = [having(asked, entry, "id") for entry in listing(asked, page, "agents")]
    branches = [having(asked, entry, "branch_id") for entry in page.get("branches") or () if not entry.get("is_main")]
    unseen = "that this key cannot see"
    found = [User(str(one["id"]), f"agent {one.get('name') or unseen} ({one['id']})") for one in agents]
    for one in branches:
        what = f"branch {one.get('branch_name')} of agent {one.get('agent_name')}"
        found.append(User(str(one["branch_id"]), what))
    return found
