from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentctl.cli.addressed import addressed
from agentctl.cli.app import app
from agentctl.cli.session import ENVIRONMENT


@pytest.fixture
def staging() -> Iterator[None]:
    token = ENVIRONMENT.set("staging")
    yield
    ENVIRONMENT.reset(token)


def test_without_an_environment_messages_stay_as_they_are() -> None:
    token = ENVIRONMENT.set(None)
    assert addressed("agentctl sync --take-ours") == "agentctl sync --take-ours"
    ENVIRONMENT.reset(token)


@pytest.mark.usefixtures("staging")
def test_each_command_of_a_project_gets_the_environment() -> None:
    names = [*(one.name for one in app.registered_commands), *(one.name for one in app.registered_groups)]
    assert {"sync", "calls"} <= {*names}
    for name in names:
        without = name in ("init", "schema", "sandbox", "promote")
        given = f"Run: agentctl {name} KEY"
        assert addressed(given) == (given if without else f"Run: agentctl --env staging {name} KEY")


@pytest.mark.usefixtures("staging")
@pytest.mark.parametrize(
    "text",
    [
        "agentctl itself failed",
        "belongs to agentctl; agentctl.toml, agentctl-sync",
        "agentctl --env production sync",
        "agentctl syncs",
        "promote: agentctl promote FROM TO",
    ],
)
def test_nothing_else_is_touched(text: str) -> None:
    assert addressed(text) == text


def test_a_name_that_cannot_be_one_does_no_harm() -> None:
    token = ENVIRONMENT.set(r"a\1")
    assert addressed("agentctl sync") == r"agentctl --env a\1 sync"
    ENVIRONMENT.reset(token)
