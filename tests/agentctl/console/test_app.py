"""agentctl.console: who comes in, and what every page keeps to."""

from __future__ import annotations

import json
import re

import pytest

from agentctl.console.menu import PAGES
from tests.console import HERE, Guest, text, token

pytestmark = pytest.mark.anyio
READ = sorted({page.path for page in PAGES if not page.writes and "{" not in page.path} - {"/live"})
WRITTEN = sorted({re.sub(r"{\w+}", "conv_1", page.path) for page in PAGES if page.writes})


async def test_a_link_opens_once_and_nobody_is_in_without_one(guest: Guest) -> None:
    link = await guest.console.link()
    assert (await guest.http.get("/calls")).headers["location"] == "/enter?after=%2Fcalls"
    assert (await guest.http.get("/enter")).status_code == 401

    assert "set-cookie" not in (await guest.http.head(link)).headers, "who only looks is not in"
    assert (await guest.http.get(f"{link}&after=%2Fcalls%3Fq%3Da")).headers["location"] == "/calls?q=a"
    assert "Calls" in text(await guest.see("/calls"))

    guest.http.cookies.clear()
    assert (await guest.http.get(link)).status_code == 401, "it was used"
    assert (await guest.http.get("/calls")).status_code == 303


@pytest.mark.parametrize("after", ["//evil.example", "/\\evil.example", "https://evil.example", ""])
async def test_a_link_leads_nowhere_else(guest: Guest, after: str) -> None:
    answer = await guest.http.get(await guest.console.link(), params={"after": after}, follow_redirects=False)
    entered = await guest.http.get(f"{await guest.console.link()}&after={after}")
    assert {answer.headers.get("location", "/"), entered.headers["location"]} == {"/"}


@pytest.mark.parametrize("cookie", ["", ".", "a.b", f"{'a' * 43}.{'0' * 64}", "ü.ü", "a" * 4000])
async def test_a_made_up_cookie_is_nobodys(guest: Guest, cookie: str) -> None:
    answer = await guest.http.get("/calls", headers={"cookie": f"agentctl_8080={cookie}".encode()})
    assert answer.status_code == 303


async def test_who_leaves_is_out_also_with_a_copy_of_the_cookie(operator: Guest) -> None:
    kept = operator.http.cookies["agentctl_8080"]
    assert "signed out" in text((await operator.send("/leave")).text)
    answer = await operator.http.get("/calls", headers={"cookie": f"agentctl_8080={kept}"})
    assert answer.status_code == 303


async def test_a_name_that_leads_here_from_elsewhere_shows_nothing(operator: Guest) -> None:
    # DNS rebinding, and a tunnel that was opened for webhooks.
    elsewhere = (
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "[",
        "x.localhost",
        "team.ngrok.app",
        "192.0.2.1",
    )
    unclear = ("evil@127.0.0.1", "127.0.0.1@evil.example", "evil.example\\@127.0.0.1", "127.0.0.1\\.evil.example")
    odd = (
        "localhost.",
        "127.0.0.1:8080:1",
        "127.0.0.1:",
        "127.0.0.1:99999",
        "127.0.0.1/x",
        "[::1",
        "::1",
        "0x7f.1",
        "",
    )
    for host in (*elsewhere, *unclear, *odd):
        assert (await operator.http.get("/calls", headers={"host": host})).status_code == 404, host
        assert (await operator.http.get(await operator.console.link(), headers={"host": host})).status_code == 404
    for host in ("127.0.0.1:8080", "localhost:8080", "LocalHost", "[::1]:9000"):  # the last by way of ssh -L
        assert (await operator.http.get("/enter", headers={"host": host})).status_code in (303, 401), host
    twice = [("host", "127.0.0.1:8080"), ("host", "evil.example")]
    assert (await operator.http.get("/calls", headers=twice)).status_code == 404
    for hops in ("203.0.113.7", "127.0.0.1, 203.0.113.7", "unknown", ""):  # what a tunnel is told to call us itself
        assert (await operator.http.get("/calls", headers={"x-forwarded-for": hops})).status_code == 404
    assert (await operator.http.get("/calls", headers={"x-forwarded-for": "127.0.0.1"})).status_code == 200


