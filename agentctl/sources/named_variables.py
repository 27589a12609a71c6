"""Variables that environments of agentctl.toml name for settings: the project's own, whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentctl.errors import ConfigurationError, Problem
from agentctl.sources.problems import located
from agentctl.sources.project import FILENAME, read_project

# A key of an environment -> the setting whose variable it names.
REFERENCES = {
    "api_key_env": "elevenlabs_api_key",
    "webhook_secret_env": "elevenlabs_webhook_secret",
    "database_url_env": "database_url",
    "supabase_url_env": "supabase_url",
    "supabase_service_role_key_env": "supabase_service_role_key",
    "twilio_account_sid_env": "twilio_account_sid",
    "twilio_auth_token_env": "twilio_auth_token",
    "twilio_api_key_sid_env": "twilio_api_key_sid",
    "twilio_api_key_secret_env": "twilio_api_key_secret",
    "smtp_url_env": "smtp_url",
    "resend_api_key_env": "resend_api_key",
}
_VARIABLE = re.compile(r"^[A-Z_][A-Z0-9_]{0,99}$")
# Longer than any word of a name: a key in capitals, or in hexadecimal digits.
_LONGEST_WORD = 24


def variables_named(root: Path) -> list[str]:
    """Every variable that an environment of the project names, whatever else is wrong with it.

    Raises ConfigurationError where the file is there and cannot be read: it may name any.
    """
    project, problems = read_project(root / FILENAME)
    if project is None and (root / FILENAME).exists():
        raise ConfigurationError(problems, "Until it is read, nobody can tell which variables are the project's own.")
    tables = [table for table in project.environments.values() if isinstance(table, dict)] if project else []
    return sorted({table[key] for table in tables for key in REFERENCES if _is_variable(table.get(key))})


def unusable_references(table: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """References that are no variable's name. What stands there may be a key, so that it is never quoted."""
    for key in REFERENCES:
        value = table.get(key)
        if value is not None and not _is_variable(value):
            what = "must be the name of a variable in capitals, like ELEVENLABS_API_KEY_STAGING, and never the value"
            yield Problem(located(FILENAME, f"{path}.{key}"), what)


def _is_variable(value: Any) -> bool:
    usable = isinstance(value, str) and _VARIABLE.fullmatch(value) is not None
    return usable and max(map(len, value.split("_"))) <= _LONGEST_WORD
