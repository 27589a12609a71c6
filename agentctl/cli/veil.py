"""What a run shows, without its secrets: at the platform or in a file one may stand where no name tells that it is one.

Its own are those of its settings and files (`Control.veil`); what stands under a secret name is one whoever put it
there.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentctl.secrecy.veil import Veil


class Curtain:
    """The secrets of every environment that the command at hand has opened, also once it has closed it."""

    def __init__(self) -> None:
        self._veils: list[Veil] = []

    def add(self, veil: Veil) -> None:
        """Take out these too."""
        self._veils.append(veil)

    def __call__(self, text: str) -> str:
        """`text` without them."""
        for veil in self._veils:
            text = veil(text)
        return text

    def found(self, text: str) -> frozenset[str]:
        """Those that stand in `text`: see `Veil.found`."""
        return frozenset[str]().union(*(veil.found(text) for veil in self._veils))


CURTAIN: ContextVar[Curtain | None] = ContextVar("curtain", default=None)


def veiled(text: str) -> str:
    """`text` without the secrets of the command at hand."""
    curtain = CURTAIN.get()
    return curtain(text) if curtain else text


def secrets_in(text: str) -> frozenset[str]:
    """The secrets of the command at hand that stand in `text`: see `Veil.found`."""
    curtain = CURTAIN.get()
    return curtain.found(text) if curtain else frozenset()


def shown(value: Any, keys: tuple[str, ...] = ()) -> Any:
    """`value`, which stands at `keys`, fit to be shown, as JSON too."""
    from agentctl.secrecy import shown as secrecy

    return secrecy.shown(value, keys, veiled)


def both_shown(before: Any, after: Any, keys: tuple[str, ...] = ()) -> tuple[Any, Any]:
    """The two sides of a change: what stands in a secret's place on the other side is not shown either."""
    from agentctl.secrecy import shown as secrecy

    return secrecy.both_shown(before, after, keys, veiled)
