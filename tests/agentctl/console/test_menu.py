"""agentctl.console.menu: whoever does something on a page, or lists calls, is in the audit log."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agentctl.console.menu import PAGES
from agentctl.verbs.calls import audit
from tests.agentctl.console.conftest import Office
from tests.console import Guest

pytestmark = pytest.mark.anyio
CALL = "/calls/conv_1"
# Each with what is posted to it, and what the row says that is left.
WRITES: dict[str, tuple[str, dict[str, str], str]] = {
    "/plan": ("/plan", {"mark": "=none"}, "sync"),
    "/assistants/{key}/rollback": ("/assistants/empfang/rollback", {"to": "1", "mark": "=none"}, "rollback"),
    "/assistants/{key}/take": ("/assistants/empfang/take", {"mark": "none"}, "pull"),
    "/assistants/{key}/unhold": ("/assistants/empfang/unhold", {}, "unhold"),
    "/assistants/{key}/edit": ("/assistants/theke/edit", {"name": "Tresen", "prompt": "Ja.", "language": "de"}, "edit"),
    "/talk/{key}": ("/talk/empfang", {}, "talk"),
    "/items": ("/items", {"done": "yes"}, "done"),
    "/health/again": ("/health/again", {"event": ""}, "retry"),
    "/health/examination": ("/health/examination", {}, "doctor"),
    "/calls/{conversation_id}/test": (f"{CALL}/test", {"turn": "0"}, "to-test"),
    "/calls/{conversation_id}/digest": (f"{CALL}/digest", {}, "digest"),
    "/calls/{conversation_id}/forget": (f"{CALL}/forget", {"keep_remote": "yes"}, "forgot"),
}
# What is shown to whoever typed it, and what concerns nobody but the person's own browser.
SILENT = {"/assistants/{key}/preview", "/liking", "/leave"}


async def rows(office: Office) -> list[dict[str, Any]]:
    return await audit.audit(office.control)


async def done(office: Office, path: str, **form: str) -> None:
    """What goes on in the server, too."""
    answer = await office.send(path, **form)
    if "/syncs/" in (run := answer.headers.get("location", "")):
        await office.settled(run)


async def test_whatever_is_done_is_noted(office: Office) -> None:
    assert {page.path for page in PAGES if page.writes} == WRITES.keys() | SILENT
    await office.put("conv_1", assistant="empfang")
    office.sql("update agentctl.events set state = 'dead'")
    (item,) = re.findall(r'name="item" value="([^"]+)"', await office.see("/items"))
    [(seen,)] = office.sql("select updated_at::text from agentctl.declared_assistants")
    for path, form, action in WRITES.values():
        before = await rows(office)
        await done(office, path, item=item, updated_at=seen, **form)
        new = [row["action"] for row in await rows(office) if row not in before]
        assert action in new, path


async def test_what_was_not_done_does_not_read_as_done(office: Office) -> None:
    for path in ("/assistants/empfang/take", "/plan", "/assistants/empfang/rollback"):
        await done(office, path, mark="=none", to="1")
    told = {row["action"]: row["subject"].get("outcome") for row in await rows(office)}
    assert told == {"list": None, "pull": "Stale", "sync": "Stale", "rollback": "Stale"}


async def test_a_list_is_noted_once_and_without_what_was_searched_for(operator: Guest) -> None:
    await operator.put("conv_1", "Frau Muster, bitte")
    by_itself = {"hx-request": "true"}
    for path in ("/calls?q=Muster&number=089+99998100&assistant=empfang", "/items?items=any"):
        await operator.see(path)
        assert (await operator.http.get(path, headers=by_itself)).status_code == 200
    told = [(row["action"], row["subject"]) for row in await audit.audit(operator.control)]
    assert told == [
        ("actions list", {"action_items": 1, "asked": {"items": "any"}}),
        ("list", {"calls": 1, "asked": {"search": True, "number_ending": True, "assistant": "empfang"}}),
    ]
