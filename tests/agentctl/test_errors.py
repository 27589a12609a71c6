"""agentctl.errors: the tree is the module's docstring, and every error can be shown to a person."""

from __future__ import annotations

import inspect
import re

import pytest

from agentctl import errors
from agentctl.errors import AgentctlError, ApiError, ConfigurationError, MailError, Problem

CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, AgentctlError)]


def tree() -> dict[str, str]:
    """Name -> parent's name, as the docstring draws it."""
    parents: dict[str, str] = {}
    open_branches: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.match(r"([│ ]*)[├└]── (\w+)", line) or re.match(r"()(AgentctlError)\b", line)
        if drawn is None:
            continue
        depth = len(drawn.group(1)) // 4 + 1 if line[0] in "│├└ " else 0
        open_branches[depth] = drawn.group(2)
        parents[drawn.group(2)] = open_branches.get(depth - 1, "Exception")
    return parents


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    assert tree() == {found.__name__: (found.__base__ or object).__name__ for found in CLASSES}


@pytest.mark.parametrize("kind", [found for found in CLASSES if found is not ConfigurationError])
def test_each_error_has_message_hint_and_exit_code(kind: type[AgentctlError]) -> None:
    error = kind("it broke", "Mend it.")
    assert (error.message, error.hint) == ("it broke", "Mend it.")
    assert str(error) == "it broke\n  Mend it."
    assert str(kind("it broke")) == "it broke"
    assert kind.exit_code in (1, 2)
    assert kind.__doc__


def test_a_configuration_error_carries_every_problem() -> None:
    problems = [Problem("a.toml: voice.speed", "must be <= 1.2"), Problem("SMTP_URL", "names no host")]
    error = ConfigurationError(problems, "Correct them.")
    assert error.exit_code == 2
    assert error.problems == tuple(problems)
    assert str(error) == "a.toml: voice.speed: must be <= 1.2\nSMTP_URL: names no host\n  Correct them."


def test_what_a_vendor_said_stays_apart() -> None:
    error = ApiError("no", status=403, code="missing_permissions", request_id="r1")
    assert (error.status, error.code, error.request_id) == (403, "missing_permissions", "r1")
    assert MailError("no", permanent=True).permanent
    assert not MailError("no").permanent
