"""New TOML files read as the table they were made of."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.sources.rewrite import in_toml
from agentctl.sources.tables import text_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
SCALAR = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(
    SCALAR | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dictionaries(TEXT, VALUE, max_size=5))
def test_any_table_reads_the_same(table: dict[str, Any]) -> None:
    assert tomllib.loads(text_of(table)) == in_toml(table)


def test_it_is_written_as_a_person_would() -> None:
    table = {"name": "Süd", "voice": {"speed": 1.1}, "knowledge": [{"file": "a.md"}], "a": {"b": {"c": None}}}
    assert text_of(table) == (
        'name = "Süd"\n\n[voice]\nspeed = 1.1\n\n[[knowledge]]\nfile = "a.md"\n\n[a.b]\nc = {"$json" = "null"}\n'
    )
