"""Secrets inside an address: the password before its host, and what stands under a secret name in its query.

https://user:PASSWORD@example.org/v1?api_key=SECRET#token=SECRET. The rest of an address is no secret, and is what a
person tells two of them apart by. Who stands alone before a web host is let in by that: https://TOKEN@example.org.
An address may be all of a text, stand in the middle of a prompt, or in another address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_plus

_SIGN = "://"
_SCHEME = re.compile(r"[A-Za-z0-9+.-]", re.ASCII)  # what may stand before the sign
_WEB = ("http", "https")
_NAME = re.compile(r"[?&;#]([^=&;#?\s]*)=")
# A variable of the call or of a template: it says where the secret comes from, not what it is.
_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://(?:\{\{[^{}]*\}\}|\S)*+\s*\Z")
# The same quoted for another address, which is quoted again in a third.
_QUOTED_SIGN = re.compile(r"%(?:25)*3a%(?:25)*2f%(?:25)*2f", re.IGNORECASE)
_UNIT = re.compile(r"%(?:25)*([0-9a-f]{2})|.", re.IGNORECASE)

Span = tuple[int, int]


@dataclass(frozen=True)
class _Form:
    """What an authority and the value of a parameter are made of; `closing` ends a value only where it is in it."""

    authority: re.Pattern[str]
    value: re.Pattern[str]
    closing: str = ""


_ALONE = _Form(re.compile(r"[^/?#\s]*"), re.compile(r"(?:\{\{[^{}]*\}\}|[^&;#\s])++"))
# Quotes, brackets and a full stop are those of the sentence around it.
_AMONG_WORDS = _Form(
    re.compile(r'[^/?#\s"<>`\\]*'), re.compile(r"(?:\{\{[^{}]*\}\}|[^&;#\s\"'<>`{}\\])++"), closing=".,:!?)]*|"
)


def is_address(text: str) -> bool:
    """Whether all of it is one, rather than words among which one may stand."""
    return _SIGN in text and _ADDRESS.match(text) is not None


def spans(text: str, is_secret: Callable[[str], bool]) -> list[Span]:
    """Where in `text` the secrets of its addresses begin and end, in order; empty for a text without any.

    `is_secret`: whether a parameter of that name is one.
    """
    if _SIGN not in text:  # So are nearly all, and it is asked of every text of a thousand agents.
        return _quoted(text, is_secret) if "%" in text and _QUOTED_SIGN.search(text) else []
    form = _ALONE if is_address(text) else _AMONG_WORDS
    found, start = list[Span](), 0
    for line in text.splitlines(keepends=True):
        if _SIGN in line:
            found += [(start + begin, start + end) for begin, end in _of_line(line, form, is_secret)]
        start += len(line)
    found = [span for span in found if not _VARIABLE.fullmatch(text, *span)]
    return _merged([*found, *_quoted(text, is_secret)] if "%" in text else found)


def may_hold(text: str) -> bool:
    """Whether it is worth a look."""
    return _SIGN in text or "%" in text


def _quoted(text: str, is_secret: Callable[[str], bool]) -> list[Span]:
    """Those of addresses that are quoted, once or more often, to stand in another one (RFC 3986, 2.1)."""
    found = list[Span]()
    for run in re.finditer(r"\S+", text):
        if not _QUOTED_SIGN.search(run[0]):
            continue
        units = [(unit, chr(int(unit[1], 16)) if unit[1] else unit[0]) for unit in _UNIT.finditer(run[0])]
        for start, end in spans("".join(char for _, char in units), is_secret):
            found.append((run.start() + units[start][0].start(), run.start() + units[end - 1][0].end()))
    return found


def _of_line(line: str, form: _Form, is_secret: Callable[[str], bool]) -> Iterator[Span]:
    first = None
    sign = line.find(_SIGN)
    while sign >= 0:
        if sign and _SCHEME.match(line, sign - 1):
            authority = form.authority.match(line, sign + len(_SIGN))
            assert authority is not None
            first = first or authority.end()
            yield from _user(authority, line[max(0, sign - 5) : sign].lower().endswith(_WEB))
        sign = line.find(_SIGN, sign + 1)
    if first is None:
        return
    for name in _NAME.finditer(line, first):
        if is_secret(unquote_plus(name[1])) and (value := form.value.match(line, name.end())):
            yield value.start(), value.start() + len(value[0].rstrip(form.closing) if form.closing else value[0])


def _user(authority: re.Match[str], is_web: bool) -> Iterator[Span]:
    """Who stands before the host: the password, or all of it where a web host is told nothing else."""
    user, start = authority[0].rpartition("@")[0], authority.start()
    name, colon, password = user.partition(":")
    if password:
        yield start + len(name) + 1, start + len(user)
    elif name and not colon and is_web:
        yield start, start + len(name)


def _merged(found: Iterable[Span]) -> list[Span]:
    """In order, and one for those that overlap: an address with a secret may be the secret of another."""
    merged = list[Span]()
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif start < end:
            merged.append((start, end))
    return merged
