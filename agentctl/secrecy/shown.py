"""Values as they may be shown: without what their names tell is secret, and what the secrets of a run are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentctl.secrecy.facing import faced
from agentctl.secrecy.secret import Keys, masked


def shown(value: Any, keys: Keys, veil: Callable[[str], str]) -> Any:
    """`value`, which stands at `keys`, fit to be shown, as JSON too."""
    value = masked(value, keys)
    # Of nearly all that is shown nothing is a secret, and a plan shows every field of a thousand agents.
    whole = "\n".join(texts(value))
    if not whole or veil(whole) == whole:
        return value
    return rewritten(value, lambda one: veil(one) if isinstance(one, str) else one)


def both_shown(before: Any, after: Any, keys: Keys, veil: Callable[[str], str]) -> tuple[Any, Any]:
    """The two sides of a change, fit to be shown beside each other."""
    return faced(shown(before, keys, veil), shown(after, keys, veil))


def rewritten(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """`value` with `leaf` of each part that is neither a map nor a list."""
    if isinstance(value, Mapping):
        return {key: rewritten(one, leaf) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rewritten(one, leaf) for one in value]
    return leaf(value)


def texts(value: Any) -> Iterator[str]:
    """Every text in `value`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts(one)
