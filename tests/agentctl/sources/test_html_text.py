"""Text that the platform gave back as HTML."""

from __future__ import annotations

import pytest

from agentctl.sources.html_text import text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p># Preise</p><p>Brot &lt; 5 € &amp; mehr</p>", "# Preise\nBrot < 5 € & mehr\n"),
        ("<h2>Zeiten</h2><ul><li>Mo</li><li>Di</li></ul>", "## Zeiten\n- Mo\n- Di\n"),
        ("ohne\n  alles", "ohne alles\n"),
        ("<p>eins<br>zwei</p><script>x()</script>", "eins\nzwei\n"),
        ("<pre>a\n  b</pre>", "a\n  b\n"),
        ("<p> </p>", ""),
    ],
)
def test_lines_are_blocks_and_entities_are_characters(html: str, text: str) -> None:
    assert text_of(html) == text
