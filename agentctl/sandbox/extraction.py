"""Plain text out of uploaded knowledge files, and the HTML that the platform reads them back as.

Good enough to answer a caller from it: no layout, no OCR, PDF text only where the strings are plain.
"""

from __future__ import annotations

import contextlib
import html
import io
import re
import zipfile
import zlib
from html.parser import HTMLParser
from pathlib import PurePosixPath

SUFFIXES = (".pdf", ".txt", ".docx", ".html", ".htm", ".epub")
LIMIT = 21 * 1024 * 1024
_BLOCKS = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "title", "section"})


def text_of(filename: str, content: bytes) -> str:
    """The text of a file. Raises ValueError for a type that the platform does not take, or a file that is broken."""
    suffix = PurePosixPath(filename.lower()).suffix
    if suffix not in SUFFIXES:
        raise ValueError(f"Unsupported file type {suffix or '(none)'}. Supported: {', '.join(SUFFIXES)}")
    if suffix == ".txt":
        return content.decode("utf-8", "replace")
    if suffix in (".html", ".htm"):
        return _html_text(content.decode("utf-8", "replace"))
    if suffix == ".pdf":
        return _pdf_text(content)
    return _archive_text(content, suffix)


def html_of(text: str) -> str:
    """The read-back form: each line a paragraph, escaped, white space gone; the original cannot be had from it."""
    lines = (line.strip() for line in text.splitlines())
    return "".join(f"<p>{html.escape(line, quote=False)}</p>" for line in lines if line)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._silent <= 0:
            self.parts.append(re.sub(r"\s+", " ", data))


def _html_text(source: str) -> str:
    parser = _Text()
    parser.feed(source)
    lines = (line.strip() for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)


def _archive_text(content: bytes, suffix: str) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if suffix == ".docx":
                source = archive.read("word/document.xml").decode("utf-8", "replace")
                return _html_text(re.sub(r"</w:p>", "\n<br/>", source))
            pages = [name for name in archive.namelist() if name.lower().endswith((".xhtml", ".html", ".htm"))]
            return "\n".join(_html_text(archive.read(name).decode("utf-8", "replace")) for name in pages)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"The file is not a readable {suffix[1:]} document.") from error


def _pdf_text(content: bytes) -> str:
    if not content.startswith(b"%PDF"):
        raise ValueError("The file is not a readable pdf document.")
    lines: list[str] = []
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        stream = match.group(1)
        with contextlib.suppress(zlib.error):
            stream = zlib.decompress(stream)
        for shown in re.finditer(rb"\[((?:\\.|[^\]])*)\]\s*TJ|(\((?:\\.|[^()\\])*\))\s*Tj", stream, re.DOTALL):
            parts = re.findall(rb"\(((?:\\.|[^()\\])*)\)", shown.group(1) or shown.group(2))
            lines.append(re.sub(rb"\\([()\\])", rb"\1", b"".join(parts)).decode("cp1252", "replace"))
    return "\n".join(line for line in lines if line.strip())
