"""assistants/<key>/tests/*.toml: every problem at once, with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentctl.sources.files import load

GOOD = 'user = "When are you open?"\nsuccess_condition = "It names the hours."\n'


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    folder = tmp_path / "assistants" / "desk"
    (folder / "tests").mkdir(parents=True)
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n')
    (folder / "assistant.toml").write_text('name = "Desk"\n')
    (folder / "prompt.md").write_text("Help.\n")
    return folder / "tests"


def problems(tests: Path) -> list[str]:
    return [str(problem) for problem in load(tests.parents[2]).problems]


def test_files_become_tests_named_after_them_in_order(tests: Path) -> None:
    (tests / "b-tone.toml").write_text(GOOD)
    (tests / "a_hours.toml").write_text(
        'success_condition = "x"\ndynamic_variables = { name = "Erika", vip = true, age = 3 }\n'
        '[[chat_history]]\nrole = "agent"\nmessage = "Hello!"\n'
        '[[chat_history]]\nrole = "user"\nmessage = "Hi."\ntime_in_call_secs = 9\n'
    )
    (tests / ".swp").write_text("leftover")
    loaded = load(tests.parents[2])
    assert loaded.problems == ()
    hours, tone = loaded.assistants[0].tests
    assert (hours.name, tone.name) == ("a_hours", "b-tone")
    assert tone.wire()["chat_history"] == [{"role": "user", "message": "When are you open?", "time_in_call_secs": 0}]
    assert [turn["time_in_call_secs"] for turn in hours.wire()["chat_history"]] == [0, 9]


def test_without_a_folder_there_are_no_tests(tests: Path) -> None:
    tests.rmdir()
    loaded = load(tests.parents[2])
    assert loaded.problems == ()
    assert loaded.assistants[0].tests == ()


def test_every_problem_is_told_with_its_place(tests: Path) -> None:
    (tests / "slip.toml").write_text(GOOD + 'sucess_examples = ["x"]\n')
    (tests / "types.toml").write_text(GOOD + "success_examples = 3\nsimulation_max_turns = 99\n")
    (tests / "broken.toml").write_text("user = \n")
    (tests / "Große Frage.toml").write_text(GOOD)
    (tests / "notes.md").write_text("x")
    (tests.parent / "assistant.toml").write_text('name = ""\n')
    found = problems(tests)
    base = "assistants/desk/tests"
    assert f"{base}/slip.toml: unknown key 'sucess_examples', did you mean 'success_examples'?" in found
    assert any(one.startswith(f"{base}/types.toml: success_examples: must be a list") for one in found)
    assert f"{base}/types.toml: simulation_max_turns: must be <= 50 (got 99)" in found
    assert any(one.startswith(f"{base}/broken.toml: line 1") for one in found)
    assert any(one.startswith(f"{base}/Große Frage.toml: cannot be a test") for one in found)
    assert any("like 'grosse-frage.toml'" in one for one in found)
    assert any(one.startswith(f"{base}/notes.md: cannot be a test") for one in found)
    assert any(one.startswith("assistants/desk/assistant.toml: name") for one in found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('success_condition = "x"\n', "user is missing"),
        ('user = "Hi."\n', "success_condition is missing"),
        ('type = "tool"\nuser = "Bye."\n', "tool_call_parameters is missing"),
        ('type = "simulation"\nsuccess_conditions = ["x"]\n', "simulation_scenario is missing"),
        ('type = "simulation"\nsimulation_scenario = "x"\n', "success_conditions is missing"),
        (GOOD + 'simulation_scenario = "x"\n', "goes with type simulation only"),
        ('type = "simulation"\nsimulation_scenario = "x"\nfailure_examples = ["y"]\n', "goes with type llm only"),
        ('success_condition = "x"\n[[chat_history]]\nrole = "agent"\nmessage = "Hi."\n', "user is missing"),
        (GOOD + "dynamic_variables = { when = [1] }\n", "'when' must be text in quotes, a number, or true or false"),
        (GOOD + f"success_examples = {['x'] * 6}\n", "success_examples: must have at most 5 entries (got 6)"),
        ('type = "chat"\n', "type: must be one of llm, tool or simulation"),
        (
            'type = "tool"\nuser = "x"\n[tool_call_parameters]\n'
            'referenced_tool = { id = "end_call", type = "system" }\n'
            'parameters = [{ path = "reason", eval = { type = "regex" } }]\n',
            "tool_call_parameters.parameters[0].eval: type 'regex' needs pattern",
        ),
    ],
)
def test_what_a_type_needs_and_what_it_cannot_have(tests: Path, text: str, says: str) -> None:
    (tests / "one.toml").write_text(text)
    (found,) = problems(tests)
    assert found.startswith("assistants/desk/tests/one.toml: ")
    assert says in found


def test_a_test_from_outside_the_project_is_refused(tests: Path, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret.toml"
    elsewhere.write_text(GOOD)
    (tests / "linked.toml").symlink_to(elsewhere)
    (found,) = problems(tests)
    assert found == "assistants/desk/tests/linked.toml: leads outside the project; copy the file into it"


def test_what_they_say_is_part_of_what_a_promotion_compares(tests: Path) -> None:
    (tests / "hours.toml").write_text(GOOD)
    root = tests.parents[2]
    assert load(root).assistants[0].source == {}
    (root / "agentctl.toml").write_text('project = "probe"\n[environments.staging]\n')
    before = load(root).assistants[0].source
    (tests / "hours.toml").write_text(GOOD.replace("open", "there"))
    after = load(root).assistants[0].source
    assert {path for path in after if after[path] != before.get(path)} == {"tests/hours.toml"}


def test_a_nul_character_is_refused(tests: Path) -> None:
    (tests / "nul.toml").write_text('user = "a\\u0000b"\nsuccess_condition = "x"\n')
    assert problems(tests) == ["assistants/desk/tests/nul.toml: user: contains a NUL character"]


@pytest.mark.parametrize("value", ["nan", "-inf"])
def test_a_number_that_json_cannot_say_is_refused(value: str, tests: Path) -> None:
    (tests / "odd.toml").write_text(f"{GOOD}dynamic_variables = {{ a = {value} }}\n")
    assert problems(tests) == ["assistants/desk/tests/odd.toml: dynamic_variables: 'a' must be a finite number"]
