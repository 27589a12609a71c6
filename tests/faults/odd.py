"""Answers of the platform that are JSON and not what they should be, in place of the true ones.

An answer is known by what is asked of whom: the method and the path with its ids left out. It is replaced as a whole,
or one member of it is, by a value of another type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.memory import InMemory

WHOLE: tuple[Any, ...] = ([], 5, "x", None, {}, [5], [None], True)
_VALUES: tuple[Any, ...] = ([], 5, "x", None, {}, [5], {"x": 5}, True, 1.5)
_ID = re.compile(r"/[a-z]+_[A-Za-z0-9]+(?=/|$)")
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Odd:
    """Every answer to `asked` says `value` at `path`."""

    asked: str
    path: Path
    value: Any

    def of(self, answer: Any) -> Any:
        """The answer with it; as it is where the path leads nowhere."""
        if not self.path:
            return self.value
        place = whole = json.loads(json.dumps(answer))
        for step in self.path[:-1]:
            place = _below(place, step)
        if _below(place, self.path[-1]) is not None:
            place[self.path[-1]] = self.value
        return whole


def _below(place: Any, step: str | int) -> Any:
    if isinstance(place, dict):
        return place.get(step)
    return place[step] if isinstance(place, list) and isinstance(step, int) and step < len(place) else None


def oddities(asked: str, answer: Any) -> Iterator[Odd]:
    """All that may be said instead: as a whole, and of each member, but for those of a list beyond the first."""
    for value in WHOLE:
        yield Odd(asked, (), value)
    for path, true in _members(answer, ()):
        for value in _VALUES:
            if type(value) is not type(true):
                yield Odd(asked, path, value)


def _members(tree: Any, at: Path) -> Iterator[tuple[Path, Any]]:
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree[:1]) if isinstance(tree, list) else ()
    for step, value in parts:
        yield (*at, step), value
        yield from _members(value, (*at, step))


@dataclass
class Odder(httpx.AsyncBaseTransport):
    """The way to the platform, on which `odd` takes the place of true answers. `heard`: one true answer to each."""

    platform: InMemory
    odd: Odd | None = None
    heard: dict[str, Any] = field(default_factory=dict)
    used: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask, and tell something else."""
        answer = await self.platform.handle_async_request(request)
        asked = f"{request.method} {_ID.sub('/*', request.url.path)}"
        if not answer.is_success or "json" not in answer.headers.get("content-type", ""):
            return answer
        said = json.loads(answer.content)
        self.heard.setdefault(asked, said)
        if self.odd is None or self.odd.asked != asked:
            return answer
        self.used += 1
        return httpx.Response(answer.status_code, json=self.odd.of(said), request=request)
