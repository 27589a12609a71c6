"""agentctl.secrecy.facing: what stands in a hidden secret's place on the other side is hidden too."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.secrecy.facing import faced, former

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


def test_what_was_one_in_all_likelihood_is_known_from_then_on() -> None:
    assert list(former({"p": "Nimm v1 ALTER12345 stets"}, {"p": "Nimm v2 *** nie"})) == ["ALTER12345"]
    assert not list(former("Ganz ANDERS12345", "Ganz ANDERES12345"))
