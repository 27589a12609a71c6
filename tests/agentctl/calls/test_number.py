from __future__ import annotations

import pytest

from agentctl.calls.number import Number, read

WHOLE = Number("498999998777", is_whole=True)


@pytest.mark.parametrize(
    "written",
    [
        "+498999998777",
        "+49 89 9999-8777",
        "+49 (0)89 / 9999 8777",
        "0049 (0) 89 99998777".replace("(0) ", "(0)"),
        " tel:+49.89.99998777 ",
        "+49\u00a089\u20119999\u20138777",
    ],
)
def test_a_number_with_its_country_is_one_however_it_is_written(written: str) -> None:
    assert read(written) == WHOLE


@pytest.mark.parametrize("written", ["089 99998777", "(089) 9999-8777", "8999998777"])
def test_one_without_is_that_of_whoever_ends_so(written: str) -> None:
    found = read(written)
    assert found == Number("8999998777", is_whole=False)
    assert found.is_that_of("+498999998777")
    assert not found.is_that_of("+498999998778")
    assert not found.is_that_of(None)


def test_a_whole_number_is_not_the_end_of_another() -> None:
    assert WHOLE.is_that_of("498999998777")
    assert not WHOLE.is_that_of("+1498999998777")


@pytest.mark.parametrize("written", ["conv_7401k5m9", "", "+ ()", "Erika", "12345678-1234-1234-1234-12345678abcd"])
def test_what_is_no_number_is_none(written: str) -> None:
    assert read(written) is None
