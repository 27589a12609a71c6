from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.sync.diff import contains, diff, overlaid, patch, without
from agentctl.sync.kind import Keyed, Ref

KEYS = st.sampled_from(["a", "b", "c", "d"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.sampled_from(["", "x", "y\nz"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


def merged(remote: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The platform's PATCH: objects merge, everything else is replaced."""
    result = dict(remote)
    for key, value in change.items():
        here = result.get(key)
        result[key] = merged(here if isinstance(here, dict) else {}, value) if isinstance(value, dict) else value
    return result


@given(OBJECTS, OBJECTS)
def test_no_edits_exactly_when_desired_is_contained(desired: dict[str, Any], observed: dict[str, Any]) -> None:
    assert (diff(desired, observed, {}) == ()) == contains(desired, observed)


@given(OBJECTS, OBJECTS)
def test_a_patch_of_the_edits_leaves_nothing_to_edit(desired: dict[str, Any], observed: dict[str, Any]) -> None:
    after = merged(observed, patch(diff(desired, observed, {})))
    assert diff(desired, after, {}) == ()


@given(OBJECTS, OBJECTS)
def test_a_patch_names_no_field_that_was_not_declared(desired: dict[str, Any], observed: dict[str, Any]) -> None:
    def paths(body: dict[str, Any], at: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        nested = {p for k, v in body.items() if isinstance(v, dict) for p in paths(v, (*at, k))}
        return {(*at, key) for key in body} | nested

    assert paths(patch(diff(desired, observed, {}))) <= paths(desired)


@pytest.mark.parametrize(
    ("desired", "observed", "differs"),
    [
        (4, 4.0, False),
        (1, True, True),
        (0, False, True),
        (None, None, False),
        ("4", 4, True),
        ([1, 2], [2, 1], True),
        ({"x": 1}, {"x": 1, "added by the platform": 2}, False),
    ],
)
def test_what_counts_as_equal(desired: Any, observed: Any, differs: bool) -> None:
    assert bool(diff({"field": desired}, {"field": observed}, {})) is differs


def test_a_declared_null_differs_from_a_missing_field() -> None:
    (edit,) = diff({"temperature": None}, {}, {})
    assert (edit.path, edit.after) == ("temperature", None)


def test_a_keyed_list_compares_by_key_in_any_order_and_without_the_platforms_copies() -> None:
    lists = {"docs": Keyed(by="id", ignored=frozenset({"name"}))}
    ours = {"docs": [{"id": "1", "name": "new"}, {"id": "2", "name": "b"}]}
    theirs = {"docs": [{"id": "2", "name": "b", "extra": 1}, {"id": "1", "name": "stale"}]}
    assert diff(ours, theirs, lists) == ()
    assert diff(ours, {"docs": theirs["docs"][:1]}, lists) != ()
    assert diff({"docs": ours["docs"][:1]}, theirs, lists) != ()


def test_an_open_list_keeps_what_others_own() -> None:
    lists = {"tags": Keyed(open=True)}
    assert diff({"tags": ["ours"]}, {"tags": ["theirs", "ours"]}, lists) == ()
    (edit,) = diff({"tags": ["ours"]}, {"tags": ["theirs"]}, lists)
    assert edit.after == ["theirs", "ours"]


def test_an_id_that_is_not_known_yet_differs_from_any() -> None:
    ref = Ref("document", "hours")
    lists = {"docs": Keyed(by="id")}
    (edit,) = diff({"docs": [{"id": ref}]}, {"docs": [{"id": "kb_1"}]}, lists)
    assert edit.after == [{"id": ref}]


def test_an_open_list_lets_go_of_what_was_applied_and_is_no_longer_declared() -> None:
    lists = {"at.tags": Keyed(open=True, owned=True)}
    there = {"at": {"tags": ["theirs", "kept", "dropped"]}}
    applied = {"at": {"tags": ["kept", "dropped", "gone already"]}}
    (edit,) = diff({"at": {"tags": ["kept"]}}, there, lists, applied)
    assert edit.after == ["theirs", "kept"]
    (edit,) = diff({"at": {"tags": []}}, there, lists, applied)
    assert edit.after == ["theirs"]
    assert diff({"at": {"tags": ["kept"]}}, {"at": {"tags": ["theirs", "kept"]}}, lists, applied) == ()
    assert diff({"at": {"tags": ["kept"]}}, there, lists) == ()
    assert diff({}, there, lists, applied) == ()
    assert diff({"at": {"tags": ["kept"]}}, there, {"at.tags": Keyed(open=True)}, applied) == ()


def test_an_object_of_which_nothing_is_left_is_no_declaration() -> None:
    body = {"name": "a", "part": {"x": {"deep": 1}, "y": {}}, "none": {}}
    assert without(body, [("part", "x", "deep")]) == {"name": "a", "part": {"y": {}}, "none": {}}
    assert without(body, [("part", "x"), ("part", "y")]) == {"name": "a", "none": {}}
    assert without(body, [("none", "gone"), ("part", "y", "gone")]) == body, "what was declared empty stays"


def test_merging_replaces_lists_and_mixed_kinds_and_leaves_its_inputs_alone() -> None:
    under = {"a": {"x": 1, "y": [1, 2]}, "b": {"z": 1}, "c": 3}
    over = {"a": {"y": [3]}, "b": 4, "c": {"w": None}}
    assert overlaid(under, over) == {"a": {"x": 1, "y": [3]}, "b": 4, "c": {"w": None}}
    assert under == {"a": {"x": 1, "y": [1, 2]}, "b": {"z": 1}, "c": 3}


@pytest.mark.parametrize("number", [1e22, 1e23, -1e300, 1e308, 4.0, 0.1, 5e-324])
def test_a_number_that_a_database_has_written_out_is_the_same(number: float) -> None:
    written = int(Decimal(repr(number))) if abs(number) >= 1 else number
    assert contains(number, written)
    assert contains(written, number)
    assert not contains(number, written * 2)
