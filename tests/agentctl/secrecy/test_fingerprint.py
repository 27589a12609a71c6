"""Fingerprints: a secret is known again by one wherever it stands as a word, and nobody can read it there."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from agentctl.secrecy.fingerprint import Fingerprints
from agentctl.secrecy.veil import Veil

SECRETS = ("sk-live-4711abcd", "open sesame & more", "Sommer-2026!", "a_b_c_d_e", "пароль-2026")


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "text",
    [
        *("{}", "Mit {}.", '{{"key": "{}"}}', "https://example.org/?key={}&x=1", "\n{}\n", "({})"),
        *("Bearer:{},", "key={};", "user:{}@host", "/{}/", "['{}']", "a_{}_b", "&amp;{}&amp;"),
        *("key%3D{}%26x", "%20{}", r"\n{}\n", r"\u0022{}\u0022", r"\x3d{}"),
    ],
)
def test_it_is_found_where_it_stands(secret: str, text: str) -> None:
    fingerprints = Fingerprints("beispiel")
    found = Fingerprints("beispiel", fingerprints.of([secret]))
    assert list(found.found(text.format(secret))) == [secret]


@pytest.mark.parametrize("secret", SECRETS)
def test_quoted_for_an_address_it_is_found_and_hidden(secret: str) -> None:
    text = f"https://example.org/?key={quote(secret, safe='')}&x=1"
    found = list(Fingerprints("beispiel", Fingerprints("beispiel").of([secret])).found(text))
    assert secret in found
    assert Veil(*found)(text) == "https://example.org/?key=***&x=1"


def test_a_short_one_is_hidden_behind_what_stands_for_a_sign() -> None:
    assert Veil("ab12cd")(r"k%3Dab12cd%26 \nab12cd\n xab12cd") == r"k%3D***%26 \n***\n xab12cd"


def test_nothing_else_is_found() -> None:
    fingerprints = Fingerprints("beispiel", Fingerprints("beispiel").of(SECRETS))
    assert (
        list(fingerprints.found("sk-live-4711abce Sommer-2027! open sesame & moreover xsk-live-4711abcd " * 20)) == []
    )


def test_no_mark_tells_its_secret_nor_that_another_project_has_the_same() -> None:
    ours, theirs = (Fingerprints(name).of(SECRETS) for name in ("beispiel", "other"))
    assert len(ours) == len(SECRETS)
    assert not ours & theirs
    assert not any(secret in fingerprint for secret in SECRETS for fingerprint in ours)


@pytest.mark.parametrize("word", ["standard", "Standard", "abc", "8080", "202611", "gültig"])
def test_a_word_of_every_day_gets_no_fingerprint(word: str) -> None:
    assert not Fingerprints("beispiel").of([word])
