"""agentctl.console.gates.link: only whoever came by a link is the operator."""

from __future__ import annotations

import asyncio

import pytest

from agentctl.calls.inbox import Store
from agentctl.console.app import opened
from agentctl.errors import StoreUnavailable, UsageError
from tests.console import Guest, text

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "console.example.org"])
async def test_where_others_reach_it_there_is_none_by_a_link(guest: Guest, host: str) -> None:
    with pytest.raises(UsageError, match=f"not at {host}"):
        async with opened(guest.control, host, stop=asyncio.Event()):
            pass


async def test_who_signed_in_at_another_console_of_the_store_is_not_the_operator(guest: Guest) -> None:
    cookie = await guest.console.sessions.open("0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f301", "user")
    guest.http.cookies.set("agentctl_8080", cookie, domain="127.0.0.1")
    assert (await guest.http.get("/calls")).status_code == 303


async def test_while_the_store_is_away_whoever_comes_by_a_link_is_told_so_as_on_every_page(guest: Guest) -> None:
    async def away() -> Store:
        raise StoreUnavailable("the store is away", "Try again.")

    link, there = await guest.console.link(), guest.console.sessions.store
    guest.console.sessions.store = away
    answer = await guest.http.get(link)
    assert answer.status_code == 503
    assert text(answer.text).startswith("agentctl The database does not answer ")
    assert "the store is away" not in answer.text, "what it said is for whoever runs it, and who asks is not known"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"

    guest.console.sessions.store = there
    assert (await guest.http.get(link)).status_code == 303, "it was not used up"
