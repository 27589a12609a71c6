"""What a row holds, laid out as an assistant.toml would say it. Whatever shape its JSON has, it is data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentctl.resources.part import VOICE_ID
from agentctl.sources.mapping import GROUPS, SECTION, SECTIONS, SourceTable
from agentctl.sources.problems import unknown_key
from agentctl.sources.spelling import snake

# What others call these.
_ALIASES = {"voice_id": "id", "model_id": "model"}
_LISTS = frozenset({"mail_to", "outcomes"})
# The platform tells regions apart in this one alone; others say de-DE where they mean de.
_REGIONAL = frozenset({"pt-br"})
_BETWEEN_DIGITS = re.compile(r"[\s()/.-]")


class Unusable(Exception):
    """A value of a row cannot be used; `at` names what it is."""

    def __init__(self, at: str, what: str) -> None:
        super().__init__(f"{at}: {what}")
        self.at = at
        self.what = what


def table_of(values: Mapping[str, Any], source: SourceTable) -> dict[str, Any]:
    """What a row says of its assistant, without prompt and knowledge. Raises Unusable.

    `values`: by the names of `SourceTable.places`. What is null or blank is not said.
    """
    found = _settings(values.get("settings"))
    for name in ("name", "first_message"):
        found |= {name: values[name]} if _is_said(values.get(name)) else {}
    if _is_said(values.get("language")):
        found["language"] = _language(values["language"])
    for name in GROUPS:
        found |= {name: group} if (group := _group(name, values)) else {}
    for name in SECTIONS:
        found |= {name: _without_null(values[name], name)} if _is_said(values.get(name)) else {}
    if _is_said(values.get("numbers")):
        found["phone"] = {"numbers": _numbers(values["numbers"])}
    _translate(found, source)
    return found


def _settings(value: Any) -> dict[str, Any]:
    if not _is_said(value):
        return {}
    if not isinstance(value, Mapping):
        raise Unusable("settings", 'must be an object, like {"privacy": {"record_voice": false}}')
    if "knowledge" in value:
        raise Unusable("settings.knowledge", "belongs into the column of the knowledge")
    return {str(key): _without_null(one, str(key)) for key, one in value.items() if one is not None}


def _group(name: str, values: Mapping[str, Any]) -> Any:
    """A group out of the one place that holds it, in whatever form others keep it, or out of a place for each field."""
    whole, fields = values.get(name), GROUPS[name].model_fields
    if not _is_said(whole):
        group: dict[str, Any] = {field: values[f"{name}.{field}"] for field in fields if f"{name}.{field}" in values}
    elif isinstance(whole, Mapping):
        said = {key: value for key, value in whole.items() if _is_said(value)}
        called = {_ALIASES.get(snake(key), snake(key)): value for key, value in said.items()}
        group = {field: called[field] for field in fields if field in called}
        if said and not group:
            raise Unusable(name, unknown_key(next(iter(said)), [*fields]))
    elif isinstance(whole, str):
        group = {next(iter(fields)): whole}
    else:
        return whole  # which the model refuses in its own words
    return {
        field: [value] if field in _LISTS and isinstance(value, str) else value
        for field, value in group.items()
        if _is_said(value)
    }


def _translate(found: dict[str, Any], source: SourceTable) -> None:
    """A voice that has another name elsewhere is called by its id. Raises Unusable for one that nobody knows."""
    voice = found.get("voice")
    name = voice.get("id") if isinstance(voice, Mapping) else None
    if not isinstance(name, str) or not isinstance(voice, Mapping):
        return
    if known := source.voices.get(name.strip()):
        found["voice"] = {**voice, "id": known}
    elif not VOICE_ID.fullmatch(name):
        raise Unusable("voice.id", f"{name[:60]!r} is no voice of ElevenLabs; map it under [{SECTION}.voices]")


def _language(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    code = value.strip().lower().replace("_", "-")
    return code if code in _REGIONAL else code.partition("-")[0]


def _numbers(value: Any) -> Any:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list):
        return value
    return [
        _BETWEEN_DIGITS.sub("", one.replace("(0)", "")) if isinstance(one, str) else one
        for one in listed
        if _is_said(one)
    ]


def _is_said(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def _without_null(value: Any, name: str) -> Any:
    """JSON as TOML would say it: without null, which means absent, but where the platform is to be told of it."""
    if name == "elevenlabs":
        return value
    if isinstance(value, Mapping):
        return {key: _without_null(one, "") for key, one in value.items() if one is not None}
    return [_without_null(one, "") for one in value if one is not None] if isinstance(value, list) else value
