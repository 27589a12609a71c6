"""What a client may wish for at the start of a conversation: overrides of the agent's settings, dynamic variables."""

from __future__ import annotations

import re
from typing import Any

from agentctl.sandbox.conversation_shape import CONVERSATION_CONFIG
from agentctl.sandbox.shape import merge, settled
from agentctl.sandbox.state import Row

_VARIABLE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


class Denied(Exception):
    """The platform ends the conversation before it begins: it closes with `code` and the reason, which is the text."""

    def __init__(self, code: int, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.kind = kind


def overridden(agent: Row, wish: Any) -> tuple[Row, Row]:
    """The agent as this conversation has it, and the part of the wish that the platform knows.

    Raises Denied where the agent does not let clients change what they wish. Each field has to be allowed under
    `platform_settings.overrides` ("An error will be thrown if an override is provided for a field that does not have
    overrides enabled": the vendor's page "Overrides"; the words of the error are those that users report). A null is
    no wish. Unknown fields are left alone [assumed]: the Python SDK itself sends `text_only` where no schema has it.
    """
    if wish in (None, {}):
        return agent, {}
    if not isinstance(wish, dict):
        raise Denied(1008, "invalid_message", "conversation_config_override is not an object")
    allowed = agent["platform_settings"]["overrides"]["conversation_config_override"]
    wanted = _allowed(wish, allowed)
    merged = merge(CONVERSATION_CONFIG, agent["conversation_config"], wanted, replace_maps=True)
    config, problems = settled(CONVERSATION_CONFIG, merged, ("conversation_config_override",))
    if problems:
        where = ".".join(map(str, problems[0]["loc"]))
        raise Denied(1008, "override_error", f"{where}: {problems[0]['msg']}")
    return agent | {"conversation_config": config}, wanted


def known_variables(wish: Any) -> dict[str, Any]:
    """The client's dynamic variables. Raises Denied for values that are no text, number or boolean."""
    if wish is None:
        return {}
    if not isinstance(wish, dict) or not all(isinstance(value, str | int | float) for value in wish.values()):
        raise Denied(1008, "invalid_message", "dynamic_variables are an object of texts, numbers and booleans")
    return wish


def need_variables(agent: Row, variables: dict[str, Any]) -> None:
    """Raises Denied where the agent would speak of something that it has no value for.

    The words are those reported in https://github.com/simliai/create-simli-app-elevenlabs/issues/1; those for the
    prompt are assumed to be alike, and that nobody has to give what is the platform's own, such as a caller's number.
    """
    config = agent["conversation_config"]["agent"]
    for place, text in (("first message", config["first_message"]), ("prompt", config["prompt"]["prompt"])):
        missing = sorted(name for name in set(_VARIABLE.findall(text)) - variables.keys() if not _own(name))
        if missing:
            names = ", ".join(f"'{name}'" for name in missing)
            reason = f"Missing required dynamic variables in {place}: {{{names}}}"
            raise Denied(1008, "missing_dynamic_variable", reason)


def _own(name: str) -> bool:
    return name.startswith("system__")


def _allowed(wish: Row, allowed: Row) -> Row:
    """The part of the wish that the platform knows, if all of it may be had."""
    out: Row = {}
    for name, value in wish.items():
        rule = allowed.get(name)
        if rule is None or value is None:
            continue
        if isinstance(rule, dict):
            if isinstance(value, dict):
                out[name] = _allowed(value, rule)
        elif not rule:
            raise Denied(1008, "override_error", f"Override for field '{name}' is not allowed by config.")
        else:
            out[name] = value
    return out
