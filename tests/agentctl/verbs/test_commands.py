"""agentctl.verbs.commands: which words of a message are commands, and what becomes of them."""

from __future__ import annotations

import pytest

from agentctl.cli.commands import PLACES
from agentctl.verbs.commands import COMMANDS, addressed

# They have no environment, or name theirs themselves.
WITHOUT = {"metrics", "init", "schema", "sandbox", "promote"}


def test_it_knows_every_command_there_is() -> None:
    assert PLACES.keys() == COMMANDS | WITHOUT


def test_without_an_environment_messages_stay_as_they_are() -> None:
    assert addressed("agentctl sync --take-ours", None) == "agentctl sync --take-ours"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_of_a_project_gets_the_environment(name: str) -> None:
    said = addressed(f"Run: agentctl {name} KEY, or `agentctl {name}`.", "staging")
    assert said == f"Run: agentctl --env staging {name} KEY, or `agentctl --env staging {name}`."
    assert addressed(said, "staging") == said


@pytest.mark.parametrize(
    "text",
    [
        *(f"agentctl {name} KEY" for name in sorted(WITHOUT)),
        "agentctl itself failed",
        "belongs to agentctl; agentctl.toml, agentctl-sync",
        "agentctl --env production sync",
        "agentctl syncs",
        "agentctl sync-all",
        "promote: agentctl promote FROM TO",
    ],
)
def test_nothing_else_is_touched(text: str) -> None:
    assert addressed(text, "staging") == text


def test_a_name_that_cannot_be_one_does_no_harm() -> None:
    assert addressed("agentctl sync", r"a\1") == r"agentctl --env a\1 sync"
