"""agentctl.console.home: what a tenant's people read of what goes wrong names no other tenant."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from agentctl.tenants import Access, Tenants
from agentctl.wiring import Control
from tests.agentctl.console.conftest import Office
from tests.console import text

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shared(office: Office) -> Office:
    """`alpha` and `geheim` have workspaces of their own, whose keys are not there; `gast` lives in that of `geheim`."""
    store = await office.control.store()
    for tenant in ("alpha", "geheim"):
        await store.call("save_tenant", {"tenant": tenant, "set": {"elevenlabs_key": f"env:{tenant.upper()}_XI"}})
    await store.call("save_tenant", {"tenant": "gast", "set": {"workspace_of": "geheim"}})
    for tenant in ("alpha", "geheim", "gast"):
        office.sql(
            "insert into agentctl.declared_assistants (tenant, key, name, prompt, language) "
            "values (%s, %s, %s, 'x', 'de')",
            *(tenant, f"von-{tenant}", f"Von {tenant.title()}"),
        )
    return office


def read(page: str) -> str:
    """What can be read there but for the list of tenants, which the operator has."""
    return text(re.sub(r"<option.*?</option>", "", page))


async def test_a_tenant_that_moves_meanwhile_is_told_to_nobody_else(
    shared: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = Control.tenants

    async def tenants(control: Control, since: Access | None = None) -> Tenants:
        found = await genuine(control, since)
        return replace(found, own={}) if since is not None and since.tenant == "geheim" else found

    monkeypatch.setattr(Control, "tenants", tenants)
    for path in ("/", "/assistants/von-alpha", "/numbers"):
        page = read(await shared.see(f"{path}?tenant=alpha"))
        assert "geheim" not in page
        assert "Von Alpha" in page or path == "/numbers"


async def test_who_shares_a_workspace_does_not_read_whose_it_is(shared: Office) -> None:
    page = text(await shared.see("/plan?tenant=gast", 502))
    assert "whoever runs agentctl is told" in page
    assert "geheim" not in page.lower()
    assert "ALPHA_XI is not set" in text(await shared.see("/plan?tenant=alpha", 502)), "one's own"


async def test_what_is_wrong_with_the_operators_files_is_the_operators(shared: Office) -> None:
    folder = shared.root / "assistants" / "geheimnis"
    folder.mkdir()
    (folder / "assistant.toml").write_text("nmae = 1\n")
    assert "geheimnis" in text(await shared.see("/plan", 502))
    page = read(await shared.see("/?look=1&tenant=alpha"))
    assert "whoever runs agentctl is told" in page
    assert "geheimnis" not in page


async def test_a_member_of_a_tenant_that_has_nothing_yet_is_told_of_no_other(shared: Office) -> None:
    shared.sql("insert into agentctl.memberships (tenant, user_id) values ('geheimn', gen_random_uuid())")
    for path in ("/", "/numbers"):
        page = read((await shared.http.get(path, params={"look": "1", "tenant": "geheimn"})).text)
        assert "geheim" not in page.replace("geheimn", ""), page
