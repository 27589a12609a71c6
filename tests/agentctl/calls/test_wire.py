import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.calls import wire
from agentctl.errors import Malformed


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        ('{"type":"ä"}'.encode("latin-1"), "not UTF-8"),
        (b'{"type": ', "line 1 column 10"),
        (b"[]", "array, not an object"),
        (b'"text"', "string, not an object"),
        (b"null", "null, not an object"),
        (b"7", "number, not an object"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_refused_with_its_place_and_never_its_content(payload: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason) as caught:
        wire.decode(payload)
    assert len(caught.value.message) < 100


def test_of_duplicate_keys_the_last_counts_and_a_byte_order_mark_is_no_content() -> None:
    assert wire.decode(b'\xef\xbb\xbf{"type": "a", "type": "b"}') == {"type": "b"}


def test_a_number_that_nobody_can_read_is_none_and_leaves_the_others() -> None:
    assert wire.decode(b'{"a": ' + b"9" * 5000 + b', "b": 7}') == {"a": None, "b": 7}


def test_what_the_store_cannot_hold_is_replaced_at_any_depth() -> None:
    value = wire.decode(
        rb'{"a\u0000": ["x\u0000y", {"b": "\ud800", "c": NaN, "d": -Infinity, "e": 1e999}], "ok": "\ud83d\ude00"}'
    )
    assert wire.clean(value) == {"a\ufffd": ["x\ufffdy", {"b": "\ufffd", "c": None, "d": None, "e": None}], "ok": "😀"}


def test_nesting_that_json_takes_but_nobody_means_is_malformed() -> None:
    deep = wire.decode(b'{"a":' * 300 + b"1" + b"}" * 300)
    with pytest.raises(Malformed, match="100 levels"):
        wire.clean(deep)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((23, 23), (23.0, 23), ("23", 23), (0, 0), (-1, None), (2**40, None), (True, None), ("x", None)),
        *((None, None), (math.inf, None), ({}, None), ([1], None), ("nan", None), ("9" * 400, None)),
    ],
)
def test_whole_numbers_survive_any_type(value: object, expected: int | None) -> None:
    assert wire.whole(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1763600000, datetime(2025, 11, 20, 0, 53, 20, tzinfo=UTC)), (0, None), (10**15, None), ("soon", None)],
)
def test_moments_are_utc_or_nothing(value: object, expected: datetime | None) -> None:
    assert wire.moment(value) == expected


@pytest.mark.parametrize(("value", "expected"), [("a", "a"), ("  ", None), (4, "4"), (True, None), ([], None)])
def test_text(value: object, expected: str | None) -> None:
    assert wire.text(value) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=[])), inner),
    max_leaves=20,
)


@given(json_values)
def test_clean_text_is_always_storable_and_cleaning_twice_changes_nothing(value: object) -> None:
    cleaned = wire.clean(value)
    assert "\\u0000" not in repr(cleaned).encode("utf-8", "strict").decode()
    assert wire.clean(cleaned) == cleaned
