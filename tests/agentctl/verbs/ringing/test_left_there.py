"""Numbers that are left in another workspace: looked for in each, with the secrets that are known already."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from agentctl.errors import ConfigurationError, Problem, Waiting
from agentctl.resources.phone_number import KIND
from agentctl.settings import Settings
from agentctl.sync.kind import Ref, Scope
from agentctl.sync.plan import Failure
from agentctl.tenants import Access, Tenants, read
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.ringing.left_there import named
from agentctl.wiring import Control
from tests.agentctl.test_tenants import Shelf

pytestmark = pytest.mark.anyio
NUMBER = "+498999998100"


class Bound(Shelf):
    """Where everything that is asked for is bound."""

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        if function == "bound_ids":
            return dict.fromkeys(args["keys"], "phnum_1")
        return await super().call(function, args, timeout=timeout)


class There:
    """A project in the workspace of `access`; those of others cannot be looked into."""

    def __init__(self, store: Bound, root: Path, access: Access) -> None:
        self._store, self._root, self.access = store, root, access
        self.scope = Scope("p", "e", f"host/{access.workspace}")

    @property
    def api(self) -> Any:
        raise ConfigurationError([Problem("ELEVENLABS_API_KEY", "is not set")])

    async def store(self) -> Bound:
        return self._store

    async def tenants(self, since: Access | None = None) -> Tenants:
        return await read(self._store, Settings(), self._root, since)

    @asynccontextmanager
    async def within(self, access: Access) -> AsyncIterator[There]:
        yield There(self._store, self._root, access)


async def test_the_plan_says_where_each_is_and_decrypts_no_other_tenants_secret(tmp_path: Path) -> None:
    store = Bound({"a": {"elevenlabs_key": "vault:a"}, "b": {"elevenlabs_key": "vault:b"}}, {"a": "x", "b": "y"})
    access = (await read(store, Settings(), tmp_path)).of("a")
    store.asked.clear()
    control = cast(Control, There(store, tmp_path, access))
    plan = ProjectPlan(waiting=(Failure(Ref(KIND, NUMBER), "a", Waiting("is not at ElevenLabs", "Import it.")),))
    told = await named(control, plan)
    assert store.asked == ["a"]
    said = str(told.waiting[0].error)
    assert said.startswith("is not at ElevenLabs; it is left in the workspace of tenant b, which could not be"), said
    assert said.endswith("Import it.")
    assert str(plan.waiting[0].error) == "is not at ElevenLabs\n  Import it.", "a plan is what it was"
