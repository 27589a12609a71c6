"""Whether what is agentctl's in the database lies open to others than the server, and closing it again.

Who may call a function is all that keeps it from users. A dump that is put into a Supabase project, whose default
privileges grant what is new, opens all of them, and so does a `grant all on all functions in schema public`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentctl.calls.inbox import Store
from agentctl.errors import StoreError, StoreUnavailable

REMEDY = "agentctl db migrate takes them; so does: call agentctl.seal()"


@dataclass(frozen=True)
class Loose:
    """Rights that are not meant to be: how many, on how many `objects`, and the first of them in words."""

    count: int = 0
    objects: int = 0
    named: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f", and {self.count - len(self.named)} more" if self.count > len(self.named) else ""
        return f"users may do what only the server is to do, on {self.objects} objects: {'; '.join(self.named)}{more}"


NOTHING = Loose()


async def loose(store: Store) -> Loose:
    """What others than the server may do beyond what is meant for them. Raises StoreError."""
    return _of(await store.call("opened", {}))


async def seal(store: Store) -> None:
    """Take that. Raises StoreError, also where something is left: somebody else has granted it, or migrations run; and
    with what users are to have and do not get, since it would be unsafe.
    """
    answer = await store.call("seal", {})
    left = _of(answer)
    if left.count and answer.get("busy"):
        raise StoreUnavailable("migrations of the store run, which make rights anew", "Run it again after that.")
    if left.count:
        raise StoreError(str(left), "Whoever granted that has to revoke it, or the owner of what it is on.")
    if refused := answer.get("refused"):
        what = "what lay open is closed, and what is meant for users and would be unsafe is closed to them, too"
        raise StoreError(f"{what}: {'; '.join(refused)}", "Run that SQL, then: call agentctl.seal()")


def _of(row: Mapping[str, Any]) -> Loose:
    return Loose(row["count"], row["objects"], tuple(row["named"]))
