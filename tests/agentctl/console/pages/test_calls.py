"""agentctl.console.pages: calls, one call, and what has to be done after them."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest

from agentctl.console.visit import Visit
from agentctl.console.wording import words
from agentctl.errors import StoreSilent
from agentctl.verbs.calls import audit, digest
from tests.console import Guest, text
from tests.stores import running, stored

pytestmark = pytest.mark.anyio
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> \u202ejavascript:alert(1) [x](javascript:alert(1))"


def listed(page: str) -> list[str]:
    return re.findall(r'id="call-([^"]+)"', page)


async def test_calls_are_listed_searched_and_filtered(operator: Guest) -> None:
    await operator.put("conv_1", "Ich hätte gern einen Parkplatz", direction="inbound", external_number="+498912345678")
    await operator.put("conv_2", "Wann haben Sie geöffnet?", direction="outbound", outcome="answered")

    assert listed(await operator.see("/calls")) == ["conv_2", "conv_1"]
    found = await operator.see("/calls?q=parkplätze")
    assert listed(found) == ["conv_1"]
    assert "<mark>Parkplatz</mark>" in found
    assert listed(await operator.see("/calls?direction=outbound")) == ["conv_2"]
    assert listed(await operator.see("/calls?number=089+12345678")) == ["conv_1"]
    found = await operator.see("/calls?outcome=answered")
    assert listed(found) == ["conv_2"]
    assert '<option value="answered" selected>' in found
    assert listed(await operator.see("/calls?since=2999-01-01")) == []
    nothing = text(await operator.see("/calls?until=1999-01-01"))
    assert ("No call fits" in nothing, "No calls yet" in nothing) == (True, False)
    assert listed(await operator.see("/calls?direction=sideways&items=x")) == ["conv_2", "conv_1"], "is no filter"


@pytest.mark.parametrize("asked", ["number=abc", "since=tomorrow"])
async def test_what_cannot_be_asked_is_said_so(operator: Guest, asked: str) -> None:
    answer = await operator.http.get(f"/calls?{asked}")
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/calls?until=9999-12-31&since=0001-01-01",
        "/items?before=2020-01-01&call=x&position=99999999999999999999",
        "/items?before=2020-01-01&call=x&position=²",
        "/items?before=9999-12-31&call=x&position=0",
    ],
)
async def test_what_lies_beyond_all_that_is_stored_leaves_nothing_out(operator: Guest, path: str) -> None:
    await operator.put("conv_1")
    assert 'href="/calls/conv_1' in await operator.see(path)


async def test_older_calls_are_on_further_pages(operator: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentctl.console.pages.calls._SHOWN", 2)
    for number in range(5):
        await operator.put(f"conv_{number}")
    seen, path = [], "/calls?q=tag"
    while path:
        page = await operator.see(path)
        seen.append(listed(page))
        further = re.search(r'href="([^"]+)" rel="next"', page)
        path = further[1].replace("&amp;", "&") if further else ""
    assert seen == [["conv_4", "conv_3"], ["conv_2", "conv_1"], ["conv_0"]]


async def test_who_goes_on_from_a_call_that_was_forgotten_begins_anew(operator: Guest) -> None:
    answer = await operator.http.get("/calls?q=tag&before=conv_9")
    assert (answer.status_code, answer.headers["location"]) == (303, "/calls?q=tag")


async def test_each_day_has_a_heading_and_its_calls_their_time_alone(operator: Guest) -> None:
    now = datetime.now(UTC).replace(hour=0, minute=0, second=1, microsecond=0)
    for name, days in (("conv_0", 0), ("conv_1", 1), ("conv_2", 1), ("conv_3", 400)):
        await operator.put(name, started_at=(now - timedelta(days=days)).isoformat())
    page = await operator.see("/calls")
    assert re.findall(r'scope="rowgroup"[^>]*>([^<]+)<', page)[:2] == ["Today", "Yesterday"]
    past = now - timedelta(days=400)
    days = [re.findall(r'id="(?:call|day)-([^"]+)"', part) for part in page.split("<tbody")[1:]]
    assert [(one[0], sorted(one[1:])) for one in days] == [
        (now.date().isoformat(), ["conv_0"]),
        ((now - timedelta(days=1)).date().isoformat(), ["conv_1", "conv_2"]),
        (past.date().isoformat(), ["conv_3"]),
    ]
    assert f'title="{words("en").day(past)}, 00:00:01 UTC">00:00</time>' in page


async def test_what_callers_say_is_text_wherever_it_is_shown(operator: Guest) -> None:
    await operator.put("conv_1", HOSTILE, assistant_name=HOSTILE, outcome=HOSTILE, external_number=HOSTILE)
    for path in ("/calls", "/calls?q=alert", "/calls/conv_1", "/items", "/calls/conv_1/forget"):
        page = await operator.see(path)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "\u202e" not in page, "nothing reorders a line"
        assert 'href="javascript:' not in page


async def test_a_megabyte_of_words_is_shown(operator: Guest) -> None:
    await operator.put("conv_1", "Wort " * 200_000)
    assert len(await operator.see("/calls/conv_1")) > 1_000_000
    assert len(await operator.see("/calls?q=wort")) < 20_000
    await operator.put("conv_2", "<" * 1_000_000)
    page = await operator.see("/calls/conv_2")
    runs = re.search(r'<p class="words">(.*?)</p>', page)
    assert runs
    assert {len(unescape(run)) for run in runs[1].split("<wbr>")} == {100}, "else a browser is busy with it for minutes"


async def test_one_call_has_all_of_it_and_a_stranger_is_none(operator: Guest) -> None:
    await operator.put("conv_1", "Bitte rufen Sie zurück.")
    written = await operator.see("/calls/conv_1")
    order = [written.index(f'id="{part}"') for part in ("summary", "items", "turns", "mails")]
    assert order == sorted(order), "on a phone, what was said comes before what it led to"
    page = text(written)
    for told in ("Bitte rufen Sie zurück.", "Rückruf erbeten", "Zurückrufen", "0:01"):
        assert told in page
    assert "Summarise again" not in page, "there is no language model that could"
    assert "There is nothing here" in text(await operator.see("/calls/conv_2", 404))
    assert "There is nothing here" in text(await operator.see("/events/7", 404))
    rows = await audit.audit(operator.control)
    assert [(row["actor"], row["action"], row["subject"]) for row in rows] == [("operator", "show", {"call": "conv_1"})]


async def test_an_item_that_is_ticked_off_stays_so(operator: Guest) -> None:
    await operator.put("conv_1")
    (item,) = set(re.findall(r'name="item" value="([^"]+)"', await operator.see("/calls/conv_1")))
    page = await operator.see("/items")
    assert "Zurückrufen" in text(page)
    assert '<blockquote><a href="/calls/conv_1#turn-0">rufen Sie mich' in page, "the words that it rests on"

    answer = await operator.send("/items", item=item, done="yes", after="/items?items=any")
    assert answer.headers["location"] == "/items?items=any"
    assert "Zurückrufen" not in text(await operator.see("/items"))
    assert 'aria-pressed="true"' in await operator.see("/items?items=any")
    by_itself = await operator.http.get("/calls/conv_1", headers={"hx-request": "true"})
    assert 'aria-pressed="true"' in by_itself.text
    assert "Guten Tag" not in by_itself.text, "what was said is handed out with a row of its own alone"
    rows = await audit.audit(operator.control)
    assert [row["action"] for row in rows if row["action"] in ("done", "show")] == ["done", "show"]

    await operator.send("/items", item=item, done="no")
    assert "Zurückrufen" in text(await operator.see("/items"))
    assert (await operator.send("/items", item="conv_9:1", done="yes")).status_code == 404
    assert (await operator.send("/items", item=item, done="perhaps")).status_code == 400


async def test_tables_hold_all_rows_and_no_formula(operator: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentctl.console.pages.calls._AT_ONCE", 2)
    monkeypatch.setattr("agentctl.console.pages.items._AT_ONCE", 2)
    for number in range(5):
        await operator.put(f"conv_{number}", outcome='=HYPERLINK("https://evil.example")')
    for path, column in (("/calls.csv", "outcome"), ("/items.csv?items=any", "what")):
        answer = await operator.http.get(path)
        assert "attachment" in answer.headers["content-disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
        assert [row["conversation_id"] for row in rows] == [f"conv_{number}" for number in (4, 3, 2, 1, 0)]
        assert not any(row[column].startswith("=") for row in rows)


async def test_what_was_said_is_a_table_too(operator: Guest) -> None:
    await operator.put("conv_1", "=1+1")
    assert 'href="/calls/conv_1/turns.csv"' in await operator.see("/calls/conv_1")
    answer = await operator.http.get("/calls/conv_1/turns.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["role"], row["message"]) for row in rows][:2] == [("user", "'=1+1"), ("agent", "Guten Tag")]
    assert (await audit.audit(operator.control))[0]["action"] == "export"


async def test_what_a_search_has_hit_is_lit_up_in_the_call_and_jumped_to(operator: Guest) -> None:
    await operator.put("conv_1", "Ein <b>Parkplatz</b>, bitte. Parkplatz \x02x! 🚗")
    await operator.put("conv_2", "Ein Parkplatz")
    (link,) = re.findall(r'class="row" href="(/calls/conv_1[^"]*)"', await operator.see("/calls?q=parkplätze"))
    assert link == "/calls/conv_1?q=parkpl%C3%A4tze&amp;list=newest#hit"
    page = await operator.see(unescape(link.partition("#")[0]))
    for found in (page, await operator.see("/calls/conv_1?q=bitte+parkp")):
        assert found.count("<mark>Parkplatz</mark>") == 2
    assert page.count("</mark>") == page.count("<mark>"), "a caller's words have no marks of their own"
    assert "<mark>🚗</mark>" in await operator.see("/calls/conv_1?q=🚗")
    assert "&lt;b&gt;" in page
    assert page.index('id="turn-0"') < page.index('id="hit"') < page.index('id="turn-1"')
    assert 'href="/calls?q=parkpl%C3%A4tze"' in page, "back to what was found"
    for nothing in ("/calls/conv_1", "/calls/conv_1?q=nirgends", "/calls/conv_1?q=%22"):
        assert "mark>" not in await operator.see(nothing)


async def test_a_form_of_a_call_leads_back_to_what_it_was_opened_with(
    operator: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await operator.put("conv_1", "Ein Parkplatz \x01x\x02")
    await operator.put("conv_2", "Zwei Parkplätze")
    opened = "/calls/conv_2?q=parkplatz&list=newest"
    page = await operator.see(opened)
    assert 'href="/calls/conv_2/forget?q=parkplatz&amp;list=newest"' in page
    (test,) = (unescape(one) for one in re.findall(r'action="([^"]*/test[^"]*)"', page))
    store = await operator.control.store()
    await store.call("store_call", stored(await running(store, "conv_3"), "conv_3"))
    assert ("make this a test" in page, "make this a test" in await operator.see("/calls/conv_3")) == (True, False), (
        "of a greeting alone there is no test"
    )
    refused = await operator.send(test, opened, turn="0")  # there is no project to write it to
    next_one = 'href="/calls/conv_1?q=parkplatz&amp;list=newest" rel="next"'
    for told in ('role="alert"', "<mark>Parkplätze</mark>", next_one):
        assert told in refused.text
    refused = await operator.send("/calls/conv_1/test", turn="0")
    assert "mark>" not in refused.text, "a caller's words have none there either"

    async def unchanged(*_: object, **__: object) -> digest.Redigested:
        return digest.Redigested("conv_2", "unchanged")

    monkeypatch.setattr(digest, "digest", unchanged)
    again = await operator.send("/calls/conv_2/digest?q=parkplatz&list=newest", opened)
    assert again.headers["location"] == f"{opened}&digested=unchanged"


async def test_what_the_store_does_not_tell_of_a_list_keeps_nobody_from_its_call(
    operator: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await operator.put("conv_1", "Ein Parkplatz")
    genuine = Visit.ask

    async def silent(visit: Visit, function: str, args: Any = None, *, timeout: float = 10.0) -> Any:
        if function == "calls":
            raise StoreSilent("no answer")
        return await genuine(visit, function, args, timeout=timeout)

    monkeypatch.setattr(Visit, "ask", silent)
    page = await operator.see("/calls/conv_1?q=parkplatz&list=newest")
    assert "Ein Parkplatz" in text(page)
    assert 'href="/calls?q=parkplatz"' in page
    assert ("<mark>" in page, 'rel="next"' in page) == (False, False)


async def test_what_only_takes_a_form_leads_to_the_page_of_it(operator: Guest) -> None:
    for path, page in (
        ("/calls/conv_1/test", "/calls/conv_1"),
        ("/health/again?tenant=default", "/health?tenant=default"),
        ("/liking", "/"),
    ):
        answer = await operator.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, page)
    assert (await operator.http.put("/health/again")).status_code == 405


async def test_a_forgotten_call_is_gone_and_what_cannot_be_erased_is_said(operator: Guest) -> None:
    await operator.put("conv_1")
    assert "Forget this call" in text(await operator.see("/calls/conv_1/forget"))
    refused = await operator.send("/calls/conv_1/forget")
    assert "agentctl.toml: not found" in text(refused.text), "it cannot be erased at ElevenLabs"
    assert listed(await operator.see("/calls")) == ["conv_1"]

    answer = await operator.send("/calls/conv_1/forget", keep_remote="yes")
    assert answer.headers["location"] == "/calls?forgotten=1"
    again = await operator.send("/calls/conv_1/forget", keep_remote="yes")
    assert again.headers["location"] == "/calls?forgotten=1", "sent twice"
    assert listed(await operator.see("/calls?forgotten=1")) == []


async def test_more_pages_than_there_may_be_hear_nothing(operator: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentctl.console.pages.live._MOST_PAGES", 0)
    answer = await operator.http.get("/live")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


async def test_a_call_leads_on_to_what_stands_beside_it_in_the_list_one_came_from(
    operator: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at, outcome in enumerate(["callback", "callback", "callback", "other", "callback", "callback"]):
        await operator.put(f"conv_{at}", outcome=outcome, started_at=f"2026-11-20T0{at}:00:00Z")
    monkeypatch.setattr("agentctl.console.pages.beside._SEEN", 4)
    monkeypatch.setattr("agentctl.console.pages.beside._KEPT", 2)
    page = await operator.see("/calls?outcome=callback")
    (link,) = re.findall(r'href="(/calls/conv_5[^"]*)"', page)
    seen = []
    for rel, steps in (("next", 4), ("prev", 3), ("next", 1)):
        for _ in range(steps):
            shown = await operator.see(unescape(link))
            (link,) = re.findall(rf'href="([^"]*)" rel="{rel}"', shown)
            seen.append(link[12])
    assert "".join(seen) == "4210" + "124" + "2", "conv_3 is none of that list"
    assert 'rel="next"' not in await operator.see(unescape("/calls/conv_0?outcome=callback&list=conv_2"))
    assert 'href="/calls?outcome=callback"' in await operator.see("/calls/conv_5?outcome=callback&list=newest")
    assert 'rel="prev"' not in await operator.see("/calls/conv_5"), "who came from no list is led nowhere"
