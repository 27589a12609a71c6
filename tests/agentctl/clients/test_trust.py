"""The one context of all clients: it must not trust anybody."""

from __future__ import annotations

import asyncio
import ssl

import httpx
import pytest

from agentctl.clients.trust import trusted


def test_it_is_read_once_and_asks_for_a_certificate_of_the_right_name() -> None:
    assert trusted() is trusted()
    assert trusted().get_ca_certs()
    assert trusted().verify_mode is ssl.CERT_REQUIRED
    assert trusted().check_hostname


@pytest.mark.anyio
async def test_a_server_without_a_certificate_is_no_server() -> None:
    nameless = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    async with await asyncio.start_server(lambda *ends: None, "127.0.0.1", 0, ssl=nameless) as server:
        port = server.sockets[0].getsockname()[1]
        async with httpx.AsyncClient(verify=trusted(), trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"https://127.0.0.1:{port}")
