"""The browser that looks at pages in tests: what keeps a person from using one, and what a browser has against it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests import browser
from tests.browser import Visit, Watch, launched, shot, violations
from webhooks.server import Server, listening

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = pytest.mark.anyio
POLICY = {"content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"}
STYLE = """:root { color-scheme: light dark; } body { background: Canvas; color: CanvasText; }
@media (prefers-color-scheme: dark) { .faint { color: #444; } } .small { display: inline-block; font-size: 8px; }"""
PAGES = {
    "clean": "<h1>Anrufe</h1><p>Keine.</p><button>Mehr</button>",
    "inline": "<h1>Anrufe</h1><script>document.title = 'ours now'</script>",
    "throws": "<h1>Anrufe</h1><script src=/throws.js></script>",
    "says": "<h1>Anrufe</h1><script src=/says.js></script>",
    "missing": "<h1>Anrufe</h1><script src=/nowhere.js></script>",
    "foreign": "<h1>Anrufe</h1><img alt='' src='https://fonts.example.com/a'>",
    "channel": "<h1>Anrufe</h1><script src=/channel.js></script>",
    "nameless": "<h1>Anrufe</h1><button></button>",
    "faint": "<h1>Anrufe</h1><p class=faint>Keine.</p>",
    "small": "<h1>Anrufe</h1><p><button class=small>a</button><button class=small>b</button></p>",
    "microphone": "<h1>Sprechen</h1><p role=status></p><script src=/microphone.js></script>",
}
FILES = {
    "favicon.ico": "",  # every browser asks for it
    "style.css": STYLE,
    "throws.js": "throw new Error('no such call')",
    "says.js": "console.error('no such call')",
    "channel.js": "try { new WebSocket('wss://voice.example.com') } catch {}",
    "microphone.js": """navigator.mediaDevices.getUserMedia({audio: true}).then(
        stream => { document.querySelector('p').textContent = stream.getAudioTracks()[0].label })""",
}


async def answer(request: Request) -> Response:
    name = request.path_params["name"]
    if name in FILES:
        media = "text/css" if name.endswith("css") else "text/javascript"
        return Response(FILES[name], media_type=media)
    if name not in PAGES:
        return PlainTextResponse("not here", 404)
    head = "<!doctype html><html lang=de><title>Anrufe</title><link rel=stylesheet href=/style.css>"
    policy = {} if name in ("foreign", "channel") else POLICY
    return HTMLResponse(f"{head}<main>{PAGES[name]}</main></html>", headers=policy)


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    ready = asyncio.get_running_loop().create_future()
    with listening("127.0.0.1", 0) as listener:
        app = Starlette(routes=[Route("/{name}", answer)])
        server = Server(app, listener, ready.set_result, path="")
        serving = asyncio.create_task(server.serve([listener]))
        yield await ready
        server.should_exit = True
        await serving


@pytest.fixture(scope="module")
async def site(anyio_backend: str) -> AsyncIterator[str]:
    async with served() as url:
        yield url


async def test_a_clean_page_has_nothing_against_it(page: Page, site: str, watch: Watch) -> None:
    await page.goto(f"{site}/clean")
    assert await violations(page) == []
    watch.settle()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("inline", "Content Security Policy"),
        ("throws", "nobody caught Error: no such call"),
        ("says", "no such call"),
        ("missing", "status of 404"),
        ("foreign", "asked of another machine: https://fonts.example.com/a"),
        ("channel", "asked of another machine: wss://voice.example.com"),
    ],
)
async def test_what_a_browser_complains_of_fails_the_test(
    page: Page, site: str, watch: Watch, name: str, said: str
) -> None:
    # A page is there before its channel is asked for.
    async with page.expect_websocket() if name == "channel" else nullcontext():
        await page.goto(f"{site}/{name}")
    await page.context.close()
    with pytest.raises(AssertionError, match=said):
        watch.settle()


async def test_an_error_that_a_test_provokes_is_none_where_it_says_so(page: Page, site: str, watch: Watch) -> None:
    watch.expect(r"/nowhere: .*status of 404")
    answered = await page.goto(f"{site}/nowhere")
    assert answered
    assert answered.status == 404
    await page.goto(f"{site}/missing")
    await page.context.close()
    with pytest.raises(AssertionError, match=r"nowhere\.js"):
        watch.settle()


@pytest.mark.parametrize(
    ("name", "rule"),
    [("nameless", "light: button-name: button"), ("faint", "dark: color-contrast: p"), ("small", "light: target-size")],
)
async def test_what_keeps_a_person_from_using_a_page_is_found(page: Page, site: str, name: str, rule: str) -> None:
    await page.goto(f"{site}/{name}")
    found = await violations(page)
    assert {one[: len(rule)] for one in found} == {rule}


async def test_a_picture_is_kept_of_each_theme(
    page: Page, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "PICTURES", tmp_path / "pictures")
    await page.goto(f"{site}/clean")
    assert await shot(page, "calls") == [], "nobody wants any"
    browser.PICTURES.mkdir()
    made = await shot(page, "calls")
    assert [path.name for path in made] == ["calls-light.png", "calls-dark.png"]
    light, dark = (path.read_bytes() for path in made)
    assert light.startswith(b"\x89PNG")
    assert light != dark


async def test_each_window_is_somebody_elses(visit: Visit, site: str) -> None:
    for _ in range(2):
        page = await visit(viewport={"width": 390, "height": 844}, has_touch=True)
        await page.goto(f"{site}/clean")
        assert await page.evaluate("[document.cookie, innerWidth, navigator.language]") == ["", 390, "de-DE"]
        await page.context.add_cookies([{"name": "person", "value": "one", "url": site}])


async def test_there_is_a_microphone_that_nobody_has_to_allow(page: Page, site: str) -> None:
    await page.goto(f"{site}/microphone")
    await page.get_by_role("status").filter(has_text="Fake").wait_for()


def processes() -> dict[int, int]:
    """Each process with its parent's."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it looks into /proc")
async def test_no_process_of_it_stays() -> None:
    before = set(processes())
    async with launched():
        parents = processes()
        ours, more = {os.getpid()}, True
        while more:
            more = {child for child, parent in parents.items() if parent in ours} - ours
            ours |= more
    started = ours - before
    assert len(started) > 3, "Chromium alone has more"
    async with asyncio.timeout(10):
        while started & set(processes()):  # noqa: ASYNC110  (the end of somebody else's child has no event)
            await asyncio.sleep(0.02)
