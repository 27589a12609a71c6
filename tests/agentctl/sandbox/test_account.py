"""Voices and user."""

from __future__ import annotations

import httpx


def test_a_known_voice_is_found_and_an_unknown_one_is_not(api: httpx.Client) -> None:
    assert api.get("/v1/voices/cjVigY5qzO86Huf0OWal").json()["name"] == "Eric"
    missing = api.get("/v1/voices/nobody")
    assert (missing.status_code, missing.json()["detail"]["status"]) == (404, "voice_not_found")
    assert "cjVigY5qzO86Huf0OWal" in {voice["voice_id"] for voice in api.get("/v1/voices").json()["voices"]}


def test_the_key_can_be_checked(api: httpx.Client) -> None:
    assert api.get("/v1/user").json()["subscription"]["status"] == "active"
