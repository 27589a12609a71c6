"""Which agents use a document or folder of the knowledge base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentctl.errors import InUse, NotFound
from agentctl.resources.answer import having, listing, odd
from agentctl.resources.api import Api
from agentctl.resources.endpoints import DOCUMENT
from agentctl.sync.kind import User

DEPENDENTS = f"{DOCUMENT}/dependent-agents"


@dataclass(frozen=True)
class Dependent(User):
    """An agent, or with `branch_id` one of its branches. Not `visible`: this key cannot look at it."""

    agent_id: str = ""
    branch_id: str | None = None
    visible: bool = True


async def dependents(api: Api, document_id: str) -> list[Dependent]:
    """The agents that use it, directly or by its folder, and each branch that does beside the main one.

    A branch is a user of its own, known by its own id: what is in the knowledge base is not versioned with an agent, so
    an edit would change a branch that nobody has declared. Raises ApiError and Unreachable.
    """
    found: dict[str, Dependent] = {}
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
            raise odd(f"GET {DEPENDENTS}", "the pages do not end: a cursor is missing or came twice")
        seen.add(cursor)


def must_be_free(name: str, users: Sequence[User], *, otherwise: str = "Detach it there") -> None:
    """Raise InUse where there is a user; `otherwise`: what has to be done there first."""
    if users:
        names = ", ".join(user.name for user in users)
        hint, by_id = f"{otherwise}, then: agentctl sync --prune", {user.remote_id: user.name for user in users}
        raise InUse(f"{name} is still used by {names}, so it stays", hint, users=by_id)


def _users(page: Mapping[str, Any]) -> list[Dependent]:
    # Without the list, a document that is in use would count as one that nobody uses.
    asked = f"GET {DEPENDENTS}"
    agents = [_agent(having(asked, entry, "id")) for entry in listing(asked, page, "agents")]
    branches = [having(asked, entry, "branch_id", "agent_id") for entry in page.get("branches") or ()]
    return [*agents, *(_branch(entry) for entry in branches if not entry.get("is_main"))]


def _branch(entry: Mapping[str, Any]) -> Dependent:
    called = f"branch {entry.get('branch_name')} of agent {entry.get('agent_name')}"
    return Dependent(str(entry["branch_id"]), called, str(entry["agent_id"]), str(entry["branch_id"]))


def _agent(entry: Mapping[str, Any]) -> Dependent:
    agent_id, name = str(entry["id"]), entry.get("name")
    called = f"agent {name or 'that this key cannot see'} ({agent_id})"
    return Dependent(agent_id, called, agent_id, visible=bool(name) or entry.get("type") != "unknown")
