"""agentctl.console.pages.editing: an assistant of our own table in a form."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from agentctl.verbs.calls import audit
from tests.agentctl.console.conftest import Office
from tests.console import text

pytestmark = pytest.mark.anyio
HERE, EDIT, PREVIEW = "/assistants/theke", "/assistants/theke/edit", "/assistants/theke/preview"
RACHEL = "21m00Tcm4TlvDq8ikWAM"
STORED = "select name, prompt, voice, knowledge, post_call from agentctl.declared_assistants"
HOSTILE = '</textarea><script>alert(1)</script><img src=x onerror="alert(1)">\u202e'


def typed(page: str) -> dict[str, Any]:
    """What a browser would send of that form."""
    form = page[page.index('<form id="edit"') :]
    sent: dict[str, Any] = {}
    for name, value in re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"(?! checked)', form):
        if name != "action_items":
            sent.setdefault(name, []).append(unescape(value))
    for name, value in re.findall(r'(?s)<textarea[^>]* name="([^"]+)"[^>]*>\n(.*?)</textarea>', form):
        sent.setdefault(name, []).append(unescape(value).replace("\n", "\r\n"))
    sent["voice"] = [unescape(one) for one in re.findall(r'<option value="([^"]*)" selected>', form)]
    if re.search(r'name="action_items" value="yes" checked', form):
        sent["action_items"] = ["yes"]
    return {name: values for name, values in sent.items() if name != "_token"}


def differences(page: str) -> str:
    return text(page[page.index('id="preview"') : page.index("</aside>")])


async def test_what_nobody_touched_is_no_change(office: Office) -> None:
    before = office.sql(STORED)
    form = typed(await office.see(EDIT))
    assert form["knowledge_text"] == ["Wir haben ab 8 Uhr offen.", ""]
    assert (form["mail_to"], form["summary_language"]) == (["team@example.org"], ["en"])
    for path in (PREVIEW, EDIT):
        answer = await office.send(path, EDIT, **form)
        assert (answer.status_code, "As it is stored." in answer.text) == (200, True)
    assert office.sql(STORED) == before


async def test_what_is_typed_is_shown_beside_what_is_stored_and_then_saved(office: Office) -> None:
    form = typed(await office.see(EDIT))
    form |= {"prompt": "Nimm Bestellungen an.\r\nSei höflich.", "voice": RACHEL, "name": "Theke 2"}
    form["knowledge_title"][1], form["knowledge_url"][1] = "Karte", "https://example.org/karte"
    form["mail_to"] = "team@example.org\r\nchef@example.org"
    before = office.sql(STORED)

    page = (await office.send(PREVIEW, EDIT, **form)).text
    assert office.sql(STORED) == before, "a preview writes nothing"
    assert "<ins>Sei höflich.</ins>" in page
    for said in ("Theke Theke 2", "Knowledge: Karte https://example.org/karte", "Voice Rachel", "chef@example.org"):
        assert said in differences(page), differences(page)
    assert f'src="{HERE}/voices/{RACHEL}"' in page

    assert (await office.send(EDIT, EDIT, **form)).headers["location"] == f"{HERE}?saved=1"
    [(name, prompt, voice, knowledge, post_call)] = office.sql(STORED)
    assert (name, prompt, voice) == ("Theke 2", "Nimm Bestellungen an.\nSei höflich.", {"id": RACHEL})
    assert knowledge == ["Wir haben ab 8 Uhr offen.", {"title": "Karte", "url": "https://example.org/karte"}]
    assert post_call == {"mail_to": ["team@example.org", "chef@example.org"], "summary_language": "en"}
    (row, *_) = await audit.audit(office.control)
    fields = ["knowledge", "name", "post_call", "prompt", "voice"]
    assert (row["actor"], row["action"], row["subject"]) == ("operator", "edit", {"key": "theke", "fields": fields})
    assert "Saved" in text(await office.see(f"{HERE}?saved=1"))
    assert f"<ins>Rachel <small>{RACHEL}</small></ins>" in await office.see("/plan?only=theke"), "its name is known"
    await office.sync()
    assert "Sei höflich." in str((await office.agents())["Theke 2"])


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", " ", "Name : "),
        ("prompt", "", "Prompt : is missing"),
        ("language", "Klingonisch", "Language : must be"),
        ("voice", "no voice", "Voice : "),
        ("mail_to", "not an address", "E-mail to : must be one mail address"),
        ("outcomes", "only one", "Outcomes : "),
        ("timezone", "Mars/Olympus", "Time zone : "),
        ("knowledge_url", ["ftp://example.org", ""], "knowledge"),
        ("knowledge_title", ["a", "b"], "knowledge[1]: needs a text or a url (got neither)"),
    ],
)
async def test_what_is_wrong_is_said_and_not_saved(office: Office, field: str, value: Any, said: str) -> None:
    before = office.sql(STORED)
    form = {**typed(await office.see(EDIT)), field: value}
    told = differences((await office.send(PREVIEW, EDIT, **form)).text)
    assert said in told, told[-900:]
    answer = await office.send(EDIT, EDIT, **form)
    assert (answer.status_code, office.sql(STORED)) == (422, before)
    if not field.startswith("knowledge"):
        assert re.search(rf'id="{field}"[^>]* aria-invalid="true" aria-describedby="[^"]*{field}-wrong"', answer.text)
        assert f'id="{field}-wrong"' in answer.text, "the field says what is wrong with it"


async def test_there_may_be_many_pieces_of_knowledge(office: Office) -> None:
    known = json.dumps([f"Regal {number} hat Brot." for number in range(60)])
    office.sql("update agentctl.declared_assistants set knowledge = %s", known)
    form = {**typed(await office.see(EDIT)), "name": "Tresen"}
    answer = await office.send(PREVIEW, EDIT, **form)
    assert answer.status_code == 200, text(answer.text)
    assert differences(answer.text).count("Tresen") == 1
    assert "Regal" not in differences(answer.text), "none of it was changed"


async def test_what_somebody_else_saved_meanwhile_is_not_overwritten_unseen(office: Office) -> None:
    form = {**typed(await office.see(EDIT)), "prompt": "Meins."}
    office.sql("update agentctl.declared_assistants set prompt = 'Ihres.', name = 'Tresen'")
    answer = await office.send(EDIT, EDIT, **form)
    assert answer.status_code == 409
    assert "Somebody else saved this meanwhile" in answer.text
    assert "Ihres. Meins." in differences(answer.text)
    assert office.sql(STORED)[0][:2] == ("Tresen", "Ihres.")

    again = await office.send(EDIT, EDIT, **typed(answer.text))
    assert again.status_code == 303
    assert office.sql(STORED)[0][:2] == ("Theke", "Meins.")


async def test_hostile_words_stay_words(office: Office) -> None:
    office.sql("update agentctl.declared_assistants set prompt = %s, first_message = %s", HOSTILE, HOSTILE)
    form = {**typed(await office.see(EDIT)), "name": HOSTILE, "knowledge_title": ["", HOSTILE]}
    for page in (await office.see(EDIT), await office.see(HERE), (await office.send(PREVIEW, EDIT, **form)).text):
        assert "<script>alert" not in page
        assert "<img src=x" not in page


async def test_a_voice_is_heard_from_here_alone(office: Office) -> None:
    answer = await office.http.get(f"{HERE}/voices/{RACHEL}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert answer.content.startswith(b"RIFF")
    for voice in ("nobody", "..%2Fuser", "a" * 65):
        assert (await office.http.get(f"{HERE}/voices/{voice}")).status_code == 404
    assert "Nothing can be heard of this voice" in text(await office.see(f"{HERE}/voices/nobody", 404))


async def test_without_the_platform_a_voice_is_typed(office: Office) -> None:
    await office.sandbox.fault(path="/v1/voices", status=401)
    page = await office.see(EDIT)
    assert re.search(r'<input id="voice" name="voice"', page)
    await office.sandbox.clear_faults()
    assert re.search(r'<select id="voice" name="voice"', await office.see(EDIT)), "what failed is asked again"


async def test_one_of_another_tenant_is_none(office: Office) -> None:
    office.sql("update agentctl.declared_assistants set tenant = 'acme'")
    for path in (HERE, EDIT, PREVIEW):
        await office.see(path, 200 if path == HERE else 404)
