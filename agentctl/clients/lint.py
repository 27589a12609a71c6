"""Keys of raw `conversation_config` and `platform_settings` that the vendor's SDK does not know, with suggestions.

The platform answers 200 to a key that it does not know and drops it, so a typing error is silent. The SDK's type
models are the newest public list of keys, and still older than the server: so this warns and never blocks.
The models are read, not filled: filling one settles on one member of a union and would call the others' keys unknown.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import Any

from pydantic import BaseModel

_SURE = 0.8  # two names this alike are one name with a typing error
_LIKELY = 0.6
_DEPTH = 6  # levels in which the right place of a misplaced key is looked for

Keys = tuple[str, ...]


@dataclass(frozen=True, order=True)
class UnknownKey:
    """A key that the SDK does not know, and what was probably meant ("" if nothing is near). Both are whole paths."""

    path: str
    suggestion: str


def unknown_keys(conversation_config: Mapping[str, Any], platform_settings: Mapping[str, Any]) -> list[UnknownKey]:
    """Every key in either object that the SDK's models do not have, in order of appearance.

    Free maps (data_collection, dynamic variables, request headers) have keys of the user's own: only what lies below
    them is looked at. Loads about 190 of the SDK's modules, 0.2–0.3 s: call it only when there are raw settings.
    """
    given = {"conversation_config": conversation_config, "platform_settings": platform_settings}
    return [
        UnknownKey(".".join(path), ".".join(_suggestion(path, value, models)))
        for name, model in _roots().items()
        for path, value, models in _unknown(given[name], (name,), (model,))
    ]


@cache
def _roots() -> dict[str, type[BaseModel]]:
    # Two modules of the types only: the client and its 700 modules stay unloaded.
    from elevenlabs.types.agent_platform_settings_request_model import AgentPlatformSettingsRequestModel
    from elevenlabs.types.conversational_config import ConversationalConfig

    return {"conversation_config": ConversationalConfig, "platform_settings": AgentPlatformSettingsRequestModel}


@dataclass(frozen=True)
class _Shape:
    """What may stand in one place: objects with known keys, maps with free keys, lists. All empty: anything."""

    models: tuple[type[BaseModel], ...]
    values: tuple[Any, ...]
    items: tuple[Any, ...]


def _shape(annotations: Sequence[Any]) -> _Shape:
    models: list[type[BaseModel]] = []
    values: list[Any] = []
    items: list[Any] = []
    left = list(annotations)
    while left:
        annotation = left.pop(0)
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            left.append(args[0])
        elif origin in (typing.Union, types.UnionType):
            left.extend(args)
        elif origin in (dict, Mapping):
            values.append(args[1])
        elif origin in (list, set, Sequence):
            items.append(args[0])
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            models.append(annotation)
    return _Shape(tuple(models), tuple(values), tuple(items))


@cache
def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The model's annotations by name on the wire."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _unknown(
    value: object, path: Keys, annotations: Sequence[Any]
) -> Iterator[tuple[Keys, object, Sequence[type[BaseModel]]]]:
    shape = _shape(annotations)
    if isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _unknown(item, (*path, str(position)), shape.items)
    elif isinstance(value, Mapping):
        models = _fitting(shape.models, value)
        for key, below in value.items():
            here = (*path, str(key))
            known = [_fields(model)[key] for model in models if key in _fields(model)]
            if known or shape.values or not models:
                yield from _unknown(below, here, known or shape.values)
            else:
                yield here, below, models


def _fitting(models: Sequence[type[BaseModel]], value: Mapping[str, Any]) -> Sequence[type[BaseModel]]:
    """The members of a union that `value` names itself ("type": "webhook"); all of them if it names none."""

    def fits(model: type[BaseModel]) -> bool:
        return all(
            value[name] in typing.get_args(annotation)
            for name, annotation in _fields(model).items()
            if name in value and typing.get_origin(annotation) is typing.Literal
        )

    return [model for model in models if fits(model)] or models


@dataclass(frozen=True)
class _Place:
    path: Keys
    holds: bool  # whether an object belongs there, and not a plain value

    def distance(self, parent: Keys) -> int:
        """Steps up from `parent` and down again to this place."""
        common = 0
        for mine, theirs in zip(self.path, parent, strict=False):
            if mine != theirs:
                break
            common += 1
        return len(self.path) + len(parent) - 2 * common


@cache
def _places() -> tuple[_Place, ...]:
    """Every key that is known by name all the way down: those in free maps and lists are nobody's right place."""
    found: list[_Place] = []
    left: list[tuple[Keys, type[BaseModel]]] = [((name,), model) for name, model in _roots().items()]
    while left:
        path, model = left.pop(0)
        for name, annotation in _fields(model).items():
            shape, here = _shape([annotation]), (*path, name)
            found.append(_Place(here, bool(shape.models or shape.values)))
            if len(here) < _DEPTH:
                left.extend((here, below) for below in shape.models)
    return tuple(dict.fromkeys(found))


def _suggestion(path: Keys, value: object, models: Sequence[type[BaseModel]]) -> Keys:
    parent, key = path[:-1], path[-1]
    score, name = max(((_alike(key, name), name) for model in models for name in _fields(model)), default=(0.0, ""))
    if score >= _SURE:
        return (*parent, name)
    fitting = [place for place in _places() if place.holds == isinstance(value, Mapping)]
    exact = _nearest([place for place in fitting if place.path[-1] == key], parent)
    if exact:
        return exact
    if score >= _LIKELY:
        return (*parent, name)
    return _nearest([place for place in fitting if _alike(key, place.path[-1]) >= _SURE], parent)


def _nearest(places: Sequence[_Place], parent: Keys) -> Keys:
    """The one place with the fewest steps; none if several are as near ("enabled" is everywhere)."""
    ranked = sorted(places, key=lambda place: place.distance(parent))
    if not ranked or (len(ranked) > 1 and ranked[0].distance(parent) == ranked[1].distance(parent)):
        return ()
    return ranked[0].path


@cache
def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, _plain(one), _plain(other)).ratio()


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
