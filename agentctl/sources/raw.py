"""The `[elevenlabs]` table: raw settings of the platform, checked only for what no API could take."""

from __future__ import annotations

import json
import math
from typing import Any

from agentctl.errors import Problem
from agentctl.resources.criteria import CRITERIA, are_told_apart
from agentctl.sources.problems import dotted, kind_of, located, unknown_key
from agentctl.sources.toml import MAX_DEPTH, is_too_deep, unfit

# Three of the five fields of an agent's create and update bodies; the other two are agentctl's own.
RAW_TABLES = ("conversation_config", "platform_settings", "workflow")
_PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "conversation_config": (
        ("agent", "prompt", "built_in_tools"),
        ("tts",),
        ("conversation",),
        ("language_presets",),
    ),
    "platform_settings": (
        ("data_collection", "action_items"),
        ("data_collection_scopes",),
        ("workspace_overrides", "webhooks"),
        ("evaluation",),
        ("privacy",),
        ("call_limits",),
        ("overrides", "conversation_config_override"),
        ("auth",),
    ),
    "workflow": (),
}
_DIGITS, _SHOWN = 1_000, 20
_OURS = {
    "name": "belongs to agentctl; use name at the top of assistant.toml",
    "tags": "belongs to agentctl, which finds its own agents by their tags",
}


def raw_settings(table: Any, where: str, prefix: str, problems: list[Problem]) -> dict[str, Any]:
    """The table as JSON values; everything unusable goes to `problems`. `prefix` is its path in the file."""
    path = f"{prefix}elevenlabs"
    if not isinstance(table, dict):
        problems.append(Problem(located(where, path), f"must be a table, like [section] (got {kind_of(table)})"))
        return {}
    usable: dict[str, Any] = {}
    for key, value in table.items():
        if key in _OURS:
            problems.append(Problem(located(where, f"{path}.{key}"), _OURS[key]))
        elif key not in RAW_TABLES:
            problems.append(Problem(located(where, path), unknown_key(key, list(RAW_TABLES))))
        else:
            usable[key] = _table(as_json(value, where, f"{path}.{key}", problems), where, f"{path}.{key}", problems)
            _check_places(usable[key], key, where, f"{path}.{key}", problems)
    _check_criteria(usable, where, path, problems)
    return usable


def _check_places(table: dict[str, Any], key: str, where: str, path: str, problems: list[Problem]) -> None:
    """What agentctl itself writes into must stay a table: a raw value is merged into it."""
    for place in _PLACES[key]:
        inner: Any = table
        for depth, name in enumerate(place):
            if name not in inner:
                break
            inner = inner[name]
            if not isinstance(inner, dict):
                shown = ".".join([path, *place[: depth + 1]])
                problems.append(Problem(located(where, shown), f"must be a table (got {kind_of(inner)})"))
                break


def _check_criteria(settings: dict[str, Any], where: str, path: str, problems: list[Problem]) -> None:
    """They are merged one by one, so that each needs a name."""
    listed: Any = settings
    for name in CRITERIA.split("."):
        listed = listed.get(name, []) if isinstance(listed, dict) else []
    if not isinstance(listed, list):
        problems.append(Problem(located(where, f"{path}.{CRITERIA}"), f"must be a list (got {kind_of(listed)})"))
    elif not are_told_apart(listed):
        problems.append(Problem(located(where, f"{path}.{CRITERIA}"), "must be tables, each with an id of its own"))


def as_json(value: Any, where: str, path: str, problems: list[Problem]) -> Any:
    """Raw TOML as the JSON it stands for; what JSON does not have goes to `problems`.

    TOML has no null, which the platform's API distinguishes from absent: `{ "$json" = "null" }` stands for it,
    and for any other JSON text.
    """
    if isinstance(value, dict):
        if list(value) == ["$json"]:
            return _embedded(value["$json"], where, path, problems)
        return {key: as_json(item, where, f"{path}.{key}", problems) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item, where, f"{path}[{index}]", problems) for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        problems.append(Problem(located(where, path), "must be a finite number: JSON has no nan and inf"))
    elif not isinstance(value, str | int | float):
        problems.append(Problem(located(where, path), "must be text in quotes: JSON has no dates and times"))
    return value


def _embedded(text: Any, where: str, path: str, problems: list[Problem]) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    try:
        found = json.loads(text, parse_constant=refuse, parse_float=_finite, parse_int=_whole)
        reason = _unfit(found)
    except (ValueError, TypeError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "no JSON text"
        reason = str(error) if isinstance(error, _Beyond) else reason
    if not reason:
        return found
    problems.append(Problem(located(where, f'{path}."$json"'), f"must hold JSON in quotes: {reason}"))
    return None


class _Beyond(ValueError):
    """A number that no reader of JSON has."""


def _finite(digits: str) -> float:
    if math.isfinite(value := float(digits)):
        return value
    raise _Beyond(f"{digits[:_SHOWN]} is beyond any number")


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise _Beyond("it holds a number with too many digits")
    return int(digits)


def _unfit(value: Any) -> str:
    """Why a value that is JSON cannot be a setting all the same."""
    if isinstance(value, dict | list) and is_too_deep(value):
        return f"it is nested more than {MAX_DEPTH} levels deep"
    path, what = next(unfit(value), ((), ""))
    return f"{f'{dotted(path)} ' if path else 'it '}{what}" if what else ""


def _table(value: Any, where: str, path: str, problems: list[Problem]) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    problems.append(Problem(located(where, path), f"must be a table, like [{path}] (got {kind_of(value)})"))
    return {}
