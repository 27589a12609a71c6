"""The text that an HTML fragment shows, as the Markdown that it may have been made from.

The platform gives a text document back as HTML, each line a block of its own
(`GET /v1/convai/knowledge-base/{id}/content`, text/html). Space at the ends of lines and empty lines are lost there.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset({
    "p", "br", "div", "section", "article", "ul", "ol", "li", "table", "tr", "blockquote", "pre",
    "h1", "h2", "h3", "h4", "h5", "h6",
})  # fmt: skip
_HEADING = re.compile(r"h[1-6]")


def text_of(html: str) -> str:
    """The text, entities resolved, one line per block, with a line end at its end; empty if there is none."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (line.rstrip() for line in "".join(reader.parts).split("\n"))
    text = "\n".join(line for line in lines if line)
    return f"{text}\n" if text else ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        self._verbatim += tag == "pre"
        if tag in _BLOCKS:
            self.parts.append("\n")
        if tag == "li":
            self.parts.append("- ")
        elif _HEADING.fullmatch(tag):
            self.parts.append("#" * int(tag[1]) + " ")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")
        self._verbatim -= tag == "pre"
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._silent <= 0:
            self.parts.append(data if self._verbatim > 0 else re.sub(r"[ \t\r\n]+", " ", data))
