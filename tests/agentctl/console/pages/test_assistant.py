"""agentctl.console.pages: one assistant, what it was before, and what was changed at the platform."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from html import unescape
from urllib.parse import unquote

import pytest

from agentctl.clients.hurry import hurried
from agentctl.verbs.calls import audit
from tests.agentctl.console.conftest import Office
from tests.console import Guest, demoted, text

pytestmark = pytest.mark.anyio
HERE = "/assistants/empfang"


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return found[1]


async def test_a_page_tells_how_it_stands_and_what_it_is(office: Office) -> None:
    page = await office.see("/")
    assert f'href="{HERE}"' in page
    told = text(await office.see(f"{HERE}?look=1"))
    for said in ("in sync", "assistants/empfang", "Hilf freundlich weiter.", "Read-only", "Revision 1"):
        assert said in told, told
    row = await office.see("/assistants/theke?look=1")
    assert "Wir haben ab 8 Uhr offen." not in row
    assert 'href="/assistants/theke/edit"' in row
    assert f'href="{HERE}/edit"' not in await office.see(HERE)
    for path in ("/assistants/none", "/assistants/none/take", "/assistants/none/rollback", "/assistants/none/edit"):
        await office.see(path, 404)
    await office.see("/assistants/empfang/edit", 404)


async def test_the_list_and_the_history_are_tables_too(office: Office) -> None:
    await office.edit_there("Empfang", name="Rezeption")
    assert 'href="/assistants.csv"' in await office.see("/")
    assert f'href="{HERE}/history.csv"' in await office.see(HERE)
    rows = [
        list(csv.DictReader(io.StringIO((await office.see(path)).removeprefix("\ufeff"))))
        for path in ("/assistants.csv", f"{HERE}/history.csv")
    ]
    assert [(row["key"], row["state"]) for row in rows[0]] == [("empfang", "drifted"), ("theke", "in sync")]
    assert [row["revision"] for row in rows[1]] == ["1"]
    await office.see("/assistants/none/history.csv", 404)


async def test_of_several_environments_in_a_store_the_one_that_is_served_is_shown(office: Office) -> None:
    store = await office.control.store()
    await store.call("save_tenant", {"tenant": "gast", "set": {"elevenlabs_key": "env:GAST_XI"}})
    for environment in ("aaa", "zzz"):
        office.sql(
            "insert into agentctl.assistants "
            "(tenant, project, environment, workspace, key, name, agent_id, updated_at) "
            "select tenant, project, %s, workspace, key, 'Probe', agent_id || %s, '2020-01-01' "
            "from agentctl.assistants where environment = 'production' and key = 'empfang'",
            *(environment, environment),
        )
    for path in ("/", HERE):
        assert "2020" not in await office.see(path)
    assert office.pages["/"].count('id="assistant-empfang') == 1
    office.control.has_project = False  # nothing says which of them is served
    page = await office.see("/")
    assert page.count('id="assistant-empfang') == 3
    (zzz,) = re.findall(r'class="row" href="([^"]*zzz[^"]*)"', page)
    assert "2020" in await office.see(unescape(zzz))
    # A lodger that lived elsewhere before reads whose workspace that is neither there nor in a link.
    office.sql(
        "update agentctl.assistants set tenant = 'gast', workspace = case environment when 'zzz' then 'host/acme' "
        "else 'host/geheim' end, environment = 'production' where key = 'empfang' and environment <> 'aaa'"
    )
    page = await office.see("/?tenant=gast")
    links = [unescape(one) for one in re.findall(r'class="row" href="([^"]*)"', page)]
    assert ["2020" in await office.see(one) for one in links] == [True, False]
    for one in (page, *links, await office.see(links[0])):
        assert "host/" not in unquote(one)


async def test_a_turn_becomes_a_test_and_is_come_back_to(office: Office) -> None:
    await office.put("conv_1", "Haben Sie offen?", assistant="empfang")
    page = await office.send("/calls/conv_1/test", "/calls/conv_1", turn="0")
    assert page.headers["location"] == "/calls/conv_1?tested=0#turn-0"
    (file,) = (office.root / "assistants" / "empfang" / "tests").iterdir()
    assert str(file.relative_to(office.root)) in text(await office.see("/calls/conv_1?tested=0"))
    for other in ("1", "x", "99999999", "²"):
        assert "A test was written" not in text(await office.see(f"/calls/conv_1?tested={other}"))
    offered = await office.see("/calls")
    assert '<option value="callback">' in offered
    office.sql("""update agentctl.assistants set post_call = '{"outcomes": ["Termin", "Rückruf"]}'""")
    offered = await office.see("/calls")
    assert [offered.count(f'<option value="{one}">') for one in ("Termin", "Rückruf", "complaint")] == [1, 1, 0]
    again = await office.send("/calls/conv_1/test", "/calls/conv_1", turn="0")
    assert "is there already" in text(again.text)


async def test_a_platform_that_never_answers_keeps_no_page_waiting(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentctl.console.page.hurried", lambda seconds: hurried(0.2))
    await office.sandbox.fault(path="/v1/convai/*", times=1000, hang=True)
    seen = await asyncio.gather(*(office.see("/?look=1") for _ in range(5)))
    assert all("no answer from 127.0.0.1" in text(page) for page in seen)
    for path in ("/plan", f"{HERE}/take"):
        assert "no answer from 127.0.0.1" in text(await office.see(path, 502))
    asked = [one for one in await office.sandbox.log() if one["path"] == "/v1/convai/agents" and one["method"] == "GET"]
    await office.sandbox.clear_faults()
    assert "in sync" in text(await office.see("/?look=1")), "what failed is not kept"
    assert len(asked) < 10, "five pages that looked asked once"


async def test_what_was_synced_and_is_declared_no_more_is_still_told(office: Office) -> None:
    office.sql("delete from agentctl.declared_assistants")
    assert "no longer declared" in text(await office.see("/assistants/theke?look=1"))


async def test_what_cannot_be_read_now_is_not_said_to_be_declared_by_nobody(office: Office) -> None:
    (office.root / "assistants" / "empfang" / "assistant.toml").write_text("nmae = 1\n")
    for path in ("/", HERE, "/assistants/theke", "/?look=1"):
        page = text(await office.see(path))
        assert ("unknown" in page, "no longer declared" in page) == (True, False), page
        assert page.count("nmae") == 1, "and why, once"
    assert "What declares it cannot be read now." in text(office.pages[HERE])

    (office.root / "assistants" / "empfang" / "assistant.toml").write_text('name = "Empfang"\n')
    office.sql("update agentctl.declared_assistants set language = 'Klingonisch'")
    for path in ("/", "/assistants/theke"):
        assert "no longer declared" not in text(await office.see(path))


async def test_a_row_that_is_wrong_says_so_and_can_be_put_right(office: Office) -> None:
    office.sql("update agentctl.declared_assistants set language = 'Klingonisch'")
    page = await office.see("/assistants/theke")
    assert "language" in text(page)
    assert 'role="alert"' in page
    assert 'href="/assistants/theke/edit"' in page
    assert (await office.see("/assistants/theke/edit")).count("Klingonisch") == 1


async def test_what_is_declared_is_for_editors(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = {"agent": {"first_message": "Hallo dort"}}
    await office.edit_there("Empfang", name="Rezeption", conversation_config=spoken)
    office.prompt.write_text("Hilf freundlich weiter.\nUnd schnell.\n")
    office.sql("update agentctl.declared_assistants set language = 'Klingonisch'")
    shown = {"/?look=1": "2 differences", f"{HERE}?look=1": "agent empfang: name"}
    for path, what in shown.items():
        assert what in await office.see(path)
    office.http.headers["accept-language"] = "de"
    assert "Agent empfang : name (bei ElevenLabs geändert)," in text(await office.see(f"{HERE}?look=1"))
    assert "2 Unterschiede" in await office.see("/?look=1")
    del office.http.headers["accept-language"]
    assert "klingonisch" in await office.see("/assistants/theke?look=1")

    demoted("viewer", monkeypatch)
    for path, what in shown.items():
        page = text(await office.see(path))
        assert "drifted" in page
        assert "Empfang" in page
        assert what not in page
    assert "Editors see what it is declared to be." in page
    assert "Hilf freundlich weiter." not in page
    assert f'href="{HERE}/history.csv"' in office.pages[f"{HERE}?look=1"], "what was applied when is for viewers, too"
    wrong = text(await office.see("/assistants/theke?look=1"))
    assert "What declares it is wrong" in wrong
    assert "klingonisch" not in wrong


async def test_it_goes_back_as_the_plan_showed_it_and_is_held(office: Office) -> None:
    office.prompt.write_text("Hilf gar nicht.\n")
    await office.sync()
    page = await office.see(f"{HERE}/rollback?to=1")
    assert "<ins>Hilf freundlich weiter.</ins>" in page
    agreed = {"to": "1", "mark": hidden(page, "mark"), "total": "1", "page": HERE}

    await office.edit_there("Empfang", name="Umbenannt")
    stale = await office.send(f"{HERE}/rollback", **agreed)
    assert "went stale" in text(await office.settled(stale.headers["location"]))
    assert f'href="{HERE}/rollback?to=1"' in await office.see(stale.headers["location"])
    assert "gar nicht" in str(await office.agents())

    page = await office.see(f"{HERE}/rollback?to=1")
    assert "~ change 1 agent" in text(page)
    assert "Roll back and hold: 1 change, in part only with the tick" in text(page)
    begun = await office.send(f"{HERE}/rollback", **{**agreed, "mark": hidden(page, "mark"), "ours": "yes"})
    assert "Synced" in text(await office.settled(begun.headers["location"]))
    assert "Hilf freundlich weiter." in str((await office.agents())["Empfang"])
    assert "Held at revision 1" in text(await office.see(HERE))
    assert (await office.send(f"{HERE}/unhold", page=HERE)).headers["location"] == f"{HERE}?unheld=1"
    assert "Held at" not in text(await office.see(HERE))
    rows = [(one["actor"], one["action"]) for one in await audit.audit(office.control)]
    assert rows[:3] == [("operator", "unhold"), ("operator", "rollback"), ("operator", "rollback")]


@pytest.mark.parametrize("to", ["99", "x", "-1", "1e3"])
async def test_what_never_was_is_nowhere_to_go(office: Office, to: str) -> None:
    answer = await office.http.get(f"{HERE}/rollback?to={to}")
    assert answer.status_code in (400, 409)
    assert '<form method="post" action="/assistants/empfang/rollback"' not in answer.text


async def test_what_was_changed_there_goes_into_the_files_as_it_was_shown(office: Office) -> None:
    assert "Nothing to take" in text(await office.see(f"{HERE}/take"))
    await office.edit_there("Empfang", name="Rezeption")
    assert "drifted" in text(await office.see(f"{HERE}?look=1"))
    page = await office.see(f"{HERE}/take")
    assert "<del>Empfang</del> <ins>Rezeption</ins>" in page
    agreed = {"mark": hidden(page, "mark"), "page": HERE}

    await office.edit_there("Rezeption", name="Foyer")
    stale = await office.send(f"{HERE}/take", **agreed)
    assert (stale.status_code, "<ins>Foyer</ins>" in stale.text) == (409, True)
    assert "Empfang" in (office.root / "assistants/empfang/assistant.toml").read_text()

    agreed["mark"] = hidden(stale.text, "mark")
    assert (await office.send(f"{HERE}/take", **agreed)).headers["location"] == f"{HERE}?taken=1"
    assert 'name = "Foyer"' in (office.root / "assistants/empfang/assistant.toml").read_text()
    assert "in sync" in text(await office.see(f"{HERE}?look=1"))


async def test_a_template_is_overwritten_only_by_a_tick_and_what_was_left_is_said(office: Office) -> None:
    (office.root / "agentctl.toml").write_text('project = "beispiel"\n[source.table]\n[vars]\nfirm = "Beispiel"\n')
    office.prompt.write_text("Hilf bei [[firm]] weiter.\n")
    await office.sync()
    theirs = {"agent": {"prompt": {"prompt": "Hilf schnell."}}}
    await office.edit_there("Empfang", name="Rezeption", conversation_config=theirs)
    page = await office.see(f"{HERE}/take")
    assert ("<ins>Hilf schnell.</ins>" in page, "Overwrite the template" in page) == (True, True), page
    assert "agentctl pull" not in text(page)
    agreed = {"mark": hidden(page, "mark"), "mark_of_templates": hidden(page, "mark_of_templates"), "page": HERE}

    part = await office.send(f"{HERE}/take", **agreed)
    assert part.headers["location"] == f"{HERE}/take?taken=1"
    page = await office.see(part.headers["location"])
    assert "but for what is left" in text(page)
    assert "[[firm]]" in office.prompt.read_text()
    assert 'name = "Rezeption"' in (office.root / "assistants/empfang/assistant.toml").read_text()

    agreed |= {"mark_of_templates": hidden(page, "mark_of_templates"), "templates": "yes"}
    assert (await office.send(f"{HERE}/take", **agreed)).headers["location"] == f"{HERE}?taken=1"
    assert office.prompt.read_text() == "Hilf schnell.\n"
    assert "in sync" in text(await office.see(f"{HERE}?look=1"))


async def test_what_a_sync_held_back_leads_to_where_it_is_settled(office: Office) -> None:
    await office.edit_there("Empfang", name="Rezeption")
    await office.edit_there("Theke", name="Tresen")
    assert "Apply these 2 changes, only with the tick" in text(await office.see("/plan"))
    office.sql("update agentctl.declared_assistants set knowledge = %s", '["Wir haben ab 7 Uhr offen."]')
    page = await office.see("/plan")
    assert page.index("Wir haben ab 7 Uhr offen.") < page.index('<details class="notes"><summary>'), (
        "advice stands behind"
    )
    assert "Apply these 3 changes, 2 of them only with the tick" in text(page)
    begun = await office.send("/plan", page="/plan", mark=hidden(page, "mark"), total="2")
    told = await office.settled(begun.headers["location"])
    page = office.pages[begun.headers["location"]]
    assert [f'href="/assistants/{key}/take"' in page for key in ("empfang", "theke")] == [True, False]
    assert all(f'href="/plan?only={key}"' in page for key in ("empfang", "theke"))
    assert "<h1>1 synced, 2 held back</h1>" in page
    assert ("agentctl pull" in told, "write it into the row" in told) == (False, True), told


async def test_without_a_project_nothing_is_declared(operator: Guest) -> None:
    for path in (HERE, f"{HERE}/edit", f"{HERE}/take", f"{HERE}/rollback"):
        await operator.see(path, 404)
