"""A platform in memory for the engine's tests: objects that merge patches, a store of bindings, a journal of writes."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentctl.errors import AgentctlError, Unreachable
from agentctl.sync.kind import Desired, Keyed, Observed, Sighting


@dataclass
class Platform:
    """What exists remotely, by kind and id, and every write in order."""

    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    failing: set[tuple[str, str]] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)
    bindings: dict[tuple[str, str], str] = field(default_factory=dict)

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """The store: bindings only."""
        if function == "bindings":
            return [{"kind": kind, "key": key, "remote_id": found} for (kind, key), found in self.bindings.items()]
        name = (args["kind"], args["key"])
        if function == "bind":
            self.bindings[name] = args["remote_id"]
        else:
            self.bindings.pop(name)
        return {}


@dataclass
class Thing:
    """A kind whose specs are dicts {"key": …, "<kind>": body}."""

    name: str
    platform: Platform
    lists: Mapping[str, Keyed] = field(default_factory=dict)
    immutable: frozenset[str] = frozenset()
    refusal: AgentctlError | None = None

    def desired(self, spec: Mapping[str, Any]) -> Iterable[Desired]:
        if self.name in spec:
            yield Desired(self.name, spec["key"], spec[self.name], where=f"{spec['key']}.toml")

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        mine = self.platform.objects.setdefault(self.name, {})
        found: dict[str, Sighting] = {}
        for desired in wanted:
            ids = [bound[desired.key]] if desired.key in bound else [i for i in mine if i.startswith(desired.key + "#")]
            found[desired.key] = [Observed(i, copy.deepcopy(mine[i])) for i in ids if i in mine]
        return found

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        if self.refusal is not None and not exists:
            raise self.refusal

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        return bool(self.immutable & changed)

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        mine = self.platform.objects.setdefault(self.name, {})
        remote_id = f"{desired.key}#{len(self.platform.writes)}"
        self._write("create", desired.key)
        mine[remote_id] = self._kept(body)
        return remote_id

    async def read(self, remote_id: str) -> Observed:
        return Observed(remote_id, copy.deepcopy(self.platform.objects[self.name][remote_id]))

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        self._write("update", desired.key)
        _merge(self.platform.objects[self.name][remote_id], self._kept(patch))
        return await self.read(remote_id)

    async def delete(self, remote_id: str) -> None:
        self._write("delete", remote_id)
        del self.platform.objects[self.name][remote_id]

    def _write(self, verb: str, key: str) -> None:
        if (self.name, key) in self.platform.failing:
            raise Unreachable(f"no answer while writing {key}")
        self.platform.writes.append((verb, self.name, key))

    def _kept(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {key: copy.deepcopy(value) for key, value in body.items() if key not in self.platform.ignored}


def _merge(into: dict[str, Any], patch: Mapping[str, Any]) -> None:
    for key, value in patch.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)
