from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.clients.store.wire import refusal, takeable
from agentctl.errors import StoreBehind, StoreError, StoreSilent, StoreUnavailable

_ANY_CHARACTER = st.characters(categories=None)  # also U+0000 and lone surrogates


@given(st.dictionaries(st.text(_ANY_CHARACTER), st.lists(st.text(_ANY_CHARACTER) | st.integers() | st.none())))
def test_every_text_becomes_one_that_postgres_takes(args: dict[str, Any]) -> None:
    text = takeable(args)

    json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")
    assert "\\u0000" not in text.replace("\\\\", "")


@given(st.dictionaries(st.text(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_what_is_fine_is_left_alone(args: dict[str, str]) -> None:
    if not any("\0" in key for key in args):
        assert json.loads(takeable(args)) == args


@pytest.mark.parametrize(
    ("given_text", "taken"),
    [
        ("\\u0000", "\\u0000"),  # six characters, no U+0000
        ("a\ud800b", "a\ufffdb"),
        ("\udc00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("end\ud83d", "end\ufffd"),
    ],
)
def test_surrogates(given_text: str, taken: str) -> None:
    assert json.loads(takeable({"k": [given_text]})) == {"k": [taken]}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_json_is_refused(number: float) -> None:
    with pytest.raises(StoreError, match="number"):
        takeable({"k": number})


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("42883", StoreBehind),
        ("PGRST202", StoreBehind),
        ("3F000", StoreBehind),
        ("53100", StoreUnavailable),  # disk full
        ("53300", StoreUnavailable),  # too many connections
        ("25006", StoreUnavailable),  # read-only
        ("57P01", StoreUnavailable),  # shutting down
        ("57014", StoreSilent),  # statement timeout
        ("57P02", StoreSilent),  # a crash, whoever caused it
        ("40P01", StoreSilent),  # deadlock
        ("28P01", StoreUnavailable),  # wrong password
        ("PGRST001", StoreUnavailable),
        ("502", StoreUnavailable),
        ("429", StoreUnavailable),
        ("23505", StoreError),
        ("401", StoreError),
        ("", StoreError),
    ],
)
def test_what_a_code_means(code: str, meaning: type[StoreError]) -> None:
    assert type(refusal("store_call", code, "secret words")) is meaning


@pytest.mark.parametrize("code", ["57014", "53100", "40P01"])
def test_what_may_pass_has_a_remedy(code: str) -> None:
    assert "Run it again" in refusal("migrate", code).hint
    assert refusal("migrate", code, remedy="Check the URL.").hint == "Check the URL."


def test_only_messages_that_quote_nobody_are_shown() -> None:
    assert "secret" not in str(refusal("store_call", "22P02", 'invalid input: "secret"'))
    assert "permission denied" in str(refusal("store_call", "42501", "permission denied for function x"))
