"""agentctl.verbs.commands: which words of a message are commands, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typer.core import TyperGroup

from agentctl.cli.commands import PLACES, Group
from agentctl.verbs.commands import COMMANDS, Whose, addressed

# They have no environment, or name theirs themselves.
WITHOUT = {"link", "metrics", "init", "schema", "sandbox", "promote"}


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


def _paths(group: TyperGroup, *names: str) -> Iterator[tuple[str, ...]]:
    """The commands with --tenant."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _paths(command, *names, name)
        elif any("--tenant" in one.opts for one in command.params):
            yield (*names, name)


HOUSED = [path for path in _paths(Group()) if path[0] != "calls"]


@pytest.mark.parametrize("path", HOUSED, ids=" ".join)
def test_each_command_of_one_workspace_says_whose(path: tuple[str, ...]) -> None:
    command = " ".join(path)
    for whose in (Whose("acme"), Whose("acme", {"+4930": "beta"})):
        said = whose(f"Run: agentctl {command} KEY, or `agentctl --env staging {command}`.")
        assert said == (
            f"Run: agentctl {command} --tenant acme KEY, or `agentctl --env staging {command} --tenant acme`."
        )
        assert (whose(said), addressed(said, None, "gamma")) == (said, said)
    assert Whose()(command) == command


def test_a_number_is_brought_out_of_the_account_that_has_it() -> None:
    told = "agentctl import-number +4930 --assistant a; agentctl release-number +4931; agentctl import-number, then"
    assert Whose(numbers={"+4930": "beta"})(told) == told.replace("number +4930", "number --tenant beta +4930")
    assert Whose("acme", {"+4930": "beta"})(told) == (
        "agentctl import-number --tenant beta +4930 --assistant a; agentctl release-number --tenant acme +4931; "
        "agentctl import-number --tenant acme, then"
    )
