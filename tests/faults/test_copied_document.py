"""A second document under the whole name of one of ours: with another text it is somebody's, and no sync deletes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.test_edited_exchanged import TEXT, heard, of
from tests.faults.test_edited_exchanged import own as own
from tests.faults.test_edited_list import api, attach
from tests.telephony import Bench
from tests.telephony import bench as bench


def second(bench: Bench, text: str) -> tuple[str, str]:
    """The ids of ours, and of another that has its name and this text."""
    (ours,) = of(bench)
    name = bench.sandbox.state()["documents"][ours]["name"]
    return ours, api(bench, "POST", "knowledge-base/text", {"name": name, "text": text})["id"]


def reads(bench: Bench, document: str) -> int:
    """How often it was asked for alone."""
    path = f"/v1/convai/knowledge-base/{document}"
    return sum(one["path"] == path and one["method"] == "GET" for one in bench.sandbox.log())


def test_one_with_another_text_stays_until_a_person_has_looked(bench: Bench, own: Path) -> None:
    ours, copy = second(bench, TEXT.format("Kopie"))
    assert (bench("sync", "--yes")[0], reads(bench, copy)) == (0, 0), "nothing of it is asked for unless it may go"
    for number, how in enumerate(([], ["--take-ours"], ["--take-ours", "--gate"])):
        code, out, err = bench("sync", "--yes", "--prune", *how)
        assert (code, of(bench).keys()) == (3, {ours, copy}), out + err
        assert (
            f"The knowledge_document {copy} carries the mark of knowledge_document empfang/preise, which is {ours}"
            in out + err
        )
        assert "is not known to be ours" in out + err
        assert "take our mark off it in the dashboard (its name)" in out + err
        own.write_text(TEXT.format(number))  # By its name the other one is an older one of ours from now on.
        assert bench("sync", "--yes")[0] == 0
    assert bench("plan", "--prune", "--exit-code")[0] == 3
    api(bench, "PATCH", f"knowledge-base/{copy}", {"name": "Preise (Kopie)"})
    code, out, err = bench("sync", "--yes", "--prune")
    assert (code, bench.sandbox.state()["documents"].keys()) == (0, {copy, ours}), out + err


def test_one_of_which_nothing_is_known_goes_by_a_word_alone_and_keeps_none_of_ours(bench: Bench, own: Path) -> None:
    _, copy = second(bench, TEXT.format("Kopie"))
    own.rename(own.with_name("tarife.md"))
    for _ in range(2):
        code, out, err = bench("sync", "--yes", "--prune")
        assert (code, of(bench).keys()) == (3, {copy}), out + err
    assert "not known to be ours" in out + err
    assert bench("sync", "--yes", "--prune", "--take-ours")[0] == 0
    assert not of(bench)


@pytest.mark.parametrize("text", ["Eins", "Zwei"])
def test_one_that_is_attached_in_the_place_of_ours_is_not_taken_for_it(bench: Bench, own: Path, text: str) -> None:
    ours, copy = second(bench, TEXT.format("Kopie"))
    name = bench.sandbox.state()["documents"][copy]["name"]
    attach(bench, {"type": "text", "name": name, "id": copy, "usage_mode": "auto"})
    api(bench, "DELETE", f"knowledge-base/{ours}")
    own.write_text(TEXT.format(text))
    for how in ([], ["--gate"], ["--prune"]):
        code, out, err = bench("sync", "--yes", *how)
        assert (code, of(bench).keys()) == (3, {copy}), out + err
        assert "knowledge_document empfang/preise" in out + err
    assert bench("sync", "--yes", "--take-ours")[0] == 0
    (new,) = heard(bench)
    assert (new != copy, text in of(bench)[new], "Kopie" in of(bench)[copy]) == (True, True, True)


def test_one_with_our_text_is_ours_and_goes_also_where_ours_was_edited_since(bench: Bench, own: Path) -> None:
    ours, double = second(bench, TEXT.format("Eins"))
    api(bench, "PATCH", f"knowledge-base/{ours}", {"content": "Heute alles zum halben Preis."})
    bench("sync", "--yes", "--prune")
    assert of(bench).keys() == {ours}
    assert (double in of(bench), "halben Preis" in of(bench)[ours]) == (False, True)


@pytest.mark.parametrize("hand", ["back", "changed", "rollback"])
def test_one_that_was_there_before_a_file_came_back_is_neither_given_to_callers_nor_written(
    bench: Bench, own: Path, hand: str
) -> None:
    _, copy = second(bench, TEXT.format("Kopie"))
    before = own.read_text()
    own.unlink()
    assert bench("sync", "--yes", "--prune")[0] == 3
    assert of(bench).keys() == {copy}
    if hand == "rollback":
        assert bench("rollback", "empfang", "--yes")[0] == 0
    else:
        own.write_text(before if hand == "back" else TEXT.format("Zwei"))
        assert bench("sync", "--yes")[0] == 0
    (new,) = heard(bench)
    assert (new != copy, "Kopie" in of(bench)[copy], "Kopie" in of(bench)[new]) == (True, True, False)
    code, out, err = bench("sync", "--yes", "--prune")
    assert (code, of(bench).keys()) == (3, {copy, new}), out + err


def test_a_page_of_another_address_is_not_taken_for_ours(bench: Bench, own: Path) -> None:
    toml = bench.toml.read_text()
    page = '\n[[knowledge]]\nname = "preisliste"\nurl = "https://example.org/preise"\n'
    bench.toml.write_text(toml + page)
    assert bench("sync", "--yes")[0] == 0
    (ours,) = (i for i, row in bench.sandbox.state()["documents"].items() if row["type"] == "url")
    name = bench.sandbox.state()["documents"][ours]["name"]
    bench.toml.write_text(toml)
    assert bench("sync", "--yes", "--prune")[0] == 0
    other = api(bench, "POST", "knowledge-base/url", {"name": name, "url": "https://example.com/anders"})["id"]
    bench.toml.write_text(toml + page)
    assert bench("sync", "--yes")[0] == 0
    assert other not in heard(bench)
