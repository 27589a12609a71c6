"""agentctl.console.gates.supabase: people sign in, and see and do what is theirs; genuine rights, a double of Auth."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from agentctl.console.gates import tries
from agentctl.console.menu import PAGES
from agentctl.console.pace import Pace
from agentctl.console.sessions import Session
from tests.console import HERE, Guest, text, token
from tests.postgrest import Project, signed
from tests.rights.world import SECRET
from tests.team import PASSWORD, PEOPLE, Team, sent, signing_in, team

pytestmark = pytest.mark.anyio
ITEM = "select agentctl.item_id(i) from agentctl.action_items i where conversation_id = 'conv_mine1'"


@pytest.fixture
async def ours(supabase_api: Project, dsn: str, tmp_path: Path) -> AsyncIterator[Team]:
    async with team(supabase_api, dsn, tmp_path) as made:
        yield made


@pytest.fixture
async def public(supabase_api: Project, dsn: str, tmp_path: Path) -> AsyncIterator[Team]:
    """The same, where people come from anywhere."""
    async with team(supabase_api, dsn, tmp_path, public_url=HERE) as made:
        yield made


def tokens(guest: Guest) -> str:
    return guest.http.cookies["agentctl_tokens_0_8080"]


def keeps(guest: Guest, value: str) -> None:
    guest.http.cookies.set("agentctl_tokens_0_8080", value, domain="127.0.0.1")


async def is_in(guest: Guest) -> bool:
    answer = await guest.http.get("/calls")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


async def test_each_sees_and_may_what_is_theirs(ours: Team) -> None:
    told: dict[str, list[int]] = {}
    ((item,),) = ours.database.execute(ITEM).fetchall()
    for name in ("viewer", "editor", "admin"):
        guest = await ours.signed_in(name)
        page = await guest.see("/calls")
        assert "conv_mine1" in page
        assert f"{name}@example.org" in text(page)
        menu = re.findall('href="([^"]+)"', page.partition("<nav")[2].partition("</nav>")[0])
        assert menu == ["/", "/calls", "/items", "/numbers", "/glance"] + ["/health"] * (name == "admin")
        ticked = await guest.send("/items", item=item, done="yes" if name == "editor" else "no")
        told[name] = [
            ticked.status_code,
            (await guest.http.get("/calls/conv_mine1/forget")).status_code,
            (await guest.http.get("/plan")).status_code,
        ]
        # Whoever knows the names of another tenant's is told what is told of nothing.
        for path in ("/calls/conv_geheim1", "/calls/conv_none"):
            answer = await guest.http.get(path)
            assert (answer.status_code, SECRET in answer.text.replace("conv_geheim1", "")) == (404, False)
        # A page of a tenant that is not theirs, or is no more, is one of theirs that says so; its parts lead there.
        for path in ("/calls?tenant=foreign", "/calls?tenant=none"):
            led = await guest.http.get(path)
            assert (led.status_code, led.headers["location"], SECRET in led.text) == (303, "/calls", False)
            part = await guest.http.get(path, headers={"hx-request": "true"})
            assert (part.status_code, part.text) == (401, "")
    assert told["viewer"] == [403, 403, 403]
    assert told["editor"][:2] == [303, 403]
    assert told["admin"][:2] == [303, 200]
    assert "conv_geheim1" in await (await ours.signed_in("other")).see("/calls")
    actors = ours.database.execute("select distinct actor from agentctl.audit where action = 'done'").fetchall()
    assert actors == [(f"user:{PEOPLE['editor'].id}",)]


async def test_every_page_runs_for_who_signed_in_and_none_tells_of_another_tenant(ours: Team) -> None:
    guest = await ours.signed_in("admin")
    wanted = {page.path for page in PAGES if not page.writes and "{" not in page.path} - {
        "/live",
        "/plan",
        "/glance.csv",
    }
    for path in sorted(wanted | {"/glance.csv?table=day", "/?look=1", "/health?look=1", "/numbers?look=1"}):
        answer = await guest.http.get(path)
        is_lacking = "ELEVENLABS_API_KEY" in answer.text  # the platform's own pages are tried elsewhere
        assert answer.status_code == 200 or is_lacking, (path, text(answer.text))
        assert SECRET not in answer.text, path


async def test_who_does_not_get_in_is_told_nothing(ours: Team, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    guest, said = await ours.guest(), set()
    ours.auth.users["viewer@example.org"].banned = True
    ours.auth.users["admin@example.org"].confirmed = False
    for email, password in (
        ("editor@example.org", "falsch"),
        ("nobody@example.org", PASSWORD),
        ("viewer@example.org", PASSWORD),
        ("admin@example.org", PASSWORD),
        ("no address", PASSWORD),
    ):
        answer = await signing_in(guest, email, password)
        assert answer.status_code == 401
        assert password not in answer.text
        said.add(text(answer.text))
        assert not {name for name in guest.http.cookies if name != "agentctl_enter_8080"}
    assert len(said) == 1
    assert PASSWORD not in caplog.text
    assert "editor@" not in caplog.text
    held = ours.database.execute("select count(*) from agentctl.console_sessions").fetchone()
    assert held == (0,)


async def test_a_form_is_only_taken_from_our_page_of_that_browser(ours: Team) -> None:
    guest, other = await ours.guest(), await ours.guest()
    form = {"email": "admin@example.org", "password": PASSWORD}
    right = token((await guest.http.get("/enter")).text)
    theirs = token((await other.http.get("/enter")).text)
    for headers, given in (
        ({}, right),
        ({"origin": "https://evil.example"}, right),
        ({"origin": HERE}, theirs),
        ({"origin": HERE}, ""),
    ):
        for path in ("/enter", "/enter/link", "/enter/confirm"):
            answer = await guest.http.post(path, data={**form, "_token": given}, headers=headers)
            assert answer.status_code == 403
    for given in (right, Session("", "").token("enter")):
        fresh = await ours.guest()
        answer = await fresh.http.post("/enter", data={**form, "_token": given}, headers={"origin": HERE})
        assert answer.status_code == 403
        odd = {"origin": HERE, "content-type": "application/x-www-form-urlencoded"}
        for more, status in (("&email=%00", 400), ("&a=1" * 300, 400), (f"&a={'x' * 70_000}", 413)):
            content = f"_token={given}&password={PASSWORD}&email=admin%40example.org{more}"
            answer = await fresh.http.post("/enter", content=content, headers=odd)
            assert (answer.status_code, PASSWORD in answer.text) == (status, False)
    assert ours.auth.requests == []


async def test_where_somebody_wanted_to_go_and_nowhere_else(ours: Team) -> None:
    guest = await ours.guest()
    assert (await guest.http.get("/calls?q=a")).headers["location"] == "/enter?after=%2Fcalls%3Fq%3Da"
    page = (await guest.http.get("/enter?after=%2Fcalls%3Fq%3Da")).text
    assert 'name="after" value="/calls?q=a"' in page
    form = {"email": "viewer@example.org", "password": PASSWORD}
    assert (await sent(guest, "/enter", page, **form, after="//evil.example")).headers["location"] == "/"
    assert (await guest.http.get("/enter?after=%2Fitems")).headers["location"] == "/items"


async def test_somebody_of_no_tenant_is_told_so_and_can_leave(ours: Team) -> None:
    guest = await ours.signed_in("stranger")
    assert (await guest.http.get("/")).headers["location"].startswith("/enter")
    page = await guest.see("/enter", 403)
    assert PEOPLE["stranger"].id in page
    assert (await guest.http.post("/enter/leave", data={"_token": token(page)})).status_code == 403
    assert (await sent(guest, "/enter/leave", page)).status_code == 200
    assert ours.auth.sessions == {}
    assert "Sign in" in text(await guest.see("/enter"))


async def test_a_session_that_was_ended_is_over(ours: Team) -> None:
    guest, again = await ours.signed_in("editor"), await ours.signed_in("editor")
    copied = dict(guest.http.cookies)
    left = await guest.send("/leave")
    assert "signed out" in text(left.text)
    assert set(guest.http.cookies) == {"agentctl_enter_8080", "agentctl_device_8080"}
    assert len(ours.auth.sessions) == 1, "the other browser's"
    guest.http.cookies.update(copied)
    assert not await is_in(guest)
    assert await is_in(again)

    await (await ours.control.store()).call("end_sessions", {"person": PEOPLE["editor"].id})
    now = time.monotonic()
    ours.console.sessions.clock = lambda: now + 60
    assert not await is_in(again)


async def test_roles_that_are_taken_are_gone_at_once(ours: Team) -> None:
    guest = await ours.signed_in("admin")
    form = {"_token": token(await guest.see("/calls"))}
    args = json.dumps({"tenant": "own", "user_id": PEOPLE["admin"].id})
    ours.database.execute("select public.agentctl_remove_membership(%s)", [args])
    assert not await is_in(guest)
    assert "no tenant" in text(await guest.see("/enter", 403))
    answer = await guest.http.post("/items", data=form, headers={"origin": HERE})
    assert (answer.status_code, "You are still signed in" in text(answer.text)) == (403, True)


async def test_tokens_are_exchanged_once_for_all_tabs(ours: Team) -> None:
    ours.auth.seconds = 60
    guest = await ours.signed_in("viewer")
    old = tokens(guest)
    ours.auth.seconds = 3600
    tabs = await asyncio.gather(*(guest.http.get(path) for path in ("/calls", "/items", "/", "/calls", "/live"[:1])))
    assert [tab.status_code for tab in tabs] == [200] * 5
    assert ours.auth.requests.count("token_refresh_token") == 1
    assert len({tab.headers["set-cookie"] for tab in tabs}) == 1
    assert tokens(guest) != old

    keeps(guest, old)  # a tab whose answer was lost
    assert await is_in(guest)
    assert tokens(guest) != old
    assert ours.auth.requests.count("token_refresh_token") == 1


async def test_another_door_that_knows_only_the_old_token_signs_nobody_out(ours: Team) -> None:
    ours.auth.seconds = 60
    guest = await ours.signed_in("viewer")
    old = tokens(guest)
    ours.auth.seconds = 3600
    assert await is_in(guest)
    ours.gate.renewal.forget(guest.http.cookies["agentctl_8080"].partition(".")[0])
    new = tokens(guest)
    keeps(guest, old)
    assert await is_in(guest)
    assert tokens(guest).partition("~")[2] == new.partition("~")[2]


async def test_who_is_signed_out_there_is_out_here_when_the_token_ends(ours: Team) -> None:
    ours.auth.seconds = 60
    guest = await ours.signed_in("viewer")
    ours.auth.sessions.clear()
    assert not await is_in(guest)


async def test_while_auth_is_away_nobody_is_signed_out(ours: Team) -> None:
    ours.auth.seconds = 60
    guest = await ours.signed_in("viewer")
    ours.auth.refuse = httpx.Response(503, text="<h1>upstream</h1>")
    assert await is_in(guest), "the token is good for a while"
    now = time.time()
    ours.gate.renewal.clock = lambda: now + 50
    assert (await guest.http.get("/calls")).status_code == 502
    ours.auth.refuse = None
    ours.gate.renewal.clock = time.time
    assert await is_in(guest)
    assert (await ours.guest()).http.cookies == {}


async def test_nothing_is_believed_of_a_token_but_what_the_database_finds(ours: Team) -> None:
    guest, other = await ours.signed_in("viewer"), await ours.signed_in("other")
    held = tokens(guest)
    claims = {"sub": PEOPLE["viewer"].id, "role": "authenticated", "exp": time.time() + 3600}
    forged = signed(claims, secret="somebody-elses-secret-0123456789012345")
    for value in (
        tokens(other),
        f"{forged}~000000000000",
        f"{signed({**claims, 'sub': PEOPLE['other'].id})}~{held.partition('~')[2]}",
        "",
        "~",
        "a.b.c~d",
        "eyJhbGciOiJub25lIn0.e30.~x",
    ):
        keeps(guest, value)
        assert not await is_in(guest)
    keeps(guest, f"{forged}~{held.partition('~')[2]}")
    assert await is_in(guest), "whoever has the other token gets a genuine one"


async def test_a_large_token_is_kept_in_parts(ours: Team) -> None:
    ours.auth.users["viewer@example.org"].claims["app_metadata"] = {"groups": ["g" * 50] * 120}
    guest = await ours.signed_in("viewer")
    ours.auth.users["viewer@example.org"].claims.clear()
    parts = [name for name in guest.http.cookies if name.startswith("agentctl_tokens_")]
    assert len(parts) == 3
    assert all(len(name) + len(guest.http.cookies[name]) < 3700 for name in parts)
    assert await is_in(guest)
    now = time.time()
    ours.gate.renewal.clock = lambda: now + 3550
    assert await is_in(guest)
    assert [name for name in guest.http.cookies if name.startswith("agentctl_tokens_")] == ["agentctl_tokens_0_8080"]


async def test_a_mailed_link_waits_for_a_click_and_opens_once(ours: Team) -> None:
    guest = await ours.guest()
    page = (await guest.http.get("/enter")).text
    told = {
        text((await sent(guest, "/enter/link", page, email=email, password="")).text)
        for email in ("viewer@example.org", "nobody@example.org")
    }
    assert len(told) == 1
    await asyncio.gather(*ours.gate.entry.sending)
    assert ours.auth.requests.count("otp") == 2
    ((recipient, link),) = ours.auth.mails
    assert recipient == "viewer@example.org"
    assert link.startswith(f"{HERE}/enter/confirm?token_hash=")

    phone = await ours.guest()
    assert (await phone.http.get(link)).status_code == 200
    page = (await phone.http.get(link)).text
    form = dict(re.findall(r'name="(token_hash|type)" value="([^"]+)"', page))
    assert "verify" not in ours.auth.requests, "a mail's filter looks at links"
    assert (await sent(phone, "/enter/confirm", page, **form)).headers["location"] == "/"
    assert await is_in(phone)
    assert (await sent(await ours.guest(), "/enter/confirm", page, **form)).status_code == 403
    other = await ours.guest()
    again = await sent(other, "/enter/confirm", (await other.http.get(link)).text, **form)
    assert again.status_code == 401
    assert (await other.http.get("/enter/confirm#access_token=x")).status_code == 400
    assert (await other.http.get("/enter/confirm?token_hash=a&type=sms")).status_code == 400


async def test_who_has_a_second_factor_is_not_in_without_it(ours: Team) -> None:
    user = ours.auth.users["viewer@example.org"]
    user.code = "123456"
    guest = await ours.guest()
    assert (await guest.http.get("/enter/code")).headers["location"] == "/enter"
    entered = await signing_in(guest, "viewer@example.org", after="/items")
    assert entered.headers["location"] == "/enter/code?after=%2Fitems"
    assert not await is_in(guest)
    page = await guest.see("/enter/code?after=%2Fitems")
    assert (await guest.http.post("/enter/code", data={"_token": token(page), "code": "123456"})).status_code == 403
    for wrong in ("000000", "", "x"):
        assert (await sent(guest, "/enter/code", page, code=wrong)).status_code == 401
    assert not await is_in(guest)
    held = tokens(guest)
    claims = {"sub": user.id, "role": "authenticated", "exp": time.time() + 3600}
    keeps(guest, f"{signed(claims)}~000000000000")
    assert (await sent(guest, "/enter/code", page, code="123456")).status_code == 401, "Auth knows no such session"
    keeps(guest, f"{signed({**claims, 'exp': 1})}~000000000000")
    assert (await sent(guest, "/enter/code", page, code="123456")).headers["location"] == "/enter"
    keeps(guest, held)
    assert (await sent(guest, "/enter/code", page, code=" 123 456", after="/items")).headers["location"] == "/items"
    assert await is_in(guest)

    other = await ours.guest()
    await signing_in(other, "viewer@example.org")
    page = await other.see("/enter/code")
    statuses = [(await sent(other, "/enter/code", page, code="000000")).status_code for _ in range(7)]
    assert statuses[-1] == 429

    user.factor = "webauthn"
    third = await ours.guest()
    assert (await signing_in(third, "viewer@example.org")).status_code == 403
    assert set(third.http.cookies) == {"agentctl_enter_8080"}


async def test_too_many_attempts_are_told_in_words(public: Team) -> None:
    ours, guest = public, await public.guest()
    statuses = [(await signing_in(guest, "viewer@example.org", "falsch")).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    last = await signing_in(guest, "Viewer@example.org ")
    assert (last.status_code, last.headers["retry-after"].isdigit()) == (429, True)
    assert "Try again in 1 minute." in text(last.text)
    assert ours.auth.requests.count("token_password") == 10
    assert (await signing_in(guest, "editor@example.org")).status_code == 303, "another account"
    for number in range(30):
        answer = await signing_in(await ours.guest(), f"{number}@example.org", "falsch")
    assert answer.status_code == 429
    assert (await signing_in(await ours.guest(peer="2001:db8::1"), "other@example.org")).status_code == 303
    assert (await signing_in(await ours.guest(peer="2001:db8::1"), "viewer@example.org")).status_code == 303, (
        "who tries it elsewhere keeps nobody out here"
    )


@pytest.mark.parametrize("way", ["password", "link"])
async def test_what_an_account_has_in_all_is_limited_too(
    public: Team, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tries._PACES, way, (Pace(4, 600), Pace(2, 600), Pace(3, 600)))
    path = {"password": "/enter", "link": "/enter/link"}[way]
    near, far, page = await public.guest(peer="192.0.2.1"), await public.guest(peer="192.0.2.2"), {}
    for guest in (near, far):
        page[guest.http] = (await guest.http.get("/enter")).text

    async def is_let(guest: Guest, name: str) -> bool:
        form = {"email": f"{name}@example.org", "password": "falsch"}
        return (await sent(guest, path, page[guest.http], **form)).status_code != 429

    assert [await is_let(near, "viewer") for _ in range(3)] == [True, True, False]
    assert [await is_let(far, "viewer") for _ in range(2)] == [True, False]
    assert await is_let(near, "editor")
    assert not await is_let(near, "admin"), "the address has tried often enough"


async def test_who_got_in_before_gets_in_while_strangers_guess(public: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tries._PACES, "password", (Pace(30, 600), Pace(2, 600), Pace(4, 3600)))
    known, mail = await public.signed_in("viewer"), "viewer@example.org"
    await known.send("/leave")
    (device,) = (value for name, value in known.http.cookies.items() if name.startswith("agentctl_device"))
    for peer in ("192.0.2.1", "192.0.2.2"):
        for _ in range(2):
            await signing_in(await public.guest(peer=peer), mail, "falsch")

    async def tried(value: str, name: str = mail, password: str = PASSWORD) -> int:
        guest = await public.guest(peer="192.0.2.3")
        guest.http.cookies.set("agentctl_device_8080", value, domain="127.0.0.1")
        return (await signing_in(guest, name, password)).status_code

    later = f"9{device}"
    assert [await tried(value) for value in ("", ".", later, device.replace("-", "-0"))] == [429] * 4
    public.gate.entry.tries.clock = lambda: time.time() + 181 * 86_400
    assert await tried(device) == 429, "it is over some day"
    public.gate.entry.tries.clock = time.time
    assert [await tried(device), await tried(device.upper())] == [303, 429]
    assert [await tried(device, password="falsch"), await tried(device)] == [401, 429], "it has no more than any other"
    assert [await tried(device, "editor@example.org", "falsch") for _ in range(3)] == [401, 401, 429], "nobody else's"


async def test_a_token_that_is_nobodys_uses_up_no_attempts_at_a_code(ours: Team) -> None:
    user = ours.auth.users["viewer@example.org"]
    user.code = "123456"
    guest, stranger = await ours.guest(), await ours.guest()
    await signing_in(guest, user.email)
    page = await guest.see("/enter/code")
    forged = signed({"sub": user.id, "role": "authenticated", "exp": time.time() + 3600}, secret="x" * 40)
    theirs = (await stranger.http.get("/enter")).text
    keeps(stranger, f"{forged}~000000000000")
    for _ in range(12):
        assert (await sent(stranger, "/enter/code", theirs, code="000000")).status_code == 401
    assert (await sent(guest, "/enter/code", page, code="123456")).status_code == 303


async def test_what_keeps_all_from_signing_in_is_told(ours: Team) -> None:
    guest = await ours.guest()
    for answer, status, said in (
        (httpx.Response(422, json={"code": "email_provider_disabled", "message": "x"}), 502, "email_provider_disabled"),
        (httpx.Response(401, json={"message": "Invalid API key"}), 502, "SUPABASE_PUBLISHABLE_KEY"),
        (httpx.Response(429, json={"code": "over_request_rate_limit", "message": "x"}), 429, "too often"),
        (httpx.Response(500, text="boom"), 502, "500"),
        (httpx.Response(200, text="<h1>hello</h1>"), 502, "no tokens"),
        (httpx.Response(302, headers={"location": "https://evil.example"}), 502, "evil.example"),
    ):
        ours.auth.refuse = answer
        told = await signing_in(guest, f"{status}{len(said)}@example.org")
        assert (told.status_code, said in text(told.text)) == (status, True), text(told.text)


async def test_the_public_address_is_known_and_bound_to_tls(supabase_api: Project, dsn: str, tmp_path: Path) -> None:
    public = "https://console.example.org"
    proxies = (ip_network("10.0.0.0/8"),)
    async with team(supabase_api, dsn, tmp_path, public_url=public, trusted_proxies=proxies) as ours:
        told = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7"}
        for peer in ("10.0.0.1", "127.0.0.1"):  # PUBLIC_URL says so, too, where the proxy is not named
            guest = await ours.guest(public, peer=peer, **told)
            entered = await signing_in(guest, "viewer@example.org")
            assert entered.status_code == 303
            for cookie in entered.headers.get_list("set-cookie"):
                assert cookie.startswith("__Host-agentctl")
                assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
                assert "domain" not in cookie.lower()
        here = await ours.guest("http://127.0.0.1:8080", **{"x-forwarded-proto": "https"})
        assert "__Host-" not in (await here.http.get("/enter")).headers["set-cookie"], "nobody's word is taken"
        page = await guest.http.get("/calls")
        for origin in ("http://console.example.org", "https://console.example.org:8443", f"{public}."):
            sent = {"_token": token(page.text), "theme": "dark"}
            assert (await guest.http.post("/liking", data=sent, headers={"origin": origin})).status_code == 403
        for origin in (public, f"{public}:443"):
            assert (await guest.http.post("/liking", data=sent, headers={"origin": origin})).status_code == 303
        lan = await ours.guest("http://127.0.0.1:8080", peer="192.0.2.1")
        assert (await lan.http.get("/enter")).status_code == 404, "this machine's name is nobody else's"
        assert (await guest.http.get("/calls", headers={"host": "Console.Example.org:443"})).status_code == 200
        odd = ("console.example.org.", "console.example.org:8080", "x@console.example.org", "console.example.org\\")
        for host in ("evil.example", "console.example.org.evil.example", "10.0.0.5", "[", *odd):
            for path in ("/enter", "/enter/confirm", "/calls"):
                assert (await guest.http.get(path, headers={"host": host})).status_code == 404
