"""A platform in memory for the engine's tests: objects that merge patches, a store of bindings, a journal of writes."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agentctl.errors import AgentctlError, AnswerLost, NotFound, Rejected, Unreachable
from agentctl.sync.kind import Desired, Keyed, Observed, Sighting, Traits


@dataclass
class Platform:
    """What exists remotely, by kind and id, and every write in order."""

    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    failing: set[tuple[str, str]] = field(default_factory=set)
    refusing: set[tuple[str, str]] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)
    bindings: dict[tuple[str, str], str] = field(default_factory=dict)
    applied: dict[tuple[str, str], Any] = field(default_factory=dict)
    stamps: dict[tuple[str, str], str] = field(default_factory=dict)  # of each binding, another one with each write
    of_others: set[str] = field(default_factory=set)  # ids that are bound in another workspace of the project
    intents: set[tuple[str, str]] = field(default_factory=set)
    said: dict[tuple[str, str], Any] = field(default_factory=dict)
    intended_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    versions: dict[str, str] = field(default_factory=dict)
    lost: set[tuple[str, str]] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)  # kinds
    touched: int = 0  # what every look says
    _clock: Iterator[int] = field(default_factory=itertools.count)
    hidden: int = 0  # so many more looks do not show what has no binding yet

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """The store: bindings only."""
        if function == "bindings":
            return [self._row(name) for name in self.bindings]
        if function == "intents":
            at = self.intended_at.isoformat()
            return [
                {"kind": kind, "key": key, "intended_at": at, "said": copy.deepcopy(self.said.get((kind, key)))}
                for kind, key in self.intents
            ]
        if function == "bound_elsewhere":
            asked = {one for ids in args["ids"].values() for one in ids}
            return sorted(asked & self.of_others)
        name = (args["kind"], args["key"])
        match function:
            case "bind":
                if args["expected"] != (self.stamps[name] if name in self.bindings else None):
                    return None
                self.bindings[name], self.applied[name] = args["remote_id"], copy.deepcopy(args["applied"])
                self.stamps[name] = str(next(self._clock))
                self.intents.discard(name)
                return {"updated_at": self.stamps[name]}
            case "intend":
                new = name not in self.intents
                self.intents.add(name)
                if new or args["again"]:
                    self.said[name] = copy.deepcopy(args["said"])
                return {"new": new, "remote_id": self.bindings.get(name)}
            case "forget_intent":
                self.intents.discard(name)
            case "unbind":
                if args["remote_id"] in (None, self.bindings[name]):
                    self.bindings.pop(name)
        return {}

    def _row(self, name: tuple[str, str]) -> dict[str, Any]:
        memory = {"applied": copy.deepcopy(self.applied[name]), "updated_at": self.stamps.get(name)}
        return {"kind": name[0], "key": name[1], "remote_id": self.bindings[name], **memory}


MARKED = Traits(marks=frozenset({"name"}))


@dataclass
class Thing:
    """A kind whose specs are dicts {"key": …, "<kind>": body}."""

    name: str
    platform: Platform
    lists: Mapping[str, Keyed] = field(default_factory=dict)
    immutable: frozenset[str] = frozenset()
    traits: Traits = MARKED
    refusal: AgentctlError | None = None
    refuses_changes: bool = False
    marks: bool = False
    free: bool = True

    def desired(self, spec: Mapping[str, Any]) -> Iterable[Desired]:
        if self.name in spec:
            yield Desired(self.name, spec["key"], spec[self.name], where=f"{spec['key']}.toml")

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        mine = self.platform.objects.setdefault(self.name, {})
        found: dict[str, list[Observed]] = {}
        seen = {desired.key for desired in wanted}
        for desired in wanted:
            if desired.key in bound:
                ids = [bound[desired.key]]
            else:
                ids = [i for i in mine if i.startswith(f"{desired.key}#")] if self._shown() else []
            found[desired.key] = [self._observed(i) for i in ids if i in mine]
        known = {one.remote_id for sighting in found.values() for one in sighting}
        for stray in [i for i in mine if self.marks and i not in known]:
            # One that was replaced has the key too, and is shown by its whole name.
            key = stray.partition("#")[0]
            found.setdefault(stray if key in seen else key, []).append(self._observed(stray))
        return found

    def _shown(self) -> bool:
        if not self.platform.hidden:
            return True
        self.platform.hidden -= 1
        return False

    def _observed(self, remote_id: str) -> Observed:
        body = copy.deepcopy(self.platform.objects[self.name][remote_id])
        return Observed(remote_id, body, self.platform.versions.get(remote_id, ""), self.free, self.platform.touched)

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        if self.refusal is not None and (self.refuses_changes or not exists):
            raise self.refusal

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        return bool(self.immutable & changed)

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        mine = self.platform.objects.setdefault(self.name, {})
        remote_id = f"{desired.key}#{len(self.platform.writes)}"
        self._write("create", desired.key)
        mine[remote_id] = self._kept(body)
        if (self.name, desired.key) in self.platform.lost:
            raise AnswerLost(f"no answer to the create of {desired.key}")
        return remote_id

    async def read(self, remote_id: str) -> Observed:
        if self.name in self.platform.unreadable:
            raise Unreachable(f"no answer to a look at {remote_id}")
        if remote_id not in self.platform.objects.get(self.name, {}):
            raise NotFound(f"there is no {remote_id}", status=404)
        return self._observed(remote_id)

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        self._write("update", desired.key)
        _merge(self.platform.objects[self.name][remote_id], self._kept(patch))
        if (self.name, desired.key) in self.platform.lost:
            raise AnswerLost(f"no answer to the edit of {desired.key}")
        return await self.read(remote_id)

    async def delete(self, remote_id: str) -> None:
        self._write("delete", remote_id)
        del self.platform.objects[self.name][remote_id]

    def _write(self, verb: str, key: str) -> None:
        if (self.name, key) in self.platform.failing:
            raise Unreachable(f"no answer while writing {key}")
        if (self.name, key) in self.platform.refusing:
            raise Rejected(f"{key}: field required", status=422)
        self.platform.writes.append((verb, self.name, key))

    def _kept(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {key: copy.deepcopy(value) for key, value in body.items() if key not in self.platform.ignored}


def _merge(into: dict[str, Any], patch: Mapping[str, Any]) -> None:
    for key, value in patch.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)
