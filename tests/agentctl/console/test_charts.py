"""agentctl.console.charts: drawings that say in figures what they draw."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from agentctl.console import charts
from agentctl.console.charts import Scale

HOSTILE = "<script>alert(1)</script>"


@pytest.mark.parametrize("most", [0.003, 0.5, 1, 3, 7, 11, 41, 99, 100, 101, 1450, 1e6])
def test_whatever_the_most_is_it_fits_and_half_of_the_room_is_used(most: float) -> None:
    for on in (charts.scale(most), charts.lasting(most)):
        assert most <= on.top * (1 + 1e-9)
    assert charts.scale(most).top <= 2.5 * most
    assert charts.counting(int(most) or 1).top % 2 == 0 or charts.counting(int(most) or 1).top == 1
    assert charts.counting(0).ticks == (2, 1, 0), "a day without calls has whole numbers beside it, too"


def test_a_bar_is_as_high_as_its_value_and_stands_on_the_one_below() -> None:
    drawn = ElementTree.fromstring(charts.bars("calls", "Calls", [[3, 0], [1, 2]], ["a", "b"], Scale(4)))
    below, above = (one.get("d") for one in drawn if one.get("class") in charts.CLASSES)
    assert below == "M140 25h220V100h-220z", "nothing is drawn of nothing"
    assert above == "M140 0h220V25h-220zM640 50h220V100h-220z"


def test_a_line_has_a_gap_where_a_day_has_no_value() -> None:
    drawn = ElementTree.fromstring(charts.lines("wait", "Wait", [[1, 2, None, 4]], list("abcd"), Scale(4)))
    line, dots = (one.get("d") or "" for one in drawn if "one" in (one.get("class") or ""))
    assert re.sub(r"[\d. ]+", "", line) == "MLM"
    assert dots.count("h0") == 3
    long = charts.lines("wait", "Wait", [[1, 1, None, 2, None] * 20], [""] * 100, Scale(4))
    assert long.count("h0") == 20, "of many days those alone that no line leads to"


def test_a_drawing_is_an_image_with_a_name_and_says_each_day() -> None:
    drawn = ElementTree.fromstring(charts.bars("calls", f"Calls {HOSTILE}", [[1, 2]], ["Monday", HOSTILE], Scale(4)))
    title = drawn.find("title")
    assert title is not None
    assert drawn.get("role") == "img"
    assert drawn.get("aria-labelledby") == title.get("id")
    assert title.text == f"Calls {HOSTILE}"
    assert [one.text for one in drawn.iter("title")][1:] == ["Monday", HOSTILE]
    assert "style" not in charts.bars("calls", "Calls", [[1]], ["a"], Scale(4))


def test_nothing_to_draw_is_no_error() -> None:
    for made in (
        charts.bars("x", "X", [], [], Scale(1)),
        charts.lines("x", "X", [[None, None]], ["a", "b"], Scale(1)),
        charts.spark([]),
        charts.share(7),
    ):
        assert ElementTree.fromstring(made).tag == "svg"
