"""Which key of assistant.toml says what a field of the agent is, and the field's value in the words of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from agentctl.resources.assistant import Assistant
from agentctl.resources.built_in_tools import TOOLS, AgentTransfer, BuiltInTools, NumberTransfer, Tool
from agentctl.resources.criteria import CRITERIA
from agentctl.resources.knowledge_base import Rag
from agentctl.resources.language_presets import PRESETS, Conversation
from agentctl.resources.platform_settings import (
    NO_WEBHOOK,
    Auth,
    CallLimits,
    Criterion,
    DataCollectionItem,
    Overrides,
    Privacy,
    Webhooks,
)
from agentctl.sources.prompt import escaped
from agentctl.sync.kind import Ref

Path = tuple[str, ...]

TEMPLATES = ("first_message", "prompt")
"""Keys whose texts are rendered."""

FIELDS: Mapping[str, Path] = {
    "name": ("name",),
    "conversation_config.agent.language": ("language",),
    "conversation_config.agent.first_message": ("first_message",),
    "conversation_config.agent.prompt.llm": ("llm", "model"),
    "conversation_config.agent.prompt.temperature": ("llm", "temperature"),
    "conversation_config.agent.prompt.max_tokens": ("llm", "max_tokens"),
    "conversation_config.tts.voice_id": ("voice", "id"),
    "conversation_config.tts.model_id": ("voice", "model"),
    "conversation_config.tts.stability": ("voice", "stability"),
    "conversation_config.tts.similarity_boost": ("voice", "similarity_boost"),
    "conversation_config.tts.speed": ("voice", "speed"),
    "platform_settings.summary_language": ("post_call", "summary_language"),
}
_MODELS: Mapping[Path, tuple[Path, type[BaseModel]]] = {
    ("conversation_config", "agent", "prompt", "rag"): (("rag",), Rag),
    ("conversation_config", "conversation"): (("conversation",), Conversation),
    ("platform_settings", "privacy"): (("privacy",), Privacy),
    ("platform_settings", "call_limits"): (("call_limits",), CallLimits),
    ("platform_settings", "auth"): (("auth",), Auth),
    ("platform_settings", "overrides", "conversation_config_override"): (("overrides",), Overrides),
    ("platform_settings", "overrides"): (("overrides",), Overrides),
}
SCOPES = ("platform_settings", "data_collection_scopes")
_ENTRIES: Mapping[Path, Path] = {
    tuple(TOOLS.split(".")): ("built_in_tools",),
    tuple(PRESETS.split(".")): ("language_presets",),
    ("platform_settings", "data_collection"): ("data_collection",),
    SCOPES: ("data_collection",),
    tuple(CRITERIA.split(".")): ("evaluation", "criteria"),
}
_ITEMS: Mapping[str, type[BaseModel]] = {"data_collection": DataCollectionItem, "evaluation": Criterion}
_WEBHOOKS = ("platform_settings", "workspace_overrides", "webhooks")
_PRESET: Mapping[Path, Path] = {
    ("overrides", "agent", "first_message"): ("first_message",),
    ("overrides", "agent", "prompt", "prompt"): ("prompt",),
    ("overrides", "tts", "voice_id"): ("voice", "id"),
    ("overrides", "tts", "model_id"): ("voice", "model"),
    ("overrides", "tts", "stability"): ("voice", "stability"),
    ("overrides", "tts", "similarity_boost"): ("voice", "similarity_boost"),
    ("overrides", "tts", "speed"): ("voice", "speed"),
}


def place(keys: Path, assistant: Assistant) -> Path | None:
    """Where assistant.toml has the field; None where only [elevenlabs] can say it.

    A part of a map's entry has a place only if the assistant declares the entry: it would be none by itself.
    """
    if fixed := FIELDS.get(".".join(keys)):
        return fixed
    for at, (section, model) in _MODELS.items():
        if keys[: len(at)] == at and _knows(model, keys[len(at) :]):
            return (*section, *keys[len(at) :])
    if keys[:-1] == _WEBHOOKS and getattr(assistant.webhooks, keys[-1], None) is not None:
        return ("webhooks", keys[-1])
    home = map_entry(keys)
    if home and (home[-1] in declared(assistant, home[:-1]) or (_is_whole(keys) and keys[:-1] != SCOPES)):
        return _in_entry(home, keys)
    return None


def room(keys: Path, assistant: Assistant) -> Path | None:
    """Where a file that says nothing of the field yet can have it: `place`, or a section of its own."""
    if keys[:-1] == _WEBHOOKS and keys[-1] in Webhooks.model_fields:
        return ("webhooks", keys[-1])
    return place(keys, assistant)


def map_entry(keys: Path) -> Path | None:
    """The section and name of the map's entry that the field is in, None for any other field. The name comes last."""
    for at, section in _ENTRIES.items():
        if keys[: len(at)] == at and len(keys) > len(at):
            return (*section, keys[len(at)])
    return None


