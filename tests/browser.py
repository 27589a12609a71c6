"""Debian's Chromium, driven by Playwright: what a person sees of a page, and what a browser has against it.

`page` is a window of a person of its own, `visit` opens more of them, on a phone too. When a test ends, `watch` fails
it for each violation of the Content-Security-Policy, each error on the console and each request to another machine.
`violations` are what axe-core finds, `shot` keeps a picture; both look at a page in both themes.

One Chromium serves a file of tests and no more: it lives in an event loop, and with it every test of a process would
share one, and the context variables in it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests import npm
from tests.deploy.program import program

if TYPE_CHECKING:  # to import it takes a quarter of a second of every process that runs tests
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, WebError

Visit = Callable[..., Awaitable["Page"]]
PICTURES = Path(__file__).parents[1] / ".artifacts" / "pictures"
THEMES = ("light", "dark")
HERE = ("127.0.0.1", "localhost", "::1")
# Whatever a page asks of another machine is counted, and goes nowhere.
_ARGUMENTS = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
)
# Every rule of axe's own choice, and the one of WCAG 2.2 that it leaves to whoever wants it. None of them wants the
# stylesheets, which it would fetch and parse again, for as long as all rules take.
_EVERYTHING = {"rules": {"target-size": {"enabled": True}}, "preload": {"assets": ["media"]}}
_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
_JUDGE = """async options => (await axe.run(document, {...options, resultTypes: ["violations"]})).violations.flatMap(
    rule => rule.nodes.map(node => `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`))"""


@dataclass
class Watch:
    """What browsers have had against the pages of a test, in their own words."""

    faults: list[str] = field(default_factory=list)
    _expected: list[re.Pattern[str]] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """A test that provokes an error says so before, as narrowly as can be; such as are found by this are none."""
        self._expected.append(re.compile(pattern))

    def over(self, context: BrowserContext) -> None:
        """From now on, on all pages of this one."""
        context.on("console", self._console)
        context.on("weberror", self._uncaught)
        context.on("request", lambda request: self._sent(request.url))
        context.on("page", lambda page: page.on("websocket", lambda channel: self._sent(channel.url)))

    def settle(self) -> None:
        """Fail for what was found, which is forgotten then."""
        found, self.faults = self.faults, []
        assert found == [], "\n".join(found)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self._fault(f"on the console of {message.location['url']}: {message.text}")

    def _uncaught(self, error: WebError) -> None:
        self._fault(f"nobody caught {error.error.stack or error.error}")

    def _sent(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.hostname not in HERE:
            self._fault(f"asked of another machine: {url}")

    def _fault(self, told: str) -> None:
        if not any(pattern.search(told) for pattern in self._expected):
            self.faults.append(told)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A Chromium with a microphone that beeps, which everybody may use; its processes end with the block."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program("chromium"), args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@pytest.fixture(scope="module")
async def chromium(anyio_backend: str) -> AsyncIterator[Browser]:
    """The one of this file's tests."""
    async with launched() as browser:
        yield browser


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What browsers have against the pages of this test, which fails for it."""
    seen = Watch()
    yield seen
    seen.settle()


@pytest.fixture
async def visit(chromium: Browser, watch: Watch) -> AsyncIterator[Visit]:
    """Opens a window of somebody who has no cookies yet. Arguments are those of Playwright's `new_context`."""
    contexts: list[BrowserContext] = []

    async def opened(**options: Any) -> Page:
        usual = {"locale": "de-DE", "timezone_id": "Europe/Berlin", "reduced_motion": "reduce"}
        context = await chromium.new_context(**{**usual, **options})
        contexts.append(context)
        watch.over(context)
        return await context.new_page()

    yield opened
    for context in contexts:  # what was said before is heard before a context is closed
        await context.close()


@pytest.fixture
async def page(visit: Visit) -> Page:
    """A window."""
    return await visit()


async def violations(page: Page) -> list[str]:
    """What axe-core finds: everything in the light theme, and what depends on colours in the dark one, too."""
    source = npm.program(npm.AXE).read_text(encoding="utf-8")
    session = await page.context.new_cdp_session(page)
    # Not by `page.evaluate`, which a page's policy may forbid, as it forbids to load the file.
    await session.send("Runtime.evaluate", {"expression": source})
    await session.detach()
    found = []
    for theme, asked in zip(THEMES, (_EVERYTHING, _COLOURS), strict=True):
        await page.emulate_media(color_scheme=theme)
        found += [f"{theme}: {one}" for one in await page.evaluate(_JUDGE, asked)]
    await page.emulate_media(color_scheme="null")
    return found


async def shot(page: Page, name: str) -> list[Path]:
    """Pictures of the whole page in both themes, for whoever made the folder for them: where they are."""
    if not PICTURES.is_dir():
        return []
    made = [PICTURES / f"{name}-{theme}.png" for theme in THEMES]
    for theme, path in zip(THEMES, made, strict=True):
        await page.emulate_media(color_scheme=theme)
        await page.screenshot(path=path, full_page=True, animations="disabled")
    await page.emulate_media(color_scheme="null")
    return made
