"""agentctl.console.row_form: what nobody touched is written as it stood."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.datastructures import FormData

from agentctl.console.row_form import Draft, Piece, compared, fields, of_form, of_row


def changed(row: dict[str, Any], **typed: Any) -> dict[str, Any]:
    """What is written of `row` once these were typed into its form."""
    known = of_row(row)
    return fields(row, Draft(**{**known.__dict__, **typed}))


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"voice": "x", "knowledge": "one text", "post_call": "team@example.org"},
        {"voice": {"voiceId": "x", "speed": 1.1}, "knowledge": {"heading": "h", "body": "b"}, "post_call": {}},
        {"knowledge": ["a", None, "", {"question": "q", "answer": "a", "id": 7}], "post_call": {"mailTo": "a@b.de"}},
        {"knowledge": 7, "voice": 7, "post_call": ["?"], "first_message": None},
        {"prompt": "a\r\nb", "language": "de"},
    ],
)
def test_whatever_stands_there_stays(row: dict[str, Any]) -> None:
    assert fields(row, of_row(row)) == {}
    assert list(compared(of_row(row), of_row(row))) == []


def test_what_stands_beside_what_was_changed_stays() -> None:
    assert changed({"voice": {"voiceId": "x", "speed": 1.1}}, voice="y") == {"voice": {"id": "y", "speed": 1.1}}
    assert changed({"voice": "x"}, voice="") == {"voice": None}
    assert changed({"first_message": "Hi"}, first_message=" ") == {"first_message": None}
    row = {"knowledge": ["a", {"question": "q", "answer": "w", "id": 7}]}
    kept = of_row(row).knowledge
    assert changed(row, knowledge=kept[1:]) == {"knowledge": row["knowledge"][1:]}
    assert changed(row, knowledge=()) == {"knowledge": None}
    more = (*kept, Piece("Karte", url=" https://example.org "), Piece("b", "c", usage="prompt"))
    told = [{"title": "Karte", "url": "https://example.org"}, {"title": "b", "text": "c", "usage": "prompt"}]
    assert changed(row, knowledge=more) == {"knowledge": [*row["knowledge"], *told]}
    after = {"mailTo": "a@b.de", "timezone": "UTC", "actionItems": False}
    assert changed({"post_call": after}, outcomes="x\n\n y ", action_items="yes")["post_call"] == {
        "mail_to": "a@b.de", "timezone": "UTC", "action_items": True, "outcomes": ["x", "y"],
    }  # fmt: skip
    assert changed({"post_call": "a@b.de"}, mail_to="") == {"post_call": None}


def test_a_form_is_read_as_browsers_send_it() -> None:
    form = FormData(
        [("prompt", "a\r\nb"), ("knowledge_title", "t"), ("knowledge_text", "x\r\ny"), ("knowledge_url", ""),
         ("knowledge_usage", "auto"), ("knowledge_title", " "), ("knowledge_text", ""), ("knowledge_url", ""),
         ("knowledge_usage", "auto")]
    )  # fmt: skip
    assert of_form(form) == Draft(prompt="a\nb", knowledge=(Piece("t", "x\ny"),), action_items="no")


def test_what_differs_is_told_by_name() -> None:
    before = Draft(name="a", knowledge=(Piece("k", "old"), Piece("gone", "x")), mail_to="a@b.de")
    after = Draft(name="b", knowledge=(Piece("k", "new"), Piece("page", url="u")))
    assert list(compared(before, after)) == [
        ("name", "", "a", "b"),
        ("knowledge", "k", "old", "new"),
        ("knowledge", "gone", "x", None),
        ("knowledge", "page", None, "u"),
        ("mail_to", "", "a@b.de", None),
    ]
