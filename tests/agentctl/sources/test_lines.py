"""Theirs over ours: what reads the same keeps its form."""

from __future__ import annotations

import pytest

from agentctl.sources.lines import laid_over

OURS = "# Zeiten\n\nWir  öffnen um neun.\n\n    - montags\n    - freitags\n\nBis bald.\n\n"
THEIRS = "# Zeiten\nWir öffnen um neun.\n- montags\n- freitags\nBis bald.\n"


@pytest.mark.parametrize(
    ("there", "replaced", "by"),
    [
        ("", "", ""),
        ("neun -> zehn", "Wir  öffnen um neun", "Wir öffnen um zehn"),
        ("- montags\n -> ", "    - montags\n", ""),
        ("- freitags -> - mittwochs\n- freitags", "    - freitags", "- mittwochs\n    - freitags"),
        (f"{THEIRS} -> Alles neu.\n", OURS, "Alles neu.\n\n"),
    ],
)
def test_a_line_that_says_the_same_stays_as_it_is(there: str, replaced: str, by: str) -> None:
    old, _, new = there.partition(" -> ")
    assert laid_over(OURS, THEIRS.replace(old, new)) == OURS.replace(replaced, by)


def test_line_ends_and_the_byte_order_mark_are_ours() -> None:
    assert laid_over("\ufeffEins.\r\n\r\nZwei.\r\n", "Eins.\nDrei.\n") == "\ufeffEins.\r\n\r\nDrei.\r\n"
