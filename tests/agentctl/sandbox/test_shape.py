"""Merging and settling: what a PATCH keeps, fills in, drops and refuses."""

from __future__ import annotations

import pytest

from agentctl.sandbox.shape import choice, flag, group, many, mapping, maybe, merge, needed, real, settled, tagged, text

SHAPE = group(
    name=text("anonymous"),
    voice=group(speed=real(1.0, 0.7, 1.2), model=choice("a", "a", "b")),
    words=many(),
    items=mapping(group(type=needed(choice("string", "string", "number")), description=text())),
    avatar=tagged("type", "orb", orb=group(colour=text("blue")), image=group(url=text())),
    extra=maybe(group(on=flag())),
)


def test_defaults_are_filled_in_around_what_was_sent() -> None:
    value, problems = settled(SHAPE, {"voice": {"speed": 1.1}})
    assert problems == []
    assert value == {
        "name": "anonymous",
        "voice": {"speed": 1.1, "model": "a"},
        "words": [],
        "items": {},
        "avatar": {"type": "orb", "colour": "blue"},
        "extra": None,
    }


def test_unknown_and_misplaced_keys_are_dropped_in_silence() -> None:
    value, problems = settled(SHAPE, {"nome": "x", "speed": 2, "voice": {"name": "x"}})
    assert problems == []
    assert value == settled(SHAPE, {})[0]


def test_objects_merge_deep_and_lists_are_replaced() -> None:
    stored, _ = settled(SHAPE, {"voice": {"speed": 1.1, "model": "b"}, "words": ["a", "b"]})
    merged = merge(SHAPE, stored, {"voice": {"speed": 0.9}, "words": ["c"]})
    assert merged["voice"] == {"speed": 0.9, "model": "b"}
    assert merged["words"] == ["c"]


def test_an_open_map_keeps_what_is_left_out_and_refuses_null() -> None:
    stored, _ = settled(SHAPE, {"items": {"a": {"type": "string"}, "b": {"type": "number"}}})
    merged = merge(SHAPE, stored, {"items": {"a": {"description": "new"}}})["items"]
    assert merged == {"a": {"type": "string", "description": "new"}, "b": {"type": "number", "description": ""}}
    _, problems = settled(SHAPE, merge(SHAPE, stored, {"items": {"b": None}}))
    assert [problem["loc"] for problem in problems] == [["body", "items", "b"]]
    assert set(merge(SHAPE, stored, {"items": {}})["items"]) == {"a", "b"}


def test_the_other_answer_to_the_open_question_replaces_maps() -> None:
    stored, _ = settled(SHAPE, {"items": {"a": {"type": "string"}, "b": {"type": "number"}}})
    sent = {"items": {"a": {"type": "string"}}}
    assert set(merge(SHAPE, stored, sent, replace_maps=True)["items"]) == {"a"}


def test_another_tag_replaces_the_object() -> None:
    stored, _ = settled(SHAPE, {"avatar": {"type": "orb", "colour": "red"}})
    merged = merge(SHAPE, stored, {"avatar": {"type": "image", "url": "https://example.org/a.png"}})
    assert settled(SHAPE, merged)[0]["avatar"] == {"type": "image", "url": "https://example.org/a.png"}


@pytest.mark.parametrize(
    ("sent", "loc", "kind"),
    [
        ({"name": 5}, ["body", "name"], "string_type"),
        ({"name": None}, ["body", "name"], "string_type"),
        ({"voice": {"speed": "fast"}}, ["body", "voice", "speed"], "float_parsing"),
        ({"voice": {"speed": 1.5}}, ["body", "voice", "speed"], "less_than_equal"),
        ({"voice": {"model": "z"}}, ["body", "voice", "model"], "enum"),
        ({"voice": []}, ["body", "voice"], "model_attributes_type"),
        ({"words": "a"}, ["body", "words"], "list_type"),
        ({"words": ["a", 1]}, ["body", "words", 1], "string_type"),
        ({"items": {"x": {}}}, ["body", "items", "x", "type"], "missing"),
        ({"avatar": {"type": "cat"}}, ["body", "avatar"], "union_tag_invalid"),
        ({"extra": {"on": "perhaps"}}, ["body", "extra", "on"], "bool_parsing"),
    ],
)
def test_a_wrong_type_is_told_with_its_place(sent: object, loc: list[object], kind: str) -> None:
    _value, problems = settled(SHAPE, sent)
    assert [(problem["loc"], problem["type"]) for problem in problems] == [(loc, kind)]
    assert {"type", "loc", "msg", "input"} == set(problems[0])


def test_numbers_read_back_as_floats_and_lenient_words_are_taken() -> None:
    value, problems = settled(SHAPE, {"voice": {"speed": 1}, "extra": {"on": "true"}})
    assert problems == []
    assert isinstance(value["voice"]["speed"], float)
    assert value["extra"] == {"on": True}
