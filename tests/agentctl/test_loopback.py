"""agentctl.loopback: one answer for whoever asks whether it is this machine."""

from __future__ import annotations

import httpx
import pytest

from agentctl.loopback import in_clear, is_loopback


@pytest.mark.parametrize("host", ["localhost", "xi.localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "127.0.0.1.example.org", "localhost.example.org", "notlocalhost", "0.0.0.0", "10.0.0.1", "[::]", "["]
)
def test_any_other(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("url", "clear"),
    [("http://api.example", True), ("https://api.example", False), ("http://[::1]:8", False), ("http:", True)],
)
def test_what_others_could_read(url: str, clear: bool) -> None:
    assert in_clear(httpx.URL(url)) is clear
