"""Secrets among declared values, told by the names they stand under: shown as ***, kept as digests.

A platform's settings may hold a tool's headers or a token, and a plan, the store and a report are read by many. What is
kept still tells whether a secret was changed here or there, since equal secrets have equal digests.

There is one rule, and whoever shows, keeps or writes settings asks it here. A name that holds one of the words below
stands for a secret, unless its last word says that it only tells of one: its id, its type, its limit. Headers and
credentials are secrets whatever is in them, save the name of a header, those that only say in what form and language
the two sides talk, and a reference to what is kept elsewhere ({"secret_id": …}). The id that a user gives a criterion
or the like is none of these names: what is asked about credentials is no credential. An address with a password, or
with a parameter under such a name, holds a secret wherever it stands, in the middle of a prompt too: those parts of it
are shown as ***. Of an address that is all of a value, a digest is kept; a text with one among its words is kept as it
is, since it is the team's own, and history, rollbacks and the comparison of both sides need its words.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from agentctl.secrecy.address import is_address, may_hold, spans

_WORD = re.compile(r"secret(?!ar)|passw|passphrase|passcode|apikey|authorization|credential|token(?!s|i[sz])|^pwd$")
_KEY = re.compile(
    r"(?:^|_)(?:api|private|secret|access|client|role|subscription|sign(?:ing)?|encryption|ssh|auth|shared|master)_keys?(?:_|$)"
)
_TOKENS = re.compile(r"(?:^|_)(?:access|api|auth|bearer|refresh|session|secret)_tokens$|(?:^|_)basic_auth$")
_TELLS = frozenset({
    "id", "ids", "label", "labels", "name", "names", "type", "types", "url", "urls", "uri", "endpoint", "field",
    "fields", "factor", "cost", "method", "methods", "count", "limit", "limits", "budget", "usage", "ttl", "seconds",
    "secs", "expiry", "expires", "expiration", "expired", "at", "header", "policy", "version", "provider", "source",
    "scope", "scopes", "status", "enabled", "required", "description", "format", "env", "digest", "fingerprint",
})  # fmt: skip
_ASKS = frozenset({"is", "has", "max", "min", "num", "enable", "require", "requires"})
# What is a secret as a parameter of an address, where no other name is as short: signed addresses, vendors' keys.
_OF_AN_ADDRESS = frozenset({"key", "sig", "signature", "auth", "pass", "hmac"})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BREAK = re.compile(r"[^a-z0-9]+")
# What is never a secret by its type.
_NEVER = (bool, float)
# Fields of a header that stands in a list as an object; its value is none of them.
_OF_A_HEADER = frozenset({"name", "key", "type", "is_secret"})
# Headers that carry no credential (RFC 9110, 9111). As secrets, their everyday words would be taken out of every text.
_OF_FORM = frozenset({
    "accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "content-encoding",
    "content-language", "content-type", "user-agent",
})  # fmt: skip
# Maps from ids to things: an id may say what is asked about (has_credentials), and nothing in it is a header by that.
_OF_THINGS = frozenset({"criteria", "data_collection", "monitor_configs", "nodes", "edges", "procedures"})
_OF_IDS = "data_collection_scopes"  # from ids to words of the API
_SEAL = "secret:sha256:"
HIDDEN = "***"

Keys = tuple[str, ...]
# Where a value stands. From _NAMED on, a text or a number there is a secret.
_PLAIN, _HEADER, _THINGS, _IDS, _NAMED, _HEADERS, _LIST, _WITHIN = range(8)


def is_secret(keys: Sequence[str]) -> bool:
    """Whether the value at this path is one: `request_headers.X-Key`, `auth.token`; not `max_tokens`, `secret_id`."""
    return _place(keys) >= _NAMED


@lru_cache(maxsize=8192)
def _under(place: int, key: str) -> int:
    """Where that stands which `place` has under `key`."""
    if place == _HEADERS:
        return _PLAIN if key.lower() in _OF_FORM else _WITHIN
    if place in (_LIST, _HEADER):
        return _PLAIN if key in _OF_A_HEADER else _WITHIN
    words = _words(key)
    if place == _WITHIN:
        return _PLAIN if words[-1] in _TELLS else _WITHIN
    if place in (_THINGS, _IDS):
        return _NAMED if place == _THINGS and _names(words) else _PLAIN
    if key in _OF_THINGS or key == _OF_IDS:
        return _IDS if key == _OF_IDS else _THINGS
    if words[-1] == "headers" and words[0] != "attributes":  # attributes_to_headers: names by names
        return _LIST if words[-2:-1] == ["sip"] else _HEADERS
    if not _names(words):
        return _NAMED if place == _NAMED and words[-1] in ("value", "default") else _PLAIN
    return _WITHIN if "credential" in words[-1] else _NAMED


def _words(key: str) -> list[str]:
    return _BREAK.sub(" ", _HUMP.sub(" ", str(key)).lower()).split() or [""]


def _names(words: Sequence[str]) -> bool:
    """Whether a name of these words is that of a secret."""
    if words[-1] in _TELLS or words[0] in _ASKS:
        return False
    name = "_".join(words)
    return any(map(_WORD.search, words)) or bool(_KEY.search(name) or _TOKENS.search(name))


def _place(keys: Sequence[str]) -> int:
    place = _PLAIN
    for key in keys:
        place = _under(place, key)
    return place


def _entry(place: int, value: Any) -> int:
    """Where an entry of a list stands, which is itself at `place`."""
    if place == _THINGS:
        return _PLAIN  # Each says its id in a field.
    if place not in (_HEADERS, _LIST) or not isinstance(value, Mapping):
        return place
    if value.get("type") == "dynamic" and "value" in value:
        return _PLAIN  # It names a variable of the call.
    if str(value.get("name") or value.get("key")).lower() in _OF_FORM:
        return _PLAIN
    is_header = ("name" in value or "key" in value) and ("value" in value or "is_secret" in value)
    return _HEADER if is_header else place


def masked(value: Any, keys: Keys = ()) -> Any:
    """`value`, which stands at `keys`, fit to be shown."""
    return _replaced(value, _place(keys), lambda secret: HIDDEN, _hidden)


def sealed(value: Any, keys: Keys = ()) -> Any:
    """`value`, which stands at `keys`, fit to be kept: a digest stands for each secret. Sealing twice is sealing."""
    return _replaced(value, _place(keys), seal, lambda text: seal(text) if _lets_in(text) else text)


def opened(value: Any, source: Any) -> Any:
    """`value` with each seal replaced by that of `source` which it was made of; others stay sealed."""
    # By all that it says: what was a secret once, and is sealed therefore, need not be one by today's names.
    known = {seal(one): one for _, one, _ in _found(source, (), _PLAIN)}
    return _unsealed(value, known)


def seals(value: Any, keys: Keys = ()) -> Iterator[str]:
    """The dotted path of each secret that is still sealed."""
    return (".".join(path) for path, found, _ in _found(value, keys, _place(keys)) if is_seal(found))


def secrets(value: Any, keys: Keys = ()) -> Iterator[Any]:
    """Every secret in `value`; of an address its secret parts."""
    for _, found, place in _found(value, keys, _place(keys)):
        yield from _of(found, place)


def in_addresses(text: str) -> list[tuple[int, int]]:
    """Where in `text` the secrets of its addresses begin and end."""
    return spans(text, _of_an_address)


def withheld(value: Any, keys: Keys = ()) -> Iterator[Any]:
    """Those of `secrets` that no file gets from the platform: all but those among the words of a text."""
    for _, found, place in _found(value, keys, _place(keys)):
        if place >= _NAMED or _lets_in(found):
            yield from _of(found, place)


def seal(secret: Any) -> Any:
    """What stands for this secret where it is kept; for a seal that is the seal itself."""
    if is_seal(secret):
        return secret
    return _SEAL + hashlib.sha256(str(secret).encode()).hexdigest()


def is_seal(value: Any) -> bool:
    """Whether it stands for a secret."""
    return isinstance(value, str) and value.startswith(_SEAL)


def are_one(some: Any, other: Any) -> bool:
    """Whether one of the two is the seal of the other."""
    if is_seal(some):
        return _is_held(other) and bool(some == seal(other))
    return is_seal(other) and _is_held(some) and bool(other == seal(some))


def _found(value: Any, keys: Keys, place: int) -> Iterator[tuple[Keys, Any, int]]:
    """Every text and number, with its path and where it stands."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _found(one, (*keys, str(key)), _under(place, key))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _found(one, keys, _entry(place, one))
    elif _is_held(value):
        yield keys, value, place


