"""A document that a store has adopted: what is edited of it from then on is drift; before, a note has to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.test_edited_exchanged import DOCUMENT, EDITED, TEXT, edit, heard, held, in_sync, of, own, touched
from tests.telephony import Bench
from tests.telephony import bench as bench

__all__ = ["own"]
NOTE = "was found with what it holds"


@pytest.fixture
def other(bench: Bench, own: Path, other_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    """A second laptop, with a store that knows nothing."""
    root = tmp_path / "other"
    shutil.copytree(bench.root, root, ignore=shutil.ignore_patterns("other"))
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    return Bench(root, bench.sandbox, bench.capsys)


def file(bench: Bench) -> Path:
    """Of the document, in that checkout."""
    return bench.toml.parent / "knowledge" / "preise.md"


def looks(bench: Bench, document: str) -> int:
    """How often it was asked for alone."""
    path = f"/v1/convai/knowledge-base/{document}"
    return sum(one["path"] == path and one["method"] == "GET" for one in bench.sandbox.log())


@pytest.mark.parametrize("hand", ["nothing", "changed", "deleted"])
def test_an_edit_after_the_adoption_is_drift(other: Bench, hand: str) -> None:
    (old,) = of(other)
    before = looks(other, old)
    assert other("sync", "--yes")[0] == 0
    assert other("sync", "--yes")[0] == 0
    assert looks(other, old) == before + 1
    written = touched(other, old)
    while touched(other, old) == written:
        edit(other, old)
    if hand == "changed":
        file(other).write_text(TEXT.format("Zwei"))
    elif hand == "deleted":
        file(other).unlink()
    for how in ([], ["--gate"], ["--prune"]):
        told = held(other, *how)
        assert (DOCUMENT in told, old in heard(other), EDITED in of(other)[old]) == (True, True, True)
        assert NOTE not in told
        assert ("agentctl sync --gate --take-ours" in told) == (how == ["--gate"]), "what a gate holds, it lets go"
    assert other("sync", "--yes", "--take-ours")[0] == 0
    assert not any(EDITED in of(other)[i] for i in heard(other))


@pytest.mark.parametrize("way", ["pull", "sync", "file"])
def test_what_was_edited_before_differs_like_any_other_field(other: Bench, way: str) -> None:
    (old,) = of(other)
    edit(other, old)
    code, out, err = other("plan", "--exit-code")
    assert (code, DOCUMENT in out, "edited there, last touched" in out, "two-way" in out + err) == (3, True, True, True)
    assert NOTE not in out
    if way == "pull":
        code, out, err = other("pull", "empfang", "--yes")
        assert (code, "cannot be told which side was changed" in out) == (3, True), out + err
        file(other).write_text(EDITED)
    if way == "file":
        file(other).write_text(TEXT.format("Zwei"))
        assert NOTE in other("plan")[1], "of another text than the declared one nobody can tell whose it is"
    code, out, err = other("sync", "--yes")
    assert (code, EDITED in of(other)[old], of(other).keys() == {old}) == (0, way == "pull", True), out + err
    assert ("two-way" in out + err, in_sync(other)) == (True, True)


def test_what_was_not_written_when_it_was_adopted_is_not_taken_for_ours(other: Bench) -> None:
    (old,) = of(other)
    edit(other, old)
    other.sandbox.fault(method="PATCH", path=f"/v1/convai/knowledge-base/{old}", times=1, status=422, body={})
    assert other("sync", "--yes")[0] == 1
    assert other("plan", "--exit-code")[0] == 3
    assert other("sync", "--yes")[0] == 0
    assert (EDITED in of(other)[old], in_sync(other)) == (False, True)


def test_one_whose_file_differs_when_it_is_adopted_is_known_as_it_is(other: Bench) -> None:
    (old,) = of(other)
    file(other).write_text(TEXT.format("Zwei"))
    other.sandbox.fault(method="PATCH", path=f"/v1/convai/knowledge-base/{old}", times=1, status=422, body={})
    code, out, err = other("sync", "--yes")
    assert (code, NOTE in out + err) == (1, True), out + err
    edit(other, old)
    assert DOCUMENT in held(other)
    assert EDITED in of(other)[old]
    assert other("sync", "--yes", "--take-ours")[0] == 0
    assert (EDITED in of(other)[old], in_sync(other)) == (False, True)


@pytest.mark.parametrize("edited", [False, True])
def test_what_another_store_wrote_is_known_here_only_while_it_says_what_is_declared(
    bench: Bench, other: Bench, monkeypatch: pytest.MonkeyPatch, dsn: str, other_dsn: str, edited: bool
) -> None:
    (old,) = of(other)
    assert other("sync", "--yes")[0] == 0
    for one in (bench, other):
        file(one).write_text(TEXT.format("Zwei"))
    monkeypatch.setenv("DATABASE_URL", dsn)
    assert bench("sync", "--yes")[0] == 0
    if edited:
        edit(bench, old)
    monkeypatch.setenv("DATABASE_URL", other_dsn)
    for text in ("Zwei", "Zwei", "Drei"):
        file(other).write_text(TEXT.format(text))
        code, out, err = other("sync", "--yes")
        assert (code, EDITED in of(other)[old], NOTE in out + err) == (3 if edited else 0, edited, False), out + err
    if edited:
        assert other("pull", "empfang", "--yes")[0] == 0
        assert EDITED in file(other).read_text()
        assert other("sync", "--yes")[0] == 0
    assert in_sync(other)
