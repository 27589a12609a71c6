import tomllib
from typing import Any

import pytest

from agentctl.errors import Problem
from agentctl.sources.raw import raw_settings


def read(toml: str) -> tuple[dict[str, Any], list[str]]:
    problems: list[Problem] = []
    return raw_settings(tomllib.loads(toml), "x.toml", "", problems), [str(problem) for problem in problems]


def test_any_setting_of_the_platform_passes() -> None:
    toml = "[conversation_config.turn]\nturn_timeout = 5\n[platform_settings]\nnew = [{ a = true }]\n[workflow.nodes]\n"
    assert read(toml) == (
        {
            "conversation_config": {"turn": {"turn_timeout": 5}},
            "platform_settings": {"new": [{"a": True}]},
            "workflow": {"nodes": {}},
        },
        [],
    )


def test_json_text_stands_for_what_toml_cannot_say() -> None:
    toml = """conversation_config.agent.prompt.temperature = { "$json" = "null" }
    platform_settings = { "$json" = '{"guardrails": null}' }"""
    settings, problems = read(toml)
    assert problems == []
    assert settings["conversation_config"] == {"agent": {"prompt": {"temperature": None}}}
    assert settings["platform_settings"] == {"guardrails": None}


def test_what_json_does_not_have_is_refused() -> None:
    toml = """
    conversation_config = 5
    [platform_settings]
    a = 2026-11-21
    b = [1.0, inf]
    c = { "$json" = "{" }
    d = { "$json" = "NaN" }
    e = { "$json" = 5 }
    """
    assert read(toml)[1] == [
        "x.toml: elevenlabs.conversation_config: must be a table, like [elevenlabs.conversation_config] (got a number)",
        "x.toml: elevenlabs.platform_settings.a: must be text in quotes: JSON has no dates and times",
        "x.toml: elevenlabs.platform_settings.b[1]: must be a finite number: JSON has no nan and inf",
        'x.toml: elevenlabs.platform_settings.c."$json": must hold JSON in quotes: '
        "Expecting property name enclosed in double quotes",
        'x.toml: elevenlabs.platform_settings.d."$json": must hold JSON in quotes: no JSON text',
        'x.toml: elevenlabs.platform_settings.e."$json": must hold JSON in quotes: no JSON text',
    ]


def test_json_that_nobody_keeps_as_it_is_is_refused_with_its_place() -> None:
    deep = "[" * 700 + "]" * 700
    values = [
        "1e999",
        "-1e999",
        f"[{'9' * 5000}]",
        deep,
        '{"a": ["x\\u0000"]}',
        '"\\ud83d"',
        '{"\\u0000": 1}',
        str(2**70),
    ]
    lines = "\n".join(f"k{index} = {{ '$json' = '{value}' }}" for index, value in enumerate(values))
    must = "must hold JSON in quotes:"
    assert read(f"[platform_settings]\n{lines}\npair = {{ '$json' = '\"\\ud83d\\ude00\"' }}")[1] == [
        f'x.toml: elevenlabs.platform_settings.k{index}."$json": {must} {what}'
        for index, what in enumerate(
            (
                "1e999 is beyond any number",
                "-1e999 is beyond any number",
                "it holds a number with too many digits",
                "it is nested more than 60 levels deep",
                "a[0] contains a NUL character",
                "it is not Unicode",
                "it has a key that contains a NUL character",
                "it is a whole number beyond 64 bits",
            )
        )
    ]


def test_the_table_must_be_one() -> None:
    problems: list[Problem] = []
    assert raw_settings("x", "x.toml", "defaults.", problems) == {}
    assert [str(p) for p in problems] == ["x.toml: defaults.elevenlabs: must be a table, like [section] (got text)"]


def test_what_agentctl_writes_into_stays_a_table() -> None:
    toml = """
    [conversation_config]
    tts = "x"
    agent.prompt = ["x"]
    [platform_settings.data_collection]
    action_items = { "$json" = "null" }
    """
    assert read(toml)[1] == [
        "x.toml: elevenlabs.conversation_config.agent.prompt: must be a table (got a list)",
        "x.toml: elevenlabs.conversation_config.tts: must be a table (got text)",
        "x.toml: elevenlabs.platform_settings.data_collection.action_items: must be a table (got null)",
    ]


@pytest.mark.parametrize(
    ("criteria", "why"),
    [
        ('"x"', "must be a list (got text)"),
        ('[{ name = "A" }]', "must be tables, each with an id of its own"),
        ('[{ id = "a" }, { id = "a" }]', "must be tables, each with an id of its own"),
    ],
)
def test_criteria_are_told_apart_by_their_ids(criteria: str, why: str) -> None:
    problems = read(f"platform_settings.evaluation.criteria = {criteria}\n")[1]
    assert problems == [f"x.toml: elevenlabs.platform_settings.evaluation.criteria: {why}"]