def _of(found: Any, place: int) -> Iterator[Any]:
    if place >= _NAMED:
        yield found
    elif isinstance(found, str):
        yield from (found[start:end] for start, end in spans(found, _of_an_address))


def _lets_in(value: Any) -> bool:
    """Whether it is an address, and nothing but that, with a secret in it."""
    return isinstance(value, str) and is_address(value) and bool(spans(value, _of_an_address))


def _is_held(value: Any) -> bool:
    """Whether a value of its type can be a secret, and is there at all."""
    return isinstance(value, str | int) and bool(value) and not isinstance(value, bool)


def _replaced(value: Any, place: int, change: Callable[[Any], Any], changed: Callable[[str], str]) -> Any:
    """`changed` is for a text in which an address may stand, `change` for what is a secret as a whole."""
    # It is asked for every leaf of a thousand agents: the place is handed down, and each name is looked at once.
    if isinstance(value, dict) or (not isinstance(value, str) and isinstance(value, Mapping)):
        return {
            key: one if one is None or one.__class__ in _NEVER else _replaced(one, _under(place, key), change, changed)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_replaced(one, _entry(place, one), change, changed) for one in value]
    if place >= _NAMED:
        return change(value) if _is_held(value) else value
    return changed(value) if isinstance(value, str) and may_hold(value) else value


def _hidden(text: str) -> str:
    shown, end = "", 0
    for start, stop in spans(text, _of_an_address):
        shown += text[end:start] + HIDDEN
        end = stop
    return shown + text[end:]


@lru_cache(maxsize=1024)
def _of_an_address(name: str) -> bool:
    words = _words(name)
    return _names(words) or "_".join(words) in _OF_AN_ADDRESS


def _unsealed(value: Any, known: Mapping[Any, Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _unsealed(one, known) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_unsealed(one, known) for one in value]
    return known.get(value, value) if is_seal(value) else value
