"""agentctl.secrecy.facing: what stands in a hidden secret's place on the other side is hidden too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.secrecy import facing
from agentctl.secrecy.facing import faced, former

VALUES = st.sampled_from(["a", "***", "", 1, 1.0, True, None, [1], (1,), ["a"], {"a": 1}, {"a": True, "b": []}])
ENTRIES = st.lists(VALUES | st.dictionaries(st.sampled_from(["name", "type", "text"]), VALUES, max_size=2), max_size=6)
TOOL = {"name": "crm", "description": "Schick *** mit.", "timeout": 3}


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("KI v1 ALTERSCHLUESSEL77", "KI v2 ***", "KI *** ***"),
        ("Nimm key=Sommer, bitte.", "Nimm key=***, bitte.", "Nimm key=***, bitte."),
        ("Eins.\nAlt Zwei\nDrei.", "Eins.\n***\nDrei.", "Eins.\n*** ***\nDrei."),
        ("ALTER12345 gilt. Danke.", "Danke. Es gilt: ***", "*** gilt. Danke."),  # it was moved
        ("Nichts davon.", "Nichts davon. Nur ***", "Nichts davon."),
        ("Vormals ganz anders.", "Jetzt so.", "Vormals ganz anders."),
        ({"a": "x ALT", "b": 1}, {"a": "x ***"}, {"a": "x ***", "b": 1}),
        (
            [{"name": "erp"}, {"name": "crm", "description": "Schick alt-1 mit.", "timeout": 3}],
            [TOOL],
            [{"name": "erp"}, {"name": "crm", "description": "Schick *** mit.", "timeout": 3}],
        ),
        (None, "***", None),
    ],
)
def test_what_faces_a_secret_is_not_shown(before: Any, after: Any, shown: Any) -> None:
    assert faced(before, after) == (shown, after)
    assert faced(after, before) == (after, shown)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("Frag nach dem Namen.", "Rufe https://u:***@crm.example.org auf.", "Frag nach dem Namen."),
        ("Frag nach dem Namen.", "Rufe https://crm.example.org/?token=*** auf.", "Frag nach dem Namen."),
        ("Nimm ALTER12345 dort.", "Rufe https://u:***@crm.example.org auf.", "Nimm *** dort."),
        ("Sag Sommer an", "Rufe https://u:***@crm.example.org mit *** auf", "*** *** ***"),  # another one beside it
        ("Sag Sommer an", "Rufe https://crm.example.org/***/x auf", "*** *** ***"),  # no address has one there
    ],
)
def test_what_faces_the_password_of_an_address_is_no_secret_by_that(before: str, after: str, shown: str) -> None:
    assert faced(before, after) == (shown, after)
    assert faced(after, before) == (after, shown)


def test_what_was_one_in_all_likelihood_is_known_from_then_on() -> None:
    assert list(former({"p": "Nimm v1 ALTER12345 stets"}, {"p": "Nimm v2 *** nie"})) == ["ALTER12345"]
    assert not list(former("Ganz ANDERS12345", "Ganz ANDERES12345"))


def simply_paired(before: Sequence[Any], after: Sequence[Any]) -> Iterator[tuple[int, int]]:
    """Which entries face each other, entry by entry."""
    right = [j for j, one in enumerate(after) if one not in before]
    for i in (i for i, one in enumerate(before) if one not in after):
        named = next((j for j in right if facing._name(before[i]) == facing._name(after[j])), None)
        if named is not None:
            right.remove(named)
            yield i, named


@given(ENTRIES, ENTRIES)
def test_entries_are_paired_by_what_they_are_and_are_called(before: list[Any], after: list[Any]) -> None:
    assert list(facing._paired(before, after)) == list(simply_paired(before, after))


def test_a_list_of_thousands_that_is_replaced_by_another_is_gone_through_once() -> None:
    # Entry by entry it would take many minutes.
    before, after = ([{"type": "text", "name": f"{letter}{i}"} for i in range(20_000)] for letter in "de")
    assert faced(before, [*after, *before[1:]]) == (before, [*after, *before[1:]])
