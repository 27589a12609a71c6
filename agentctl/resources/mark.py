"""Whose a thing is, told by its name, where the platform knows no tags: `agentctl/<project>/<environment>/<key>`.

Where what was written cannot be read back, `@<sha12>` follows, the beginning of the digest of its content.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentctl.errors import NotFound
from agentctl.sync.kind import Desired, Observed, Scope
from agentctl.sync.target import Target

# Such a name tells the digest of the content, so that neither is written while the other is left as it is there.
TOGETHER = {"content": "name", "name": "content"}
_SHORT = 12
_MARKED = re.compile(rf"agentctl/(?P<scope>[^/]+/[^/]+)/(?P<key>.+)@[0-9a-f]{{{_SHORT}}}")


def prefix(scope: Scope) -> str:
    """What the name of each thing of ours begins with."""
    return f"agentctl/{scope.project}/{scope.environment}/"


def searches(mark: str, target: Target | None, wanted: Sequence[Desired], then: str = "") -> list[str]:
    """With what the names begin that lists are asked for. `mark`: see `prefix`; `then`: what follows whose it is."""
    return [mark] if target is None else [f"{mark}{head}{then}" for head in target.heads([one.key for one in wanted])]


def short(digest: str) -> str:
    """As much of a digest as a name carries."""
    return digest[:_SHORT]


def version_of(seen: Mapping[str, Any]) -> str:
    """The same for what is equal in all that was seen: a version where the platform tells none."""
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def marked(body: Mapping[str, Any]) -> str:
    """The name of what is called `name` and has `content`, a short digest."""
    return f"{body['name']}@{body['content']}"


def parted(name: str) -> dict[str, str | None]:
    """The other way round; `content` is None where the name tells none."""
    head, _, digest = name.rpartition("@")
    return {"name": head, "content": digest} if head else {"name": name, "content": None}


def owner(name: str) -> tuple[str, str] | None:
    """Whose mark with a digest it carries: project/environment, and the key there. None: nobody's."""
    found = _MARKED.fullmatch(name)
    return (found["scope"], found["key"]) if found else None


@dataclass
class Listing:
    """What a list shows: by key what carries our mark, in the order of the list, and everything by id."""

    by_key: dict[str, list[Observed]] = field(default_factory=dict)
    by_id: dict[str, Observed] = field(default_factory=dict)

    async def bound(self, remote_id: str, read: Callable[[str], Awaitable[Observed]]) -> list[Observed]:
        """The one of that id, whatever its name is by now: looked up by `read` where the list does not show it."""
        try:
            return [self.by_id[remote_id] if remote_id in self.by_id else await read(remote_id)]
        except NotFound:
            return []


async def listed(entries: AsyncIterable[Observed], mark: str) -> Listing:
    """All of them; `mark` is the prefix of our own."""
    found = Listing()
    async for observed in entries:
        found.by_id[observed.remote_id] = observed
        name = str(observed.body["name"])
        if name.startswith(mark):
            found.by_key.setdefault(name.removeprefix(mark), []).append(observed)
    return found
