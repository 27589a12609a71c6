"""A row of our own table as somebody is about to write it: what a sync would have against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentctl.errors import Problem
from agentctl.sources.loaded import Loaded
from agentctl.sources.mapping import SourceTable
from agentctl.sources.source import Files
from agentctl.sources.table.alone import FilesAndTable
from agentctl.sync.bindings import Store
from agentctl.wiring import Control

EDITED = ("name", "prompt", "first_message", "language", "voice", "knowledge", "post_call")
"""The columns that people edit."""


def is_edited(source: SourceTable | None) -> bool:
    """Whether assistants are declared in our own table, and each of those columns is what it is called."""
    return source is not None and source.is_ours and all(source.places.get(one) == (one,) for one in EDITED)


async def problems(control: Control, key: str, fields: Mapping[str, Any]) -> tuple[Problem, ...]:
    """What would be wrong with the row `key` once it had these `fields`, as a sync reads it. Writes nothing.

    `control`: in the workspace where it lives. That its agent is not adopted yet is nothing that the fields are about.
    Raises as a look at files and table does.
    """
    typed = _Typed(await control.store(), key, fields)

    async def store() -> Store:
        return typed

    files = Files(control.directory, control.environment)
    found = await FilesAndTable(files, store, lambda: control.scope, control.households).one(key)
    if not isinstance(found, Loaded):
        return ()
    return tuple(one for one in found.problems if not one.where.endswith(": agent_id"))


@dataclass(frozen=True)
class _Typed:
    """A store in which the row is already as it was typed."""

    store: Store
    key: str
    fields: Mapping[str, Any]

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        answer = await self.store.call(function, args, timeout=timeout)
        if function != "source_rows":
            return answer
        rows = [
            {**row, "values": {**row["values"], **self.fields}} if row["key"] == self.key else row
            for row in answer["rows"]
        ]
        return {**answer, "rows": rows}
