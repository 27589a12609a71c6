"""What a language model is asked to answer, as a schema, and what it did answer, cut and cleaned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, time
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from agentctl.calls import wire
from agentctl.errors import DigestError, Malformed

SENTIMENTS = ("positive", "neutral", "negative", "mixed")
MAX_ITEMS = 50


def _words(limit: int) -> BeforeValidator:
    """Text, cut: being too long is a model's habit, not a reason to lose its answer."""
    return BeforeValidator(lambda value: value.strip()[:limit] or None if isinstance(value, str) else value)


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _time(value: Any) -> time | None:
    try:
        return time.fromisoformat(str(value)).replace(tzinfo=None, microsecond=0)
    except ValueError:
        return None


# What is not of its form counts as not said: one odd field is no reason to lose a digest.
_Turn = Annotated[int | None, BeforeValidator(wire.whole)]
_Text = Annotated[str | None, BeforeValidator(lambda value: (wire.text(value) or "").strip()[:200] or None)]
_Yes = Annotated[bool | None, BeforeValidator(lambda value: value if isinstance(value, bool) else None)]


def _require_all(schema: dict[str, Any]) -> None:
    # Strict structured output demands every property as required and none besides; the validation stays lenient.
    schema["required"] = list(schema["properties"])
    schema["additionalProperties"] = False
    for part in schema["properties"].values():
        part.pop("default", None)


class Item(BaseModel):
    """One action item as a model writes it: claims that nobody has checked yet."""

    model_config = ConfigDict(json_schema_extra=_require_all, hide_input_in_errors=True)

    what: Annotated[str, _words(500)]
    who: Annotated[str | None, _words(500)] = None
    due: Annotated[str | None, _words(500)] = None
    due_date: Annotated[date | None, BeforeValidator(_date)] = None
    due_time: Annotated[time | None, BeforeValidator(_time)] = None
    quote: Annotated[str | None, _words(1000)] = None
    turn: _Turn = None


class Answer(BaseModel):
    """The answer about a call, or about a part of one."""

    model_config = ConfigDict(json_schema_extra=_require_all, hide_input_in_errors=True)

    title: Annotated[str | None, _words(200)] = None
    summary: Annotated[str, _words(4000)]
    outcome: _Text = None
    sentiment: _Text = None
    follow_up: _Yes = None
    caller_name: _Text = None
    caller_number: _Text = None
    action_items: list[Item] = []


def schema(outcomes: Sequence[str]) -> dict[str, Any]:
    """Of Answer, with the words that outcome and sentiment may be."""
    made = Answer.model_json_schema()
    made["properties"]["outcome"] = {"type": "string", "enum": list(outcomes)}
    made["properties"]["sentiment"] = {"type": "string", "enum": list(SENTIMENTS)}
    made["properties"]["follow_up"] = {"type": "boolean"}
    for name in ("due_date", "due_time"):  # "format" is unknown to some servers' strict mode
        made["$defs"]["Item"]["properties"][name] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    return made


def read(text: str) -> Answer:
    """The answer in `text`. Raises DigestError, which quotes nothing of it."""
    start, end = text.find("{"), text.rfind("}")  # some models wrap their JSON in a Markdown fence or in words
    try:
        found = wire.decode(text[start : end + 1].encode("utf-8", "replace"))
        return Answer.model_validate(wire.clean(found))
    except Malformed:
        raise DigestError("the language model's answer is not JSON", charged=True) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        what = f"the language model's answer is not of the schema: {where}: {first['type']}"
        raise DigestError(what, charged=True) from None


def note(answer: Answer) -> str:
    """What an answer about a part says of it, on one line, for the model that sums the parts up."""
    return json.dumps(answer.model_dump(mode="json", exclude={"action_items"}), ensure_ascii=False)
