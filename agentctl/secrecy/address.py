"""Secrets inside an address: the password before its host, and what stands under a secret name in its query.

https://user:PASSWORD@example.org/v1?api_key=SECRET#token=SECRET. The rest of an address is no secret, and is what a
person tells two of them apart by. Who stands alone before a web host is let in by that: https://TOKEN@example.org.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_plus

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")
_WEB = re.compile(r"\s*https?:", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^/?#\s]*")
_PARAMETER = re.compile(r"[?&;#]([^=&;#?]*)=([^&;#\s]+)")
# A variable of the call or of a template: it says where the secret comes from, not what it is.
_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")
# An address begins with its scheme: a text that is no address is known by its first characters.
_LONGEST_SCHEME = 40

Span = tuple[int, int]


def spans(text: str, is_secret: Callable[[str], bool]) -> list[Span]:
    """Where in `text` its secrets begin and end; empty for one without any, and for what is no address.

    `is_secret`: whether a parameter of that name is one.
    """
    if "://" not in text[:_LONGEST_SCHEME] or (scheme := _SCHEME.match(text)) is None:
        return []
    found = []
    authority = _AUTHORITY.match(text, scheme.end())
    assert authority is not None
    user = authority.group().rpartition("@")[0]
    name, colon, password = user.partition(":")
    if password:
        start = scheme.end() + len(name) + 1
        found.append((start, start + len(password)))
    elif name and not colon and _WEB.match(text):
        found.append((scheme.end(), scheme.end() + len(name)))
    for match in _PARAMETER.finditer(text, authority.end()):
        if is_secret(unquote_plus(match[1])):
            found.append(match.span(2))
    return [span for span in found if not _VARIABLE.fullmatch(text[slice(*span)])]
