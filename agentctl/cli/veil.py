"""What a run shows, without its secrets: at the platform or in a file one may stand where no name tells that it is one.

Its own are those of its settings and files (`Control.veil`); what stands under a secret name is one whoever put it
there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any


class Curtain:
    """The secrets of every environment that the command at hand has opened, also once it has closed it."""

    def __init__(self) -> None:
        self._veils: list[Callable[[str], str]] = []

    def add(self, veil: Callable[[str], str]) -> None:
        """Take out these too."""
        self._veils.append(veil)

    def __call__(self, text: str) -> str:
        """`text` without them."""
        for veil in self._veils:
            text = veil(text)
        return text


CURTAIN: ContextVar[Curtain | None] = ContextVar("curtain", default=None)


def veiled(text: str) -> str:
    """`text` without the secrets of the command at hand."""
    curtain = CURTAIN.get()
    return curtain(text) if curtain else text


def shown(value: Any, keys: tuple[str, ...] = ()) -> Any:
    """`value`, which stands at `keys`, fit to be shown, as JSON too."""
    from agentctl.secrecy.secret import masked

    value = masked(value, keys)
    # Of nearly all that is shown nothing is a secret, and a plan shows every field of a thousand agents.
    whole = "\n".join(_texts(value))
    if veiled(whole) == whole:
        return value
    return rewritten(value, lambda one: veiled(one) if isinstance(one, str) else one)


def rewritten(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """`value` with `leaf` of each part that is neither a map nor a list."""
    if isinstance(value, Mapping):
        return {key: rewritten(one, leaf) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rewritten(one, leaf) for one in value]
    return leaf(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
