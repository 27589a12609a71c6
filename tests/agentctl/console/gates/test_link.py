"""agentctl.console.gates.link: only whoever came by a link is the operator."""

from __future__ import annotations

import pytest

from tests.console import Guest

pytestmark = pytest.mark.anyio


async def test_who_signed_in_at_another_console_of_the_store_is_not_the_operator(guest: Guest) -> None:
    cookie = await guest.console.sessions.open("0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f301", "user")
    guest.http.cookies.set("agentctl_8080", cookie, domain="127.0.0.1")
    assert (await guest.http.get("/calls")).status_code == 303
