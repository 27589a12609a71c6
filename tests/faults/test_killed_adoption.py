"""A pull that adopts agents is killed before a step that writes; files are whole or not there, nothing is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentctl.clients.store.postgres import PostgresStore
from agentctl.sources.files import load
from agentctl.verbs.pulling import adopting, adoption, candidates
from agentctl.wiring import Control
from tests.agentctl.verbs.pulling.test_adoption import Workspace, workspace

__all__ = ["workspace"]
PDF = b"%PDF-1.4\nstream\nBT (Preise) Tj ET\nendstream\n"
STRIDE = 3  # 1 takes every step, and minutes
STORE = frozenset({"bind", "bind_all", "unbind", "save_assistant", "save_revision"})


class Killed(BaseException):
    """The process would be gone."""


class Clock:
    """Counts what an adoption writes, and lets nothing happen from step number `fatal` on; 0: never."""

    def __init__(self, patched: pytest.MonkeyPatch, fatal: int) -> None:
        self.steps = 0
        self._fatal = fatal
        everything = lambda *args: True  # noqa: E731 -- what counts as a step
        self._count(patched, httpx.AsyncHTTPTransport, "handle_async_request", everything)
        self._count(patched, Path, "rename", everything)
        self._count(patched, PostgresStore, "call", lambda store, function, *args: function in STORE)

    def _count(self, patched: pytest.MonkeyPatch, owner: Any, name: str, counts: Callable[..., bool]) -> None:
        real = getattr(owner, name)

        def counted(*args: Any, **more: Any) -> Any:
            if counts(*args):
                self.steps += 1
                if 0 < self._fatal <= self.steps:
                    raise Killed
            return real(*args, **more)

        patched.setattr(owner, name, counted)


async def adopted(control: Control, fatal: int = 0) -> int:
    """Adopt every agent; how many steps it took. Raises Killed."""
    found = await adopting.look(control, await candidates.candidates(control, every=True))
    with pytest.MonkeyPatch.context() as patched:
        clock = Clock(patched, fatal)
        assert await adoption.adopt(control, found.adoptions) == ()
        return clock.steps


async def survived(control: Control, fatal: int) -> int | None:
    """How many steps it took, None when it was killed."""
    try:
        return await adopted(control, fatal)
    except Killed:
        return None


def made(workspace: Workspace, project: str) -> None:
    """Two agents with a document that both have and one each, and no files."""
    workspace.sandbox.reset()
    shutil.rmtree(workspace.root / "assistants", ignore_errors=True)
    shutil.rmtree(workspace.root / "shared", ignore_errors=True)
    (workspace.root / "agentctl.toml").write_text(f'project = "{project}"\n')
    both = workspace.text_made("Firma", "Seit 1900.")
    workspace.knowing(both, workspace.file_made("Preise.pdf", PDF), name="Eins")
    workspace.knowing(both, workspace.text_made("Zeiten", "Immer."), name="Zwei")


def there(workspace: Workspace) -> Any:
    """What a caller would notice: the agents by name, and the text of what each of them knows."""
    state = json.loads(json.dumps(workspace.sandbox.state()))
    texts = {key: one["text"] for key, one in state["documents"].items()}
    return len(state["documents"]), {
        agent["name"]: sorted(texts[one["id"]] for one in knowledge_of(agent)) for agent in state["agents"].values()
    }


def knowledge_of(agent: Any) -> Any:
    return agent["conversation_config"]["agent"]["prompt"]["knowledge_base"]


def test_killed_before_any_step(workspace: Workspace) -> None:
    made(workspace, "p0")
    expected = there(workspace)
    steps = workspace.control(adopted)
    assert steps > 12
    assert there(workspace) == expected
    # How many steps it takes depends on what the store is given in one group: the last kills may find it at its end.
    for fatal in range(1, steps + 1, STRIDE):
        made(workspace, f"p{fatal}")
        agents = set(workspace.sandbox.state()["agents"])
        killed = workspace.control(lambda control, fatal=fatal: survived(control, fatal)) is None  # type: ignore[misc]
        assert killed or fatal > steps / 2, f"step {fatal} was not reached"
        assert load(workspace.root).problems == (), f"killed before step {fatal}: half a folder"
        if fatal % 2:  # Whoever prunes first must lose nothing of what was about to be adopted.
            workspace("sync", "--yes", "--prune", "--force")
        assert workspace("pull", "--all", "--yes")[0] == 0
        assert workspace("sync", "--yes", "--prune", "--force")[0] == 0
        assert set(workspace.sandbox.state()["agents"]) == agents, f"killed before step {fatal}"
        assert there(workspace) == expected, f"killed before step {fatal}"
        plan = workspace.json("plan")
        assert (plan["changes"], plan["orphans"], plan["unmanaged"]) == ([], [], []), f"killed before step {fatal}"
