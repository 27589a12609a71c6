"""agentctl.console.states: what whoever looks at a tenant is told of how its assistants stand."""

from __future__ import annotations

import pytest

from agentctl.console.kept import Kept
from agentctl.console.states import States
from agentctl.errors import AgentctlError, UsageError
from agentctl.verbs import status
from agentctl.verbs.places import Everywhere
from agentctl.verbs.status import Standing
from agentctl.wiring import Control
from tests.agentctl.console.conftest import Office
from tests.console import Guest

pytestmark = pytest.mark.anyio


async def test_each_is_told_what_is_theirs(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Control] = []

    async def everywhere(control: Control) -> Everywhere[Standing]:
        asked.append(control)
        trouble = AgentctlError("tenant acme: another sync is at work", "Run it again.")
        return Everywhere((Standing("empfang", "drifted", ("agent empfang: name hunter2",)),), (trouble,))

    monkeypatch.setattr(status, "everywhere", everywhere)
    monkeypatch.setattr(guest.control, "veil", lambda said: said.replace("hunter2", "…"))
    states = States(guest.control, Kept())
    whole, told = await states.seen("default", whole=True), await states.seen("praxis", whole=False)
    assert whole.standings["empfang"].what == ("agent empfang: name …",), "no page tells a secret"
    assert whole.errors == ("tenant acme: another sync is at work. Run it again.",)
    assert (told.standings["empfang"].state, told.standings["empfang"].what, told.errors) == ("drifted", (), ())
    assert len(asked) == 1, "others ask for the same"

    async def refused(control: Control) -> Everywhere[Standing]:
        raise UsageError("agentctl.toml: no such table")

    monkeypatch.setattr(status, "everywhere", refused)
    states.kept.forget("states")
    assert (await states.seen("default", whole=True)).errors == ("agentctl.toml: no such table",)
    (said,) = (await states.seen("praxis", whole=True)).errors
    assert "agentctl.toml" in said


async def test_declared_are_a_tenants_own(office: Office) -> None:
    office.sql("update agentctl.declared_assistants set tenant = 'acme'")
    store = await office.control.store()
    await store.call("save_tenant", {"tenant": "acme", "set": {"elevenlabs_key": "env:ACME_XI_KEY"}})
    states = States(office.control, Kept())
    assert [one.key for one in await states.declared("default")] == ["empfang"]
    assert [(one.key, one.is_row) for one in await states.declared("acme")] == [("theke", True)]
    assert await states.declared("nobody") == []
