"""Work that goes on in a later run, on whatever machine: its state is kept in the store between its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from agentctl.errors import SyncError
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Scope
from agentctl.wiring import Control

State = TypeVar("State")


@dataclass(frozen=True)
class Undertaking:
    """One piece of work of a project, by its name. Its state is JSON and holds no secret. Every verb raises StoreError.

    Save before a step what the next run could not find out after it. The next run may be another version's: what a
    state is given later needs a default, and what is not known is passed over.
    """

    store: Store
    scope: Scope
    name: str

    @classmethod
    async def of(cls, control: Control, name: str) -> Undertaking:
        """For the control's project, environment and workspace."""
        return cls(await control.store(), control.scope, name)

    async def state(self, model: type[State]) -> State | None:
        """What was saved last, as `model` (a dataclass); None where nothing is under way.

        Raises SyncError where it is none.
        """
        found = await self.store.call("undertaking", self._terms())
        if not found:
            return None
        try:
            return TypeAdapter(model).validate_python(found["state"])
        except ValidationError:
            raise SyncError(
                f"the {self.name} under way was begun by another version of agentctl, and this one cannot read it",
                "Go on with that version, or with a newer one. Nothing was touched.",
            ) from None

    async def is_under_way(self) -> bool:
        """Whether it was begun and is not at its end."""
        return bool(await self.store.call("undertaking", self._terms()))

    async def age_seconds(self) -> float:
        """Since it was begun, by the store's clock; 0 where nothing is under way."""
        found = await self.store.call("undertaking", self._terms())
        return float(found["age_seconds"]) if found else 0.0

    async def save(self, state: Mapping[str, Any]) -> None:
        """Remember `state` instead of what was there."""
        await self.store.call("save_undertaking", {**self._terms(), "state": dict(state)})

    async def forget(self) -> None:
        """It is at its end."""
        await self.store.call("forget_undertaking", self._terms())

    def _terms(self) -> dict[str, Any]:
        return {**asdict(self.scope), "name": self.name}
