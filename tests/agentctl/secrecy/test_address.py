"""Which parts of an address are secrets."""

from __future__ import annotations

from time import process_time

import pytest

from agentctl.resources.defaults import without_secrets
from agentctl.secrecy.secret import masked, sealed, secrets
from agentctl.secrecy.veil import Veil

SECRET = {
    "https://user:canary@llm.example.org/v1": "https://user:***@llm.example.org/v1",
    "https://user:ca@nary@llm.example.org/v1": "https://user:***@llm.example.org/v1",
    "https://x.org/v1?a=1&api_key=canary&b=2": "https://x.org/v1?a=1&api_key=***&b=2",
    "https://x.org/v1?API%5FKey=canary;x=1": "https://x.org/v1?API%5FKey=***;x=1",
    "https://x.org/#access_token=canary": "https://x.org/#access_token=***",
    "https://x.org/#/route?token=canary": "https://x.org/#/route?token=***",
    "https://x.org?key=canary": "https://x.org?key=***",
    "https://x.blob.example/a?sig=canary%3D": "https://x.blob.example/a?sig=***",
    "wss://:canary@x.org?auth[token]=canary": "wss://:***@x.org?auth[token]=***",
    "redis://u:canary@x": "redis://u:***@x",
    "https://canary@x.org/": "https://***@x.org/",
    "https://x.org/?a=1&sig=canary&Signature=canary&key=canary#hmac=canary": (
        "https://x.org/?a=1&sig=***&Signature=***&key=***#hmac=***"
    ),
    "https://x.org/?a=1;sig=canary;b=2#/start?token=canary": "https://x.org/?a=1;sig=***;b=2#/start?token=***",
    "https://x.org/?next=https://u:canary@y.org/?token=canary": "https://x.org/?next=https://u:***@y.org/?token=***",
    "https://x.org/?access%5Ftoken=canary=b&max_tokens=5&token=": "https://x.org/?access%5Ftoken=***&max_tokens=5&token=",
}
AMONG_WORDS = {
    "See https%3A%2F%2Fx.org%2F%3Fapi_key%3Dcanary there": "See https%3A%2F%2Fx.org%2F%3Fapi_key%3D*** there",
    "See https%253a%252f%252fx.org%252f%253fapi_key%253dcanary%2526b%253D1": (
        "See https%253a%252f%252fx.org%252f%253fapi_key%253d***%2526b%253D1"
    ),
    "Call https://svc:canary@host/x or https://x.org/v1?api_key=canary2 now": (
        "Call https://svc:***@host/x or https://x.org/v1?api_key=*** now"
    ),
    "(https://x.org?a=1&token=canary).": "(https://x.org?a=1&token=***).",
    '{"url":"https://x.org?api_key=canary","mail":"a@x.org"}': '{"url":"https://x.org?api_key=***","mail":"a@x.org"}',
    "Zuerst:\nhttps://canary@x.org/\nund postgres://u:canary@db": "Zuerst:\nhttps://***@x.org/\nund postgres://u:***@db",
    "https://x.org?token=https://u:canary@y.org is one": "https://x.org?token=*** is one",
}
OPEN = [
    "https://llm.example.org/v1", "postgres://user@db.example.org/x", "https://x.org/?max_tokens=5&page=2",
    "https://x.org/a@b:c", "https://x.org/?token=", "https://x.org/?token={{secret__token}}",
    "user:password@x.org", "://x:y@z", "", "see ://x:y@z", "?token=a at https://x.org/",
    "Call https://x.org?token={{ secret__token }}&n=1, write to a@x.org.", "See https://x.org/\nAnd ?token=a",
    "https://x.org?token={{ secret__token }}",
]  # fmt: skip


@pytest.mark.parametrize(("address", "shown"), SECRET.items())
def test_of_an_address_its_secrets_alone_are_hidden_and_all_of_it_is_sealed(address: str, shown: str) -> None:
    body = {"custom_llm": {"url": address, "urls": [address]}}
    assert masked(body) == {"custom_llm": {"url": shown, "urls": [shown]}}
    kept = sealed(body)
    assert "canary" not in str(kept)
    assert sealed(kept) == kept
    assert kept != sealed({"custom_llm": {"url": address + "x", "urls": [address + "x"]}})
    kept_in_files, lost = without_secrets({"custom_llm": {"url": address, "model": "m"}})
    assert (kept_in_files, lost) == ({"custom_llm": {"model": "m"}}, (("custom_llm", "url"),))
    assert all(one in address and "nary" in one for one in secrets(body))


@pytest.mark.parametrize(("text", "shown"), AMONG_WORDS.items())
def test_of_an_address_among_words_its_secrets_are_hidden_and_the_text_is_kept(text: str, shown: str) -> None:
    body = {"prompt": text, "tools": [{"description": text}]}
    assert masked(body) == {"prompt": shown, "tools": [{"description": shown}]}
    assert sealed(body) == body, "a digest would be no text to compare, or to roll back to"
    assert without_secrets(body) == (body, ())
    assert all("canary" in one and " " not in one for one in secrets(body))
    assert Veil()(text) == shown, "whoever says it, and whether or not somebody knew"
    assert Veil(*secrets(body))("Is canary right?") == "Is *** right?"


@pytest.mark.parametrize(
    "text", ["x" * 200_000, "{{a}}" * 40_000 + " ://", "https://x?a=" * 20_000, "h://a:b@" * 20_000]
)
def test_no_text_takes_long(text: str) -> None:
    started = process_time()
    masked({"prompt": f"See https://x.org {text}", "url": f"https://x.org/{text}"})
    assert process_time() - started < 3


@pytest.mark.parametrize("address", OPEN)
def test_an_address_without_secrets_is_left_as_it_is(address: str) -> None:
    body = {"url": address}
    assert (masked(body), sealed(body), list(secrets(body))) == (body, body, [])
