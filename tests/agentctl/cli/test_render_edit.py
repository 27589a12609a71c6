"""agentctl.cli.render_edit: two values that differ never look the same, and what differs is what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.cli import render_edit, terminal
from agentctl.cli.render_edit import edit_lines
from agentctl.secrecy.secret import sealed
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Ref

LONG = "Guten Tag, hier ist die Praxis am Markt. Sie sprechen mit einem Assistenten, der Termine vergibt. Alles " * 3


@pytest.fixture(autouse=True)
def _no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "wants_colour", lambda: False)


def shown(before: Any, after: Any) -> list[str]:
    return [line.strip() for line in edit_lines(Edit(("field",), before, after))]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{LONG}A", f"{LONG}B"),
        (f"{LONG}A{LONG}", f"{LONG}B{LONG}"),
        (LONG, f"{LONG}B"),
        ({"a": LONG, "b": {"c": "A"}}, {"b": {"c": "B"}, "a": LONG}),
        (f"{LONG}A", {"text": f"{LONG}B"}),
        ("a\xa0b", "a b"),  # a space that does not break
        ("a\u200bb", "ab"),
        ("u\u0308ber", "über"),  # two characters, or one
        ("a\x9fb", "a\u202eb"),  # neither may reach a terminal
        (f"{LONG}\xa0", f"{LONG} "),
    ],
)
def test_two_values_that_differ_do_not_look_the_same(before: Any, after: Any) -> None:
    (line,) = shown(before, after)
    left, right = line.removeprefix("field: ").split(" -> ")
    assert left != right
    assert len(line) < 400


def test_what_was_removed_there_is_not_told_as_changed() -> None:
    lines = list(edit_lines(Edit(("headers", "X-Team"), None, "1", "there")))
    assert lines[0].strip() == "headers.X-Team was removed at the platform:"
    both = Edit(("criteria",), [{"id": "a"}], [{"id": "a"}, {"id": "b"}], "there")
    assert list(edit_lines(both))[-1].strip() == '+ {"id": "b"} (removed at the platform)'


def test_a_long_value_is_cut_around_what_differs() -> None:
    (line,) = shown(f"{LONG}Bis 18 Uhr. {LONG}", f"{LONG}Bis 12 Uhr. {LONG}")
    left, right = line.removeprefix("field: ").split(" -> ")
    for side, hour in ((left, 18), (right, 12)):
        assert side.startswith("…")
        assert f"vergibt. Alles Bis {hour} Uhr." in side
        assert "… (" in side


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Eins.\r\nZwei.\r\n", "Eins.\nZwei.\n"),
        ("Eins.\rZwei.", "Eins.\nZwei."),
        ("Eins.\n", "Eins."),
        ("Eins. \nZwei.", "Eins.\nZwei."),
        ("Eins.\xa0Ja.\nZwei.", "Eins. Ja.\nZwei."),
    ],
)
def test_texts_that_differ_in_what_nobody_sees_are_shown_with_it(before: str, after: str) -> None:
    lines = shown(before, after)[1:]
    gone, come = ([line[1:] for line in lines if line[0] == mark] for mark in "-+")
    assert gone or come
    assert gone != come
    assert "\r" not in "".join(lines)


def test_of_a_list_only_the_entries_that_differ_are_shown_and_each_where_it_does() -> None:
    before = [
        {"id": "one", "goal": f"{LONG}A", "added": True},
        {"id": "two", "goal": "same", "added": True},
        {"goal": f"{LONG}C", "id": "three"},
    ]
    after = [
        {"id": "three", "goal": f"{LONG}D"},
        {"id": "two", "goal": "same"},
        {"id": "one", "goal": f"{LONG}B"},
    ]
    lines = shown(before, after)[1:]
    assert [line[0] for line in lines] == ["-", "+", "-", "+"]
    assert ['Alles A"' in lines[0], 'Alles B"' in lines[1], 'Alles C"' in lines[2], 'Alles D"' in lines[3]] == [
        True
    ] * 4
    assert "same" not in "".join(lines)


def test_of_a_list_it_is_said_that_only_the_order_differs_and_what_is_there_twice() -> None:
    assert shown(["a", "b"], ["b", "a"])[1:] == ["the same entries in another order:", '- ["a", "b"]', '+ ["b", "a"]']
    assert shown(["a", "a"], ["a"])[1:] == ['- "a"']


def test_entries_of_a_list_are_told_apart_as_they_are_however_many_there_are() -> None:
    # Each is compared with few: entry by entry it would take many minutes.
    gone = [{"type": "text", "id": f"d{i}", "usage_mode": "auto"} for i in range(10_000)]
    come = [{"type": "text", "id": Ref("knowledge_document", f"e{i}")} for i in range(10_000)]
    sides = render_edit._unlike([*gone, {"id": "kept", "more": 1}], [{"id": "kept"}, *come])
    assert sides == (gone, come)
    clear = [{"api_key": "canary1"}, {"api_key": 5}]
    kept = [sealed(one) for one in clear]
    assert kept != clear
    assert render_edit._unlike([*clear, 4], [*kept, 4.0]) == ([], [])
    assert render_edit._unlike([*kept, 4.0], [*clear, 4]) == ([], [])


def test_that_a_secret_differs_is_said_and_the_secret_is_not() -> None:
    def calls(old: str, text: str = "x") -> list[dict[str, Any]]:
        return [{"url": "u", "headers": {"X-Key": old}, "text": text}, {"url": "v", "headers": {"X-Key": "canary"}}]

    hidden = '{"url": "u", "headers": {"X-Key": "***"}, "text": "x"}'
    assert shown(calls("canary1"), calls("canary2"))[1:] == [f"! {hidden} (a secret in it differs)"]
    seen = shown(calls("canary1", "y"), calls("canary2"))[1:]
    assert seen == [f"- {hidden}".replace('"x"', '"y"'), f"+ {hidden}"], "the other entry is the same"
    address = "https://www.example.org/?token=canary{}"
    (line,) = shown(address.format(1), address.format(2))
    assert line == 'field: "https://www.example.org/?token=***" (a secret in it differs)'
    (line,) = shown({"headers": {"X-Key": "canary1"}}, {"headers": {"X-Key": "canary2"}})
    assert line.endswith("(a secret in it differs)")
