"""Fingerprints: a secret is known again by one wherever it stands as a word, and nobody can read it there."""

from __future__ import annotations

import pytest

from agentctl.secrecy.fingerprint import Fingerprints

SECRETS = ("sk-live-4711abcd", "open sesame & more", "Sommer-2026!", "a_b_c_d_e", "пароль-2026")


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "text", ["{}", "Mit {}.", '{{"key": "{}"}}', "https://example.org/?key={}&x=1", "\n{}\n", "({})"]
)
def test_it_is_found_where_it_stands(secret: str, text: str) -> None:
    fingerprints = Fingerprints("beispiel")
    found = Fingerprints("beispiel", fingerprints.of([secret]))
    assert list(found.found(text.format(secret))) == [secret]


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
