"""Agent tests: what a caller says and what must be true of the answer.

Tests have no tags, and a list tells their names alone: so each carries a mark with the digest of its content in its
name. A change by hand that leaves the name as it is cannot be seen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentctl.errors import NotFound
from agentctl.resources.answer import having
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant
from agentctl.resources.declared_test import DeclaredTest
from agentctl.resources.description import described
from agentctl.resources.mark import TOGETHER, listed, marked, parted, prefix, short, version_of
from agentctl.resources.place import Place
from agentctl.sync.kind import Desired, Keyed, Observed, Ref, Scope, Sighting, Traits

TESTS = "/v1/convai/agent-testing"
TEST = "/v1/convai/agent-testing/{test_id}"
KIND = "agent_test"
ATTACHED = "platform_settings.testing.attached_tests"
HELD = "it was changed at the platform; put it back with: agentctl sync --take-ours"


def refs(assistant: Assistant) -> tuple[Ref, ...]:
    """The assistant's own tests."""
    return tuple(Ref(KIND, f"{assistant.key}/{test.name}") for test in assistant.tests)


def attached(assistant: Assistant) -> dict[str, Any]:
    """The part of `platform_settings` that shows the tests at the agent; others may attach theirs beside them."""
    entries = [{"test_id": ref} for ref in refs(assistant)]
    return {"testing": {"attached_tests": entries}} if entries else {}


def says(applied: Mapping[str, Any], test: DeclaredTest) -> bool:
    """Whether what was last applied is what is declared."""
    return applied.get("content") == _content(test)


class AgentTest:
    """One test. It is edited in place and keeps its id and its history of runs, unless its type changes."""

    name = KIND
    traits = Traits(marks=frozenset({"name"}), mark="its name")
    lists: Mapping[str, Keyed] = {}

    def __init__(self, api: Api, scope: Scope) -> None:
        self._api = api
        self._prefix = prefix(scope)

    @classmethod
    def at(cls, place: Place) -> AgentTest:
        """For one workspace and project."""
        return cls(place.api, place.scope)

    def desired(self, assistant: Assistant) -> Iterable[Desired]:
        """Each declared test of the assistant."""
        for ref, test in zip(refs(assistant), assistant.tests, strict=True):
            body = {"name": self._prefix + ref.key, "type": test.type, "content": _content(test)}
            where = f"assistants/{assistant.key}/tests/{test.name}.toml"
            yield Desired(self.name, ref.key, body, where, test, brings=TOGETHER)

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """One list; a bound test that it does not show is looked up by id.

        How the platform's `search` compares names is not documented, so the whole list is read. A test of ours that a
        bound one has replaced, and that an interrupted run left behind, is in the answer under its whole name.
        """
        if not wanted and not bound:
            return {}
        listing = await listed(self._tests(), self._prefix)
        found = listing.by_key
        sightings: dict[str, Sighting] = {}
        for desired in wanted:
            remote_id = bound.get(desired.key)
            if remote_id is None:
                sightings[desired.key] = found.get(desired.key, ())
                continue
            sightings[desired.key] = await listing.bound(remote_id, self.read)
            left = [one for one in found.get(desired.key, ()) if one.remote_id != remote_id]
            sightings |= {marked(one.body).removeprefix(self._prefix): (one,) for one in left}
        strays = {key: tuple(found[key]) for key in found if key not in sightings}
        return {**strays, **sightings}

    async def _tests(self) -> AsyncIterator[Observed]:
        async for entry in self._api.pages(TESTS, items="tests", params={"page_size": 100}):
            if entry.get("type") != "folder":
                yield _observed(f"GET {TESTS}", entry)

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """Nothing to refuse: the source has checked it."""

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """Another type is another test."""
        return "type" in changed

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """POST; the digest is in the name."""
        made = await self._api.post(f"{TESTS}/create", json=_request(desired))
        return str(having(f"POST {TESTS}/create", made, "id")["id"])

    async def read(self, remote_id: str) -> Observed:
        """Its name, its type and the digest that its name carries. Its version is made of all that it says."""
        answer = await self._api.get(TEST, test_id=remote_id)
        return replace(_observed(f"GET {TEST}", answer), version=version_of(answer))

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """PUT: the whole test is written anew, whatever differs.

        A lost answer is AnswerLost: somebody may edit the test before it is sent again.
        """
        answer = await self._api.put(TEST, json=_request(desired), once=True, test_id=remote_id)
        return _observed(f"PUT {TEST}", answer)

    async def delete(self, remote_id: str) -> None:
        """DELETE; one that is gone already is fine."""
        try:
            await self._api.delete(TEST, test_id=remote_id)
        except NotFound:
            return


def _content(test: DeclaredTest) -> str:
    return short(test.digest)


def _request(desired: Desired) -> dict[str, Any]:
    test: DeclaredTest = desired.payload
    return {"name": marked(desired.body), **test.wire()}


def _observed(request: str, answer: object) -> Observed:
    entry = having(request, answer, "id", "name")
    body = {**parted(str(entry["name"])), "type": entry.get("type")}
    return Observed(str(entry["id"]), body, told=described(entry["name"], entry.get("created_at_unix_secs")))
