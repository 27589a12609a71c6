"""Forgetting a call takes the tests with it that were made of it: files, agent tests, what revisions keep of them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from agentctl.calls import made_test
from agentctl.calls.agents_there import must_be_here
from agentctl.calls.made_test import MadeTest
from agentctl.errors import NotFound
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.agent_test import KIND, TEST
from agentctl.resources.endpoints import AGENT
from agentctl.sources import made_tests
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.revisions.keeping import keeping
from agentctl.wiring import Control


@dataclass(frozen=True)
class MadeTests:
    """The tests that were made of some calls.

    `files`: those of this checkout, with the digests of their calls; `ours`: those that the store knows of this project
    and environment, `others`: of any other; `made_of`: the calls of which somebody made one, as far as the audit log
    goes back; `digests`: by call, what its tests are found by.
    """

    files: Mapping[Path, str]
    digests: Mapping[str, Sequence[str]]
    ours: tuple[MadeTest, ...] = ()
    others: tuple[MadeTest, ...] = ()
    made_of: tuple[str, ...] = ()

    @property
    def synced(self) -> tuple[MadeTest, ...]:
        """All that the store knows of."""
        return (*self.ours, *self.others)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The digests of calls that have a test and no file of it here."""
        calls = {*self.made_of, *(test.conversation_id for test in self.synced)}
        there = {one: {*self.digests[one]} for one in calls if not self._has_file(one)}
        return tuple(sorted(set().union(*there.values())))

    def concern(self, conversation_id: str) -> bool:
        """Whether there is something of this call's that `erase` has to do."""
        return self._has_file(conversation_id) or any(test.conversation_id == conversation_id for test in self.synced)

    def _has_file(self, conversation_id: str) -> bool:
        return not {*self.digests.get(conversation_id, ())}.isdisjoint(self.files.values())


async def find(control: Control, conversation_ids: Sequence[str]) -> MadeTests:
    """The tests that were made of these calls. Raises StoreError, and ConfigurationError for an unreadable file."""
    known = await made_test.known(await control.store_of_calls(), conversation_ids)
    digests = {digest for each in known.digests.values() for digest in each}
    files = await asyncio.to_thread(made_tests.made_of, control.directory, digests) if control.has_project else {}
    scope = asdict(control.scope) if control.has_project and known.tests else None
    ours = tuple(one for one in known.tests if _scope(one) == scope)
    others = tuple(one for one in known.tests if one not in ours)
    return MadeTests(files, known.digests, ours, others, known.made_of)


async def erase(control: Control, found: MadeTests, conversation_ids: Sequence[str], *, keep_remote: bool) -> int:
    """Delete the files, the agent tests of this environment unless `keep_remote`, and what revisions have of them.

    The answer is the number of revisions. Held assistants stay held. Raises Busy while a sync runs,
    ConfigurationError for a file that cannot be deleted, Elsewhere with the key of another workspace, StoreError,
    ApiError and Unreachable; doing it again goes on with what is left.
    """
    keys = {_key(path) for path in found.files} | {test.key for test in found.ours}
    if keys:
        async with exclusive(control), keeping(control):
            made_tests.remove(control.directory, found.files)
            if not keep_remote:
                await _at_platform(control, await control.bindings(), keys)
    return await made_test.erase(await control.store_of_calls(), conversation_ids) if found.synced else 0


def _scope(test: MadeTest) -> dict[str, str]:
    return {"project": test.project, "environment": test.environment, "workspace": test.workspace}


def _key(path: Path) -> str:
    return f"{path.parents[1].name}/{path.stem}"


async def _at_platform(control: Control, bindings: Bindings, keys: Collection[str]) -> None:
    ids = {key: remote_id for key in sorted(keys) if (remote_id := bindings.get(Ref(KIND, key)))}
    if ids:  # in another workspace none of them is found either, and what is forgotten here is lost there
        opens = control.settings.place("elevenlabs_api_key")
        agents = {*bindings.of(AGENT_KIND).values()}
        what, then = "no test was deleted", "run it again"
        await must_be_here(control.api, agents, control.workspace, key=opens, undone=what, remedy=then)
    for assistant in sorted({key.partition("/")[0] for key in ids}):
        if agent_id := bindings.get(Ref(AGENT_KIND, assistant)):
            await _detach(control, agent_id, ids.values())
    await bindings.detach(set(ids.values()))
    for key, test_id in ids.items():
        with suppress(NotFound):
            await control.api.delete(TEST, test_id=test_id)
        await bindings.forget(Ref(KIND, key), test_id)


async def _detach(control: Control, agent_id: str, test_ids: Collection[str]) -> None:
    """What an agent does whose test is deleted is not documented, so it lets go of it beforehand."""
    try:
        agent = await control.api.get(AGENT, agent_id=agent_id)
    except NotFound:
        return
    attached = ((agent.get("platform_settings") or {}).get("testing") or {}).get("attached_tests") or []
    left = [entry for entry in attached if entry.get("test_id") not in test_ids]
    if left != attached:
        body = {"platform_settings": {"testing": {"attached_tests": left}}}
        await control.api.patch(AGENT, json=body, agent_id=agent_id)
