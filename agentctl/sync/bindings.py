"""(scope, kind, key) -> remote id, kept in the store: written the moment an id exists, so that a crash loses none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from agentctl.sync.kind import Ref, Scope


class Store(Protocol):
    """What is needed of the database: named functions that take and return JSON."""

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """Run one function within `timeout` seconds. Raises StoreError."""


class Bindings:
    """The bindings of one scope: read once, then kept equal to the store."""

    def __init__(self, store: Store, scope: Scope) -> None:
        self._store = store
        self.scope = scope
        self._ids: dict[Ref, str] = {}

    async def load(self) -> Bindings:
        """Read all bindings of the scope and return self."""
        rows = await self._store.call("bindings", asdict(self.scope))
        self._ids = {Ref(row["kind"], row["key"]): row["remote_id"] for row in rows}
        return self

    def get(self, ref: Ref) -> str | None:
        """The bound id, or None."""
        return self._ids.get(ref)

    def of(self, kind: str) -> dict[str, str]:
        """Every binding of one kind: key -> remote id."""
        return {ref.key: remote_id for ref, remote_id in self._ids.items() if ref.kind == kind}

    async def bind(self, ref: Ref, remote_id: str, applied: Mapping[str, Any] | None = None) -> None:
        """Remember the id; `applied` is the body that was last written, for telling apart who changed what."""
        await self._store.call(
            "bind",
            {**asdict(self.scope), "kind": ref.kind, "key": ref.key, "remote_id": remote_id, "applied": applied or {}},
        )
        self._ids[ref] = remote_id

    async def unbind(self, ref: Ref) -> None:
        """Forget the id."""
        await self._store.call("unbind", {**asdict(self.scope), "kind": ref.kind, "key": ref.key})
        self._ids.pop(ref, None)
