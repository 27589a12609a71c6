"""Secrets among a project's own variables, told by a wider net than what stands among settings of the platform.

No vendor's vocabulary is in [vars]: a `crm_key` there opens a CRM, and a `pin` a door. So a name tells by its last
word, split at _ and humps, in English and in German, with ü as ue and whatever number behind it. A table under such a
name holds secrets only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from agentctl.secrecy.secret import secrets

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BREAK = re.compile(r"[\W_]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_LAST = frozenset({
    "key", "pass", "pw", "pwd", "psk", "pin", "pincode", "jwt", "bearer", "pat", "pem", "hmac", "signature",
})  # fmt: skip
_COMPOUND = re.compile(r"(?:kennwort|geheimnis|schluessel|zugangscode|tuercode)$")  # adminkennwort
_CODES = frozenset({"access", "login", "door", "pin"})
_SECRET = re.compile(r"secret(?!ar)")


def secrets_of(variables: Mapping[str, Any]) -> Iterator[Any]:
    """Every secret in them: by the names of variables, and by whatever tells one among settings."""
    yield from secrets(variables)
    yield from _named(variables, within=False)


def names_secret(name: str) -> bool:
    """Whether a variable of this name is one by itself: `crm_key`, `adminKennwort`; not `keyword`, `postal_code`."""
    # Humps are lost in what is lower case, and a letter and its dots are one or two characters.
    spaced = _HUMP.sub(" ", unicodedata.normalize("NFC", name)).lower().translate(_UMLAUTS)
    words = [word for one in _BREAK.split(spaced) if (word := one.rstrip("0123456789"))]
    if not words:
        return False
    last = words[-1]
    if last == "key" and words[-2:-1] == ["public"]:
        return False
    is_code = last == "code" and not _CODES.isdisjoint(words[-2:-1])
    return last in _LAST or is_code or bool(_COMPOUND.search(last) or _SECRET.search(spaced))


def _named(value: Any, *, within: bool) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _named(one, within=within or names_secret(str(name)))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _named(one, within=within)
    elif within and isinstance(value, str | int) and not isinstance(value, bool) and value:
        yield value
