"""Tests that were made of calls: how a test names its call, and what the store knows of them.

A test has a digest of the conversation's id and of whose call it was: whoever has the id finds the test, and the test
leads to nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentctl.calls.inbox import Store
from agentctl.resources.part import OPERATOR

_SECONDS = 60.0  # all revisions are looked through


@dataclass(frozen=True)
class MadeTest:
    """A test that was synced. `key`: the assistant's and its own name. `is_bound`: it is at ElevenLabs."""

    conversation_id: str
    project: str
    environment: str
    workspace: str
    key: str
    is_bound: bool

    @property
    def path(self) -> str:
        """Its file within the project."""
        assistant, _, name = self.key.partition("/")
        return f"assistants/{assistant}/tests/{name}.toml"


@dataclass(frozen=True)
class Known:
    """What the store knows of the tests of some calls of one tenant.

    `tests`: those that were synced; `made_of`: the calls of which one was made; `digests`: by call, what the files of
    its tests are found by.
    """

    tests: tuple[MadeTest, ...]
    made_of: tuple[str, ...]
    digests: Mapping[str, Sequence[str]]


def call_digest(conversation_id: str, tenant: str = OPERATOR) -> str:
    """SHA-256 of the id, of a tenant's with its name, in hex: `agentctl.call_digest` in the store."""
    whose = "" if tenant == OPERATOR else f"{tenant} "
    return hashlib.sha256(f"{whose}{conversation_id}".encode()).hexdigest()


async def known(store: Store, conversation_ids: Sequence[str]) -> Known:
    """What there is of the tests of these calls. Raises StoreError."""
    found = await store.call("made_tests", {"conversation_ids": list(conversation_ids)}, timeout=_SECONDS)
    tests = tuple(
        MadeTest(row["conversation_id"], row["project"], row["environment"], row["workspace"], row["key"], row["bound"])
        for row in found["tests"]
    )
    return Known(tests, tuple(found["made_of"]), found["digests"])


async def erase(store: Store, conversation_ids: Sequence[str]) -> int:
    """Take their tests out of what revisions keep; the answer: how many had some. Raises StoreError."""
    asked = {"conversation_ids": list(conversation_ids)}
    return int((await store.call("erase_tests", asked, timeout=_SECONDS))["revisions"])
