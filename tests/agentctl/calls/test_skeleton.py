import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentctl.calls import inbox, wire
from agentctl.calls.skeleton import Skeleton
from agentctl.errors import Malformed

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def skeleton(text: bytes, size: int, **pouring: Any) -> bytes:
    """What remains of a text that is fed in pieces of so many bytes."""
    found = Skeleton(**pouring)
    for at in range(0, len(text), size):
        found.feed(text[at : at + size])
    return found.text


def outline(value: Any, depth: int = 0) -> Any:
    """What must remain of a parsed value."""
    if isinstance(value, dict):
        return {key: outline(item, depth + 1) for key, item in value.items()} if depth < 2 else {}
    if isinstance(value, list):
        return [outline(item, depth + 1) for item in value] if depth < 2 else []
    return value


@given(VALUES, st.integers(1, 40), st.booleans())
@example({"data": {"a\\": '"', "b": '\\"\\'}}, 1, True)
def test_two_levels_remain_however_it_is_cut(value: Any, size: int, plain: bool) -> None:
    text = json.dumps(value, ensure_ascii=plain).encode("utf-8", "surrogatepass")
    assert json.loads(skeleton(text, size)) == outline(value)


ODD = (
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\n",
    b"\x00",
    b"\xff",
    b"0",
    b"-",
    b".",
    b"e",
    b"NaN",
    b"u12",
)


@given(st.data(), st.integers(1, 40))
def test_what_no_parser_of_small_bodies_takes_is_refused_too(data: st.DataObject, size: int) -> None:
    text = json.dumps(data.draw(st.dictionaries(st.text(max_size=4), VALUES, max_size=3)), ensure_ascii=False).encode()
    for _ in range(data.draw(st.integers(0, 2))):
        at, wide = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 2))
        text = text[:at] + data.draw(st.sampled_from((*ODD, b""))) + text[at + wide :]
    assert taken(lambda: inbox.peek(skeleton(text, size))) == taken(lambda: wire.decode(text)), text


def taken(read: Callable[[], object]) -> bool:
    try:
        read()
    except Malformed:
        return False
    return True


@pytest.mark.parametrize("length", [10, 100_000])
@pytest.mark.parametrize(
    ("inner", "right"),
    [
        ("1.5e3,\n", True),
        ("true, ", True),
        ("NaN,", True),
        ("1,,", False),
        ("01,", False),
        ('1,"a",', True),
        ("1 2,", False),
    ],
)
def test_a_list_of_any_length_is_held_to_the_rules(inner: str, right: bool, length: int) -> None:
    text = f'{{"data":{{"deep":[{inner * length}0]}}}}'.encode()
    assert taken(lambda: skeleton(text, 65536)) is right


@pytest.mark.parametrize("size", [1, 7, 4096, 10**7])
def test_a_long_string_is_poured_and_leaves_nothing(size: int) -> None:
    sound = "SUQz\\/+" * 1000
    text = b'{"type":"x","data":{"other":"full_audio","full_audio":"%s","conversation_id":"c"}}' % sound.encode()
    poured = bytearray()
    left = skeleton(text, size, poured="full_audio", pour=poured.extend)
    assert json.loads(left) == {"type": "x", "data": {"other": "full_audio", "full_audio": "", "conversation_id": "c"}}
    assert bytes(poured) == sound.encode()


def test_only_that_string_of_the_second_level_is_poured() -> None:
    text = b'{"full_audio":"1","data":{"x":{"full_audio":"2"},"y":["full_audio","3"],"full_audio" : "4"}}'
    poured = bytearray()
    skeleton(text, 3, poured="full_audio", pour=poured.extend)
    assert bytes(poured) == b"4"


def test_more_fields_than_any_event_has_are_refused() -> None:
    with pytest.raises(Malformed, match="too many fields"):
        skeleton(b"{" + b'"%s":1,' % (b"a" * 100) * 20_000, 65536)
