"""Maps that are written whole: what an edit of one entry sends of the others, and of the rest of that entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentctl.sync.diff import diff
from agentctl.sync.entries import written
from agentctl.sync.kind import Keyed


def sent(wanted: Mapping[str, Any], there: Mapping[str, Any], lists: Mapping[str, Keyed]) -> dict[str, Any]:
    return written(diff(wanted, there, lists), wanted, wanted, there, lists)


def test_an_entry_of_another_sort_takes_nothing_over_from_what_was_there() -> None:
    lists = {"headers": Keyed(whole=True, forms=frozenset({"type", "secret", "variable"}))}
    old = {"a": {"variable": "v", "n": 1}, "b": {"type": "x", "n": 1}, "c": {"n": 1, "in": {"type": "x", "n": 1}}}
    new = {"a": {"secret": "s"}, "b": {"type": "x", "m": 2}, "c": {"in": {"type": "y"}}}
    assert sent({"headers": new}, {"headers": {**old, "theirs": "t"}}, lists) == {
        "headers": {
            "a": {"secret": "s"},
            "b": {"type": "x", "n": 1, "m": 2},
            "c": {"n": 1, "in": {"type": "y"}},
            "theirs": "t",
        }
    }


def test_a_map_inside_an_entry_is_whole_too_whatever_of_the_entry_is_edited() -> None:
    lists = {"tools.end.steps": Keyed(whole=True), "tools": Keyed(owned=True)}
    there = {"tools": {"end": {"name": "old", "steps": {"ours": 1, "theirs": 2}}, "other": {}}}
    wanted = {"tools": {"end": {"name": "new", "steps": {"ours": 1}}}}
    assert sent(wanted, there, lists) == {"tools": {"end": {"name": "new", "steps": {"ours": 1, "theirs": 2}}}}
    other = {"tools": {"other": {"name": "x"}}}
    assert sent(other, there, lists) == {"tools": {"other": {"name": "x"}}}


def test_nothing_of_a_map_is_sent_where_it_is_as_declared() -> None:
    lists = {"items": Keyed(whole=True)}
    assert sent({"items": {"a": 1}, "n": 2}, {"items": {"a": 1, "b": 2}, "n": 1}, lists) == {"n": 2}
