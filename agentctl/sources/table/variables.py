"""Which of ElevenLabs' own variables a text uses that nobody gives a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentctl.errors import Problem
from agentctl.resources.assistant import Assistant
from agentctl.sources.problems import located

_VARIABLE = re.compile(r"\{\{\s*([^{}\s]{1,100})\s*\}\}")
# Those that the platform fills in itself, and those that it keeps to headers.
_GIVEN = ("system__", "secret__")
_DECLARED = ("conversation_config", "agent", "dynamic_variables", "dynamic_variable_placeholders")


def unset(assistant: Assistant) -> Iterator[Problem]:
    """A warning for each place with such a variable: a conversation that nobody gives a value for it does not begin."""
    declared: Any = assistant.elevenlabs
    for name in _DECLARED:
        declared = declared.get(name, {}) if isinstance(declared, Mapping) else {}
    texts = {"prompt": assistant.prompt, "first_message": assistant.first_message or ""}
    for code, preset in assistant.language_presets.items():
        texts[f"language_presets.{code}"] = f"{preset.prompt or ''} {preset.first_message or ''}"
    for at, text in texts.items():
        names = dict.fromkeys(name for name in _VARIABLE.findall(text) if not name.startswith(_GIVEN))
        if missing := [name for name in names if name not in declared]:
            what = (
                f"uses {', '.join(f'{{{{{name}}}}}' for name in missing)}, for which no default is declared under "
                f"elevenlabs.{'.'.join(_DECLARED)}"
            )
            yield Problem(located(assistant.where, at), what)
