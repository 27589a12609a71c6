"""agentctl.verbs.former_secrets: what is looked through for secrets holds nothing else up."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agentctl.calls.wire import LARGE
from agentctl.secrecy.veil import Veil
from agentctl.sync import veiling
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired
from agentctl.sync.plan import Change, Plan
from agentctl.verbs import former_secrets
from agentctl.wiring import Control

pytestmark = pytest.mark.anyio


class Store:
    """It keeps no fingerprint."""

    async def call(self, name: str, args: object) -> list[str]:
        return []


@pytest.mark.parametrize(("length", "is_aside"), [(100, False), (LARGE, True)])
async def test_a_large_plan_is_looked_through_aside(
    length: int, is_aside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    genuine = veiling.veiled

    def seen(plan: Plan, veil: Veil) -> Plan:
        threads.append(threading.current_thread())
        return genuine(plan, veil)

    async def store() -> Store:
        return Store()

    monkeypatch.setattr(veiling, "veiled", seen)
    control: Any = SimpleNamespace(project=SimpleNamespace(name="probe"), veil=Veil(), store=store)
    edit = Edit(("prompt",), "Nimm v1 ALTER12345 stets", f"Nimm v2 *** nie{' und' * length}"[: length + 20])
    plan = Plan((Change("update", Desired("agent", "a", {}, "a", None), (edit,)),))
    assert await former_secrets.veiled(cast(Control, control), plan) == plan
    assert [one is not threading.main_thread() for one in threads] == [is_aside]
    assert control.veil("ALTER12345") == "***"
