"""Which agents look things up in the index of a document: the index has to stay for as long as one of them does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from agentctl.errors import NotFound, Unauthorized
from agentctl.resources.answer import having
from agentctl.resources.api import Api
from agentctl.resources.dependents import Dependent, dependents
from agentctl.resources.endpoints import AGENT
from agentctl.resources.knowledge_base import EMBEDDING_MODEL


async def readers(api: Api, document_id: str, model: str) -> list[Dependent]:
    """The agents and branches that have the document and look things up by this model, as they are at this moment.

    Where that cannot be seen, it counts as so; an empty `model` stands for any. One request for the users, and one for
    each of them. Raises ApiError and Unreachable.
    """
    users = await dependents(api, document_id)
    answers = await asyncio.gather(*(_reads(api, user, document_id, model) for user in users))
    return [user for user, reads in zip(users, answers, strict=True) if reads]


async def _reads(api: Api, user: Dependent, document_id: str, model: str) -> bool:
    if not user.visible:
        return True
    try:
        answer = await api.get(AGENT, params={"branch_id": user.branch_id}, agent_id=user.agent_id)
    except NotFound:
        return False  # it was deleted meanwhile
    except Unauthorized:
        return True
    return looks_up(having(f"GET {AGENT} ({user.name})", answer, "agent_id"), document_id, model)


def looks_up(agent: Mapping[str, Any], document_id: str, model: str) -> bool:
    """Whether an agent that has the document looks things up in it by `model`.

    A node of its workflow may switch retrieval on, or to another model, for its own part of a call. One that tells
    nothing of its prompt may do anything.
    """
    config = _part(agent, "conversation_config", "agent", "prompt")
    if not config:
        return True
    nodes = ((agent.get("workflow") or {}).get("nodes") or {}).values()
    main = config.get("rag") or {}
    others = [_part(node, "conversation_config", "agent", "prompt", "rag") for node in nodes]
    models = {main.get("embedding_model") or EMBEDDING_MODEL, *(one.get("embedding_model") for one in others)}
    if not any(one.get("enabled") for one in (main, *others)) or (model and model not in models):
        return False
    # By a folder it may have the document too, and by nothing of this list: a node has documents of its own.
    entries = config.get("knowledge_base") or ()
    ways = [entry for entry in entries if entry.get("id") == document_id or entry.get("type") == "folder"]
    return not ways or any(entry.get("usage_mode") != "prompt" for entry in ways)


def _part(tree: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for name in path:
        tree = tree.get(name) or {}
    return tree
