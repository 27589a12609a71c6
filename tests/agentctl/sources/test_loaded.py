from pathlib import Path

import pytest

from agentctl.errors import ConfigurationError, Problem
from agentctl.sources.loaded import Loaded
from agentctl.sources.project import Project


def test_checked_lets_pass_what_only_warns() -> None:
    loaded = Loaded(Project("demo", Path("/")), (), warnings=(Problem("a", "b"),))
    assert loaded.checked() is loaded


def test_checked_raises_every_problem() -> None:
    problems = (Problem("a", "is wrong"), Problem("b", "is missing"))
    with pytest.raises(ConfigurationError) as caught:
        Loaded(Project("demo", Path("/")), (), problems).checked()
    assert caught.value.problems == problems
    assert caught.value.message == "a: is wrong\nb: is missing"


def test_a_secret_is_one_whichever_environment_it_is_a_variable_of() -> None:
    staging = {"vars": {"crm_api_key": "vom-staging-1"}}
    variables = {"crm_api_key": "vom-projekt-2", "tarif": "Komfort"}
    project = Project("demo", Path("/"), variables=variables, environments={"staging": staging, "lab": {}, "odd": 3})
    assert {*Loaded(project, ()).secrets()} == {"vom-staging-1", "vom-projekt-2"}