def in_file(keys: Path, theirs: Any) -> Any:
    """The field's value as assistant.toml says it; None where it cannot."""
    if keys[:-1] == _WEBHOOKS and keys[-1] == "post_call_webhook_id" and theirs is None:
        return NO_WEBHOOK
    if keys[-1] == "allowlist" and isinstance(theirs, list):
        return [one["hostname"] for one in theirs]
    if keys[-1] == "transfers" and isinstance(theirs, list):
        return [_transfer(one) for one in theirs]
    home = map_entry(keys)
    if home and isinstance(theirs, Mapping) and _is_whole(keys):
        return _whole(home, theirs)
    return theirs


def declared(assistant: Assistant, section: Path) -> set[str]:
    """The names of the entries in one of the sections that are maps, for the engine at least."""
    found: Any = assistant
    for name in section:
        found = getattr(found, name)
    if found is None or isinstance(found, tuple):
        return {one.id for one in found or ()}
    return set(found) if isinstance(found, dict) else set(found.model_dump(exclude_none=True))


def _is_whole(keys: Path) -> bool:
    return keys[:-1] in _ENTRIES


def _in_entry(home: Path, keys: Path) -> Path | None:
    at = next(at for at, section in _ENTRIES.items() if section == home[:-1] and keys[: len(at)] == at)
    rest = keys[len(at) + 1 :]
    if not rest:
        return (*home, "scope") if at == SCOPES else home
    if home[0] == "language_presets":
        return (*home, *_PRESET[rest]) if rest in _PRESET else None
    model: type[BaseModel] = _ITEMS.get(home[0], Tool)
    if home[0] == "built_in_tools":
        model = _tool(home[-1])
        rest = rest[1:] if rest[0] == "params" else rest
    return (*home, *rest) if _knows(model, rest) else None


def _whole(home: Path, theirs: Mapping[str, Any]) -> dict[str, Any]:
    if home[0] in _ITEMS:
        return _known(_ITEMS[home[0]], theirs)
    if home[0] == "built_in_tools":
        flat = {**theirs, **theirs.get("params", {})}
        if "transfers" in flat:
            flat["transfers"] = [_transfer(one) for one in flat["transfers"]]
        return _known(_tool(home[-1]), flat)
    whole: dict[str, Any] = {}
    for keys, path in _PRESET.items():
        value: Any = theirs
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            spot = whole
            for name in path[:-1]:
                spot = spot.setdefault(name, {})
            spot[path[-1]] = escaped(value) if path[-1] in TEMPLATES and isinstance(value, str) else value
    return whole


def _transfer(one: Mapping[str, Any]) -> dict[str, Any]:
    target = one.get("agent_id")
    if isinstance(target, Ref):
        return {"assistant": target.key, **_known(AgentTransfer, {**one, "agent_id": None})}
    destination = one.get("transfer_destination") or {}
    flat = {**one, **{key: destination.get(key) for key in ("phone_number", "sip_uri")}} if destination else one
    return _known(NumberTransfer if destination else AgentTransfer, flat)


def _known(model: type[BaseModel], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a file can say; null is what it leaves out, and so is empty text, which says nothing."""
    return {key: theirs[key] for key in model.model_fields if theirs.get(key) not in (None, "", [])}


def _knows(model: type[BaseModel], path: Path) -> bool:
    inner: type[BaseModel] | None = model
    for name in path:
        field = inner.model_fields.get(name) if inner else None
        if field is None:
            return False
        inner = _model(field.annotation)
    return bool(path)


def _tool(name: str) -> type[BaseModel]:
    field = BuiltInTools.model_fields.get(name)
    return (field and _model(field.annotation)) or Tool


def _model(annotation: Any) -> type[BaseModel] | None:
    options = (annotation, *getattr(annotation, "__args__", ()))
    return next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)
