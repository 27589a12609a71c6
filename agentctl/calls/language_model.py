"""Engine `llm`: any model behind an OpenAI-compatible endpoint, asked for JSON of one schema.

A caller can say anything, "ignore your instructions" included. So the transcript goes to the model between markers
that nothing inside it can contain, and the answer is validated, cut and treated as text wherever it is shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from agentctl.calls import wire
from agentctl.calls.call import ActionItem, Call, Digest, Turn
from agentctl.errors import DigestError, Malformed

MAX_TRANSCRIPT = 100_000  # characters: about 25,000 tokens, several hours of talking
MAX_ITEMS = 50


class Completions(Protocol):
    """What is needed of a language model: one answer to one question."""

    @property
    def model(self) -> str:
        """The model's name, for the record."""
        ...

    async def complete(self, *, system: str, user: str, schema: Mapping[str, Any], name: str) -> str:
        """The answer's text, which should be JSON of `schema`. Raises DigestError."""
        ...


def _words(limit: int) -> BeforeValidator:
    """Text, cut: being too long is a model's habit, not a reason to lose its answer."""
    return BeforeValidator(lambda value: value.strip()[:limit] or None if isinstance(value, str) else value)


def _require_all(schema: dict[str, Any]) -> None:
    # Strict structured output demands every property as required and none besides; the validation stays lenient.
    schema["required"] = list(schema["properties"])
    schema["additionalProperties"] = False
    for part in schema["properties"].values():
        part.pop("default", None)


class _Item(BaseModel):
    model_config = ConfigDict(json_schema_extra=_require_all, hide_input_in_errors=True)

    what: Annotated[str, _words(500)]
    who: Annotated[str | None, _words(500)] = None
    due: Annotated[str | None, _words(500)] = None


class _Answer(BaseModel):
    model_config = ConfigDict(json_schema_extra=_require_all, hide_input_in_errors=True)

    title: Annotated[str | None, _words(200)] = None
    summary: Annotated[str, _words(4000)]
    action_items: list[_Item] = []


class LanguageModel:
    """Asks `completions` for title, summary and action items."""

    def __init__(self, completions: Completions) -> None:
        self.completions = completions

    async def digest(self, call: Call, *, language: str, wants_items: bool = True) -> Digest:
        """Raises DigestError if the model cannot be asked or its answer is not of the schema."""
        transcript = _transcript(call)
        fence = hashlib.sha256(transcript.encode()).hexdigest()[:24]
        context = {"language": language, "wants_items": wants_items, "fence": fence, "transcript": transcript}
        answer = await self.completions.complete(
            system=_template("system.j2").render(context | {"started_at": call.started_at, "timezone": call.timezone}),
            user=_template("user.j2").render(context),
            schema=_Answer.model_json_schema(),
            name="call_digest",
        )
        read = _read(answer)
        items = tuple(ActionItem(item.what, item.who, item.due) for item in read.action_items[:MAX_ITEMS])
        return Digest(
            engine="llm",
            model=self.completions.model,
            title=read.title,
            summary=read.summary,
            language=language,
            action_items=items if wants_items else (),
        )


def _read(answer: str) -> _Answer:
    start, end = answer.find("{"), answer.rfind("}")  # some models wrap their JSON in a Markdown fence or in words
    try:
        return _Answer.model_validate(wire.clean(wire.decode(answer[start : end + 1].encode("utf-8", "replace"))))
    except Malformed:
        raise DigestError("the language model's answer is not JSON") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        raise DigestError(f"the language model's answer is not of the schema: {where}: {first['type']}") from None


def _transcript(call: Call) -> str:
    whole = "\n".join(line for turn in call.turns for line in _lines(turn))
    if len(whole) <= MAX_TRANSCRIPT:
        return whole
    half = MAX_TRANSCRIPT // 2
    return f"{whole[:half]}\n[… {len(whole) - MAX_TRANSCRIPT} characters left out …]\n{whole[-half:]}"


def _lines(turn: Turn) -> list[str]:
    speaker = {"agent": "ASSISTANT", "user": "CALLER"}.get(turn.role, "OTHER")
    spoken = [f"{speaker}: {' '.join(turn.message.split())}"] if turn.message else []
    return spoken + [f"[tool called: {wire.text(tool.get('tool_name')) or '?'}]" for tool in turn.tool_calls]


@cache
def _environment() -> Environment:
    folder = Path(__file__).parent.parent / "templates" / "digest"
    # Not HTML: escaping would falsify what the model reads.
    return Environment(loader=FileSystemLoader(folder), undefined=StrictUndefined, autoescape=False)  # noqa: S701


def _template(name: str) -> Any:
    return _environment().get_template(name)
