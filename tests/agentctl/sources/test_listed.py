from __future__ import annotations

import pytest

from agentctl.sources.listed import as_lists, put, remove, value_at
from agentctl.sources.rewrite import Uneditable

SECTION = ("evaluation", "criteria")
RAW = ("elevenlabs", "platform_settings", "evaluation", "criteria")
TOML = """\
name = "x"

[[evaluation.criteria]]
id = "a"  # first
name = "A"

[[evaluation.criteria]]  # second
id = "b"
name = "B"  # its name

[voice]
speed = 1.0
"""


def test_one_field_of_one_entry() -> None:
    assert value_at(TOML, (*SECTION, "b", "name")) == "B"
    assert value_at(TOML, (*SECTION, "c", "name")) is None
    assert put(TOML, (*SECTION, "b", "name"), "Bee") == TOML.replace('"B"', '"Bee"')
    assert remove(put(TOML, (*SECTION, "a", "llm"), "l"), (*SECTION, "a", "llm")) == TOML
    assert put(TOML, ("voice", "speed"), 1.5) == TOML.replace("1.0", "1.5")


def test_entries_come_and_go() -> None:
    more = put(TOML, (*SECTION, "c"), {"name": "C"})
    assert value_at(more, SECTION) == [*value_at(TOML, SECTION), {"id": "c", "name": "C"}]
    one = remove(TOML, (*SECTION, "b", "name"))
    assert (value_at(one, SECTION), "# first" in one) == ([{"id": "a", "name": "A"}], True)
    assert "evaluation" not in remove(one, (*SECTION, "a"))
    for path in ((*SECTION, "c"), (*SECTION, "a", "llm"), (*RAW, "a")):
        with pytest.raises(Uneditable):
            remove(TOML, path)


def test_a_list_that_another_layer_holds_is_written_whole() -> None:
    known = [{"id": "a", "name": "A", "llm": None}, {"id": "b", "name": "B"}]
    edited = put('name = "x"\n', (*RAW, "b", "deep", "er"), 1, known=known)
    assert value_at(edited, RAW) == [
        {"id": "a", "name": "A", "llm": {"$json": "null"}},
        {"id": "b", "name": "B", "deep": {"er": 1}},
    ]


def test_a_list_in_another_form_is_left_alone() -> None:
    text, path = 'evaluation.criteria = { "$json" = "[]" }\n', (*SECTION, "a", "name")
    assert value_at(text, path) is None
    for edit in (lambda: put(text, path, "A"), lambda: remove(text, path)):
        with pytest.raises(Uneditable):
            edit()


def test_a_whole_file() -> None:
    table = {"name": "x", "evaluation": {"criteria": {"a": {"name": "A"}}}, "elevenlabs": {"workflow": {}}}
    assert as_lists(table) == {**table, "evaluation": {"criteria": [{"id": "a", "name": "A"}]}}
