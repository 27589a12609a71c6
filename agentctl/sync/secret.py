"""Secrets among declared values, told by the names they stand under: shown as ***, kept as digests.

A platform's settings may hold a tool's headers or a token, and a plan, the store and a report are read by many. What is
kept still tells whether a secret was changed here or there, since equal secrets have equal digests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

_NAMED = re.compile(r"(?:^|[_-])(?:secret|token|password|passwd|api[_-]?key|authorization|private[_-]?key)$", re.I)
_WITHIN = re.compile(r"(?:^|[_-])headers$", re.I)
_SEAL = "secret:sha256:"
HIDDEN = "***"

Keys = tuple[str, ...]


def is_secret(keys: Sequence[str]) -> bool:
    """Whether the value at this path is one: `request_headers.X-Key`, `auth.token`; not `max_tokens`, `secret_id`."""
    return bool(keys) and (_names(keys[-1]) or any(map(_opens, keys[:-1])))


@lru_cache(maxsize=4096)
def _names(key: str) -> bool:
    """Whether what stands under `key` is a secret."""
    return bool(_NAMED.search(key))


@lru_cache(maxsize=4096)
def _opens(key: str) -> bool:
    """Whether everything in what stands under `key` is a secret."""
    return bool(_WITHIN.search(key))


def masked(value: Any, keys: Keys = ()) -> Any:
    """`value`, which stands at `keys`, fit to be shown."""
    return _replaced(value, keys, lambda secret: HIDDEN)


def sealed(value: Any, keys: Keys = ()) -> Any:
    """`value`, which stands at `keys`, fit to be kept: a digest stands for each secret. Sealing twice is sealing."""
    return _replaced(value, keys, _digest)


def opened(value: Any, source: Any) -> Any:
    """`value` with each seal replaced by the secret of `source` that it was made of; others stay sealed."""
    known = {_digest(secret): secret for secret in secrets(source)}
    return _replaced(value, (), lambda seal: known.get(seal, seal))


def seals(value: Any, keys: Keys = ()) -> Iterator[str]:
    """The dotted path of each secret that is still sealed."""
    for path, found in _found(value, keys):
        if isinstance(found, str) and found.startswith(_SEAL):
            yield ".".join(path)


def secrets(value: Any, keys: Keys = ()) -> Iterator[Any]:
    """Every secret in `value`."""
    for _, found in _found(value, keys):
        yield found


def _found(value: Any, keys: Keys) -> Iterator[tuple[Keys, Any]]:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _found(entry, (*keys, str(key)))
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _found(entry, keys)
    elif _is_held(value) and is_secret(keys):
        yield keys, value


def _is_held(value: Any) -> bool:
    """Whether a value of its type can be a secret, and is there at all."""
    return isinstance(value, str | int) and bool(value) and not isinstance(value, bool)


def _replaced(value: Any, keys: Keys, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _replaced(entry, (*keys, str(key)), change) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(entry, keys, change) for entry in value]
    return change(value) if _is_held(value) and is_secret(keys) else value


def _digest(secret: Any) -> Any:
    if isinstance(secret, str) and secret.startswith(_SEAL):
        return secret
    return _SEAL + hashlib.sha256(str(secret).encode()).hexdigest()
