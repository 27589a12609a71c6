"""One test of an assistant, as it is declared, and the request that makes it a test at ElevenLabs.

Names and limits are those of the published OpenAPI spec (`/v1/convai/agent-testing/create`). The platform knows three
types: `llm` judges the agent's next answer, `tool` the tool that it calls next, `simulation` a whole conversation.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from agentctl.resources.part import Part

TestType = Literal["llm", "tool", "simulation"]
ToolType = Literal["system", "webhook", "client", "workflow", "api_integration_webhook", "mcp", "code"]
_ONLY: dict[str, tuple[str, ...]] = {
    "success_condition": ("llm", "simulation"),
    "success_examples": ("llm",),
    "failure_examples": ("llm",),
    "success_conditions": ("simulation",),
    "simulation_scenario": ("simulation",),
    "simulation_max_turns": ("simulation",),
    "tool_call_parameters": ("tool",),
    "check_any_tool_matches": ("tool",),
}


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


def _scalars(table: dict[str, Any]) -> dict[str, Any]:
    for name, value in table.items():
        if not isinstance(value, str | int | float):
            raise ValueError(f"{name!r} must be text in quotes, a number, or true or false")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name!r} must be a finite number")
    return table


Text = Annotated[str, AfterValidator(_not_blank)]
Texts = Annotated[tuple[Text, ...], Field(max_length=5)]


class ChatTurn(Part):
    """What was said before the answer that is judged. `time_in_call_secs`: default its place in the history."""

    role: Literal["user", "agent"]
    message: Text = Field(repr=False)
    time_in_call_secs: int | None = Field(None, ge=0, strict=True)


class ParameterCheck(Part):
    """How one parameter of a tool call is judged."""

    type: Literal["llm", "regex", "exact", "anything"]
    description: Text | None = None
    pattern: Text | None = None
    expected_value: str | None = None

    @model_validator(mode="after")
    def _has_its_rule(self) -> ParameterCheck:
        rules = {"llm": "description", "regex": "pattern", "exact": "expected_value"}
        needed = rules.get(self.type)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"type {self.type!r} needs {needed}")
        if extra := [rule for rule in rules.values() if rule != needed and getattr(self, rule) is not None]:
            raise ValueError(f"{extra[0]} does not go with type {self.type!r}")
        return self


class ToolParameter(Part):
    """One parameter of the expected tool call; `path` is its place, like `arguments.date`."""

    path: Text
    eval: ParameterCheck


class ReferencedTool(Part):
    """A tool: its id at ElevenLabs, for a system tool its name, like end_call."""

    id: Text
    type: ToolType


class ToolCall(Part):
    """The tool call that is expected; with `verify_absence`, the one that must not be made."""

    referenced_tool: ReferencedTool
    parameters: tuple[ToolParameter, ...] = ()
    verify_absence: bool = Field(False, strict=True)


class TestFile(Part):
    """One file of `assistants/<key>/tests/`. `call`: the digest of the call that it was made of; it stays with us."""

    __test__ = False  # pytest takes every class whose name begins so for one of its own

    type: TestType = "llm"
    call: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    user: Text | None = Field(None, repr=False)
    chat_history: Annotated[tuple[ChatTurn, ...], Field(max_length=200)] = ()
    success_condition: Text | None = None
    success_examples: Texts = ()
    failure_examples: Texts = ()
    success_conditions: Annotated[tuple[Text, ...], Field(max_length=30)] = ()
    simulation_scenario: Text | None = Field(None, repr=False)
    simulation_max_turns: int | None = Field(None, ge=1, le=50, strict=True)
    tool_call_parameters: ToolCall | None = None
    check_any_tool_matches: bool | None = Field(None, strict=True)
    dynamic_variables: Annotated[dict[str, Any], AfterValidator(_scalars)] = Field({}, repr=False)

    @model_validator(mode="after")
    def _says_what_its_type_needs(self) -> TestFile:
        for name, types in _ONLY.items():
            if getattr(self, name) not in (None, ()) and self.type not in types:
                raise ValueError(f"{name} goes with type {' or '.join(types)} only (this one's is {self.type})")
        if self.type == "simulation":
            if self.simulation_scenario is None:
                raise ValueError("simulation_scenario is missing: what the simulated caller wants")
            if not self.conditions:
                raise ValueError("success_conditions is missing: what must be true of the conversation")
            return self
        if not self.turns or self.turns[-1].role != "user":
            raise ValueError('user is missing: what the caller says last, like user = "When are you open?"')
        if self.type == "llm" and self.success_condition is None:
            raise ValueError("success_condition is missing: what must be true of the agent's answer")
        if self.type == "tool" and self.tool_call_parameters is None:
            raise ValueError("tool_call_parameters is missing: the tool that must be called")
        return self

    @property
    def turns(self) -> tuple[ChatTurn, ...]:
        """The whole history: what `user` says comes last."""
        last = (ChatTurn(role="user", message=self.user),) if self.user is not None else ()
        return (*self.chat_history, *last)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Every condition of a simulation."""
        return (*((self.success_condition,) if self.success_condition else ()), *self.success_conditions)


class DeclaredTest(TestFile):
    """A test with its name, which is its file's name without the ending."""

    name: str

    def wire(self) -> dict[str, Any]:
        """The body of its create and update requests, without the name. What is not declared is left out."""
        body: dict[str, Any] = {"type": self.type}
        if self.turns:
            body["chat_history"] = [_turn(turn, place) for place, turn in enumerate(self.turns)]
        if self.dynamic_variables:
            body["dynamic_variables"] = dict(self.dynamic_variables)
        if self.type == "llm":
            body["success_condition"] = self.success_condition
            for name, kind in (("success_examples", "success"), ("failure_examples", "failure")):
                if responses := getattr(self, name):
                    body[name] = [{"response": response, "type": kind} for response in responses]
        elif self.type == "simulation":
            body |= {"simulation_scenario": self.simulation_scenario, "success_conditions": list(self.conditions)}
            if self.simulation_max_turns is not None:
                body["simulation_max_turns"] = self.simulation_max_turns
        elif self.tool_call_parameters is not None:
            body["tool_call_parameters"] = self.tool_call_parameters.model_dump(mode="json", exclude_none=True)
            if self.check_any_tool_matches is not None:
                body["check_any_tool_matches"] = self.check_any_tool_matches
        return body

    @property
    def digest(self) -> str:
        """SHA-256 of the request, in hex."""
        canonical = json.dumps(self.wire(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _turn(turn: ChatTurn, place: int) -> dict[str, Any]:
    at = turn.time_in_call_secs if turn.time_in_call_secs is not None else place
    return {"role": turn.role, "message": turn.message, "time_in_call_secs": at}
