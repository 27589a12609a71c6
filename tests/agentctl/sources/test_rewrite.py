from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.sources.rewrite import Uneditable, put, remove, value_at

TOML = """\
# above
name = "x"  # beside

[voice]  # table
speed = 1.0  # slow

[[knowledge]]
name = "a"  # one

[[knowledge]]
name = "b"  # two
text = "t"

[elevenlabs.conversation_config.turn]
turn_timeout = 8  # raw

[phone]
numbers = []  # none
"""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
PATHS = st.sampled_from([
    ("name",), ("language",), ("voice", "speed"), ("voice", "id"), ("llm", "model"), ("knowledge",),
    ("elevenlabs", "conversation_config", "turn", "turn_timeout"),
    ("elevenlabs", "conversation_config", "agent", "prompt", "timezone"),
    ("elevenlabs", "platform_settings", "privacy", "retention_days"), ("phone", "numbers"),
])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(path=PATHS, value=VALUES)
def test_any_value_is_written_anywhere_and_all_else_stays(path: tuple[str, ...], value: Any) -> None:
    edited = put(TOML, path, value)
    assert _json(value_at(edited, path)) == value
    assert remove(edited, path) is not None
    wanted, found = tomllib.loads(TOML), tomllib.loads(edited)
    for table in (wanted, found):
        place: Any = table
        for name in path[:-1]:
            place = place.get(name, {})
        place.pop(path[-1], None)
        table.pop("llm", None)
        table["elevenlabs"].pop("platform_settings", None)
        table["elevenlabs"]["conversation_config"].pop("agent", None)
    assert wanted == found
    comments = {"# above", "# beside", "# table", "# slow", "# raw", "# none"}
    replaced = isinstance(value, dict | list) and path in (("voice", "speed"), ("name",))
    lost = {"# slow", "# beside"} if replaced else set()
    assert all(comment in edited for comment in comments - lost)


def _json(value: Any) -> Any:
    if value == {"$json": "null"}:
        return None
    if isinstance(value, dict):
        return {key: _json(entry) for key, entry in value.items()}
    return [_json(entry) for entry in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ('a = 1 # c\r\n', ("a",), 2, 'a = 2 # c\r\n'),
        ('voice = { id = "x", speed = 1.0 }\n', ("voice", "speed"), 0.9, 'voice = { id = "x", speed = 0.9 }\n'),
        ('voice.id = "x"  # c\n', ("voice", "id"), "y", 'voice.id = "y"  # c\n'),
        ('[a]\nb = 1\n', ("c",), "d", 'c = "d"\n[a]\nb = 1\n'),
        ('a = 1\n', ("e", "p", "q"), True, 'a = 1\n\n[e.p]\nq = true\n'),
        ('a = "x"\n', ("a",), 'y\n"z"', 'a = """y\n"z\\""""\n'),
    ],
)  # fmt: skip
def test_it_looks_as_a_person_would_write_it(before: str, path: tuple[str, ...], value: Any, after: str) -> None:
    edited = put(before, path, value)
    assert tomllib.loads(edited) == tomllib.loads(after)
    if '"""' not in after and "[a]" not in after:
        assert edited == after


def test_entries_of_a_list_keep_their_comments() -> None:
    entries = [{"name": "c", "text": "new"}, {"name": "b", "text": "other"}]
    edited = put(TOML, ("knowledge",), entries, by="name")
    assert value_at(edited, ("knowledge",)) == [entries[1], entries[0]]
    assert ("# one" in edited, '"b"  # two\ntext = "other"' in edited) == (False, True)
    grown = put(TOML, ("knowledge",), [{"name": "a"}, {"name": "b", "text": "t"}, {"name": "c"}])
    assert ("# one" in grown, "# two" in grown) == (True, True)
    cut = remove(TOML, ("knowledge", 0))
    assert value_at(cut, ("knowledge",)) == [{"name": "b", "text": "t"}]
    assert ("# one" in cut, "# two" in cut) == (False, True)


def test_a_table_goes_with_the_last_thing_in_it() -> None:
    text = "a = 1  # c\n\n[raw.x.y.z]\nb = 2\n\n[raw.x.w]\nc = 3  # d\n"
    assert tomllib.loads(remove(text, ("raw", "x", "y", "z", "b"))) == {"a": 1, "raw": {"x": {"w": {"c": 3}}}}
    assert remove(remove(text, ("raw", "x", "w", "c")), ("raw", "x", "y", "z", "b")).strip() == "a = 1  # c"


def test_what_cannot_be_edited_is_refused() -> None:
    for text in ("name = ", "voice = 5\n"):
        with pytest.raises(Uneditable):
            put(text, ("voice", "id"), "x")
    for path in (("nothing",), ("voice", "id"), ("knowledge", 7)):
        with pytest.raises(Uneditable):
            remove(TOML, path)
