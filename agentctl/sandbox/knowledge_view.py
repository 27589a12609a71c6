"""How a knowledge document reads back, and which agents depend on it."""

from __future__ import annotations

from agentctl.sandbox.extraction import html_of
from agentctl.sandbox.state import Row, State
from agentctl.sandbox.world import ACCESS


def folder_path(state: State, row: Row) -> list[Row]:
    """The folders around a document, outermost first."""
    path: list[Row] = []
    parent = state.documents.get(row["parent"] or "")
    while parent is not None:
        path.insert(0, parent)
        parent = state.documents.get(parent["parent"] or "")
    return path


def ancestors(state: State, row: Row) -> set[str]:
    """Ids of the folders around a document."""
    return {folder["id"] for folder in folder_path(state, row)}


def dependents(state: State, row: Row, kind: str = "all") -> list[Row]:
    """Agents that name the document (direct) or a folder around it (transitive)."""
    wanted = {"direct": {row["id"]}, "transitive": ancestors(state, row)}.get(kind, {row["id"], *ancestors(state, row)})
    return [
        agent
        for agent in state.agents.values()
        if any(item["id"] in wanted for item in agent["conversation_config"]["agent"]["prompt"]["knowledge_base"])
    ]


def summary_view(state: State, row: Row) -> Row:
    """An item of the list."""
    agents = [
        {
            "type": "available",
            "id": agent["agent_id"],
            "name": agent["name"],
            "created_at_unix_secs": agent["created"],
            "access_level": "admin",
            "referenced_resource_ids": [row["id"]],
        }
        for agent in dependents(state, row)
    ]
    path = [{"id": folder["id"]} for folder in folder_path(state, row)]
    return _shared(row) | {"folder_path": path, "dependent_agents": agents} | _kind_keys(state, row)


def document_view(state: State, row: Row) -> Row:
    """One document; its text comes as HTML, the original is gone."""
    path = [{"id": folder["id"], "name": folder["name"]} for folder in folder_path(state, row)]
    view = _shared(row) | {"folder_path": path} | _kind_keys(state, row)
    if row["type"] == "folder":
        return view | {"active_sync_job": None}
    view |= {"extracted_inner_html": html_of(row["text"]), "content_format": "html"}
    return view | {"filename": row["filename"]} if row["type"] == "file" else view


def _shared(row: Row) -> Row:
    return {
        "id": row["id"],
        "name": row["name"],
        "type": row["type"],
        "metadata": {
            "created_at_unix_secs": row["created"],
            "last_updated_at_unix_secs": row["updated"],
            "size_bytes": row["size"],
        },
        "supported_usages": ["prompt", "auto"],
        "access_info": ACCESS,
        "folder_parent_id": row["parent"],
    }


def _kind_keys(state: State, row: Row) -> Row:
    if row["type"] == "url":
        return {"url": row["url"], "auto_sync_info": row["auto_sync_info"]}
    if row["type"] == "file":
        return {"external_sync_info": None, "auto_sync_info": None, "refresh_status": None, "is_frozen": False}
    if row["type"] == "folder":
        inside = [other for other in state.documents.values() if row["id"] in ancestors(state, other)]
        return {
            "children_count": sum(other["parent"] == row["id"] for other in inside),
            "document_count": sum(other["type"] != "folder" for other in inside),
            "auto_sync_info": None,
            "external_sync_info": None,
            "is_frozen": False,
        }
    return {}
