"""A bad call becomes a regression test: the conversation up to a turn, redacted, as a test of its assistant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentctl.calls.made_test import call_digest
from agentctl.calls.redaction import Spoken, redacted
from agentctl.errors import UsageError
from agentctl.resources.part import OPERATOR
from agentctl.sources.agent_tests import FOLDER
from agentctl.sources.new_test import NewTest, write
from agentctl.verbs.calls.call import call
from agentctl.wiring import Control

_LONGEST = 200  # turns of a test's history: agentctl/resources/declared_test.py
_CONDITION = (
    "The answer does what the caller asks for, and states nothing that the prompt and the knowledge do not say."
)


@dataclass(frozen=True)
class Made:
    """The file, the assistant that it tests, and whether the agent's own answer is in it as one that fails."""

    path: Path
    assistant: str
    has_answer: bool


async def to_test(
    control: Control, conversation_id: str, turn: int, *, assistant: str | None = None, name: str | None = None
) -> Made:
    """Write the test. `turn`: the place of the caller's words that were answered badly, or of that answer; from 0.

    `assistant`: default the one that was called. Raises AgentctlError if there is no such call, UsageError for a turn
    that it has not, a call without words, an assistant that is not declared here or a file that is there.
    """
    found = await call(control, conversation_id)
    key = assistant or found["assistant"]
    if key is None:
        raise UsageError("the agent that was called is not one of this project's", "Name one with --assistant KEY.")
    before, answer = _apart(found["turns"], turn)
    spoken = [Spoken(one["message"], one["role"] == "user") for one in [*before, *([answer] if answer else [])]]
    said = redacted(spoken, _names(found))
    fields, comments = _fields(before, said, bool(answer)), _comments(found, turn)
    fields["call"] = call_digest(conversation_id, control.tenant or OPERATOR)
    if variables := _variables(found):
        fields["dynamic_variables"] = variables
    path = write(control.directory, key, NewTest(name or _name(found, turn, fields["call"]), fields, comments))
    return Made(path, key, bool(answer))


def written(control: Control, found: Mapping[str, Any], turn: int) -> Path | None:
    """The file that `to_test` makes of that turn of a call by default, within the project, if it is there."""
    digest = call_digest(found["conversation_id"], control.tenant or OPERATOR)
    path = Path("assistants", found["assistant"] or "", FOLDER, f"{_name(found, turn, digest)}.toml")
    return path if (control.directory / path).is_file() else None


def _apart(turns: Sequence[Mapping[str, Any]], turn: int) -> tuple[list[Mapping[str, Any]], Mapping[str, Any] | None]:
    """What was said up to the caller's words in question, and what the agent answered."""
    positions = [one["position"] for one in turns]
    if turn not in positions:
        raise UsageError(
            f"the call has no turn {turn}",
            f"It has {positions[0]} to {positions[-1]}." if positions else "Nothing of what was said is stored.",
        )
    spoken = [one for one in turns if one["message"] and one["message"].strip() and one["role"] in ("user", "agent")]
    last = max((one["position"] for one in spoken if one["role"] == "user" and one["position"] <= turn), default=None)
    if last is None:
        raise UsageError(f"up to turn {turn} the caller has said nothing", "Name a later turn.")
    answers = [one for one in spoken if one["role"] == "agent" and one["position"] > last]
    return [one for one in spoken if one["position"] <= last], answers[0] if answers else None


def _fields(before: Sequence[Mapping[str, Any]], said: Sequence[str], has_answer: bool) -> dict[str, Any]:
    history = [{"role": one["role"], "message": text} for one, text in zip(before, said, strict=False)]
    fields: dict[str, Any] = {"success_condition": _CONDITION}
    if has_answer:
        fields["failure_examples"] = [said[-1]]
    return {**fields, "user": history[-1]["message"], "chat_history": history[:-1][1 - _LONGEST :]}


def _comments(found: Mapping[str, Any], turn: int) -> dict[str, list[str]]:
    return {
        "call": ["What agentctl calls forget finds this by, without naming the call:"],
        "": [
            f"Made of a call of {found['started_at'][:10]}, up to turn {turn}. Names, numbers, mails and addresses",
            "were taken out as far as patterns go: read it once before you commit it.",
        ],
        "success_condition": ["Say here what the right answer is. This is only what is true of any:"],
        "failure_examples": ["What was answered. Take it out if it was not this that was wrong:"],
        "dynamic_variables": ["The call had these, with other values:"],
    }


def _names(found: Mapping[str, Any]) -> list[str]:
    """Whoever is named in what was made of the call."""
    digest = found["digest"] or {}
    names = [digest.get("caller_name"), *(item["who"] for item in found["action_items"])]
    return [str(one) for one in names if one]


def _variables(found: Mapping[str, Any]) -> dict[str, Any]:
    """The call's own variables, which the prompt may need: no value of them is known to be harmless but yes and no."""
    given = (found["detail"] or {}).get("dynamic_variables") or {}
    own = {name: value for name, value in given.items() if not name.startswith("system__")}
    return {name: value if isinstance(value, bool) else 0 if isinstance(value, int | float) else f"[{name}]"
            for name, value in own.items()}  # fmt: skip


def _name(found: Mapping[str, Any], turn: int, digest: str) -> str:
    # Told apart by a digest: the id itself would lead to whoever called.
    return f"call-{found['started_at'][:10]}-{digest[:6]}-turn-{turn}"