async def test_a_page_of_another_scheme_or_port_is_another_page(operator: Guest) -> None:
    form = {"_token": token(await operator.see("/calls")), "theme": "dark"}
    others = (
        "https://127.0.0.1:8080",
        "http://127.0.0.1:3000",
        "http://127.0.0.1",
        "http://localhost:8080",
        "null",
        "",
    )
    odd = (
        "//127.0.0.1:8080",
        "127.0.0.1:8080",
        "http://x@127.0.0.1:8080",
        "http://127.0.0.1:8080/",
        "ftp://127.0.0.1:8080",
    )
    for origin in (HERE, *others, *odd):
        answer = await operator.http.post("/liking", data=form, headers={"origin": origin})
        assert answer.status_code == (303 if origin == HERE else 403), origin


@pytest.mark.parametrize("path", READ)
async def test_every_page_runs_and_loads_nothing_but_our_own(operator: Guest, path: str) -> None:
    answer = await operator.http.get(path)
    policy = answer.headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?! src)|\son\w+=|style=|javascript:|https?://(?!127)", answer.text)


@pytest.mark.parametrize("path", WRITTEN)
async def test_nothing_is_written_but_by_a_form_of_the_session(operator: Guest, path: str) -> None:
    await operator.put("conv_1")
    right = {"_token": token(await operator.see("/calls"))}
    for headers, form in (
        ({}, right),
        ({"origin": "https://evil.example"}, right),
        ({"origin": "null"}, right),
        ({"origin": HERE}, {}),
        ({"origin": HERE}, {"_token": "0" * 64}),
    ):
        assert (await operator.http.post(path, data=form, headers=headers)).status_code == 403
    assert (await operator.http.get("/calls")).status_code == 200, "leaving, too, is no link"
    operator.http.cookies.clear()
    assert (await operator.http.post(path, data=right, headers={"origin": HERE})).status_code == 401


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(guest: Guest) -> None:
    told = (await guest.enter()).headers["set-cookie"].lower()
    assert "httponly" in told
    assert "samesite=lax" in told
    assert "max-age" not in told


async def test_language_and_theme_are_kept(operator: Guest) -> None:
    assert "Anrufe" in text((await operator.http.get("/calls", headers={"accept-language": "de-AT, en;q=0.5"})).text)
    assert (await operator.send("/liking", language="de", theme="dark", after="/items")).headers["location"] == "/items"
    page = await operator.see("/calls")
    assert "Anrufe" in text(page)
    assert 'lang="de" data-theme="dark"' in page
    await operator.send("/liking", language="tlh", theme="<script>")
    assert 'lang="de" data-theme="dark"' in await operator.see("/calls")


async def test_our_own_files_are_kept_by_browsers_and_are_others_once_they_change(operator: Guest) -> None:
    (address,) = re.findall(r'href="(/static/console\.css\?v=[0-9a-f]+)"', await operator.see("/calls"))
    answer = await operator.http.get(address)
    assert "immutable" in answer.headers["cache-control"]
    assert "content-security-policy" in answer.headers
    assert (await operator.http.get("/static/../app.py")).status_code == 404
    assert (await operator.http.get("/static/%2e%2e/app.py")).status_code == 404


async def test_an_open_page_keeps_its_parts_while_they_cannot_be_had(operator: Guest) -> None:
    config = re.search(r"name=\"htmx-config\" content='([^']+)'", await operator.see("/calls"))
    assert config
    assert {"4xx", "5xx"} <= {*json.loads(config[1])["noSwap"]}, "an error has no such part, and would take it away"


async def test_the_page_of_a_sync_that_is_not_known_asks_no_more(operator: Guest) -> None:
    answer = await operator.http.get("/syncs/gone", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (404, "/syncs/gone"), "where people are told so"
    assert "no longer known" in text(await operator.see("/syncs/gone", 404))


async def test_whose_session_ended_while_a_page_was_open_is_told_so(guest: Guest) -> None:
    answer = await guest.http.get("/items", headers={"hx-request": "true"})
    assert (answer.status_code, answer.text) == (401, "")


async def test_what_is_no_page_is_told_by_one(operator: Guest) -> None:
    answer = await operator.http.get("/nothing.csv")
    assert (answer.status_code, "There is no such page" in text(answer.text)) == (404, True)
    assert "content-security-policy" in answer.headers
    assert (await operator.http.get("/nothing.csv", headers={"host": "evil.example"})).text == ""
    assert [(await operator.http.post(path)).status_code for path in ("/nothing", "/calls")] == [404, 405]
