"""A write of a document that the platform accepts and does not keep is an error, which says what was not kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.test_edited_exchanged import DOCUMENT, TEXT, in_sync, of, own
from tests.telephony import Bench
from tests.telephony import bench as bench

__all__ = ["own"]


@pytest.mark.parametrize(("part", "there"), [("content", "Eins"), ("name", "Zwei")])
def test_what_was_not_kept_is_named_and_written_again(bench: Bench, own: Path, part: str, there: str) -> None:
    own.write_text(TEXT.format("Zwei"))
    for _ in range(2):
        bench.sandbox.fault(method="PATCH", path="/v1/convai/knowledge-base/*", ignore=part)
        code, out, err = bench("sync", "--yes")
        assert (code, f"{DOCUMENT}: the platform accepted the write but did not keep {part}\n" in out + err) == (
            1,
            True,
        )
        ((_, text),) = of(bench).items()
        assert there in text
    assert bench.json("plan")["changes"], "it is not taken for written"
    assert bench("sync", "--yes")[0] == 0
    ((only, text),) = of(bench).items()
    assert ("Zwei" in text, in_sync(bench)) == (True, True)
    gets = [one for one in bench.sandbox.log() if one["method"] == "GET" and one["path"].endswith(only)]
    assert bench("sync", "--yes")[0] == 0
    assert [one for one in bench.sandbox.log() if one["method"] == "GET" and one["path"].endswith(only)] == gets


def test_text_of_which_only_the_form_has_changed_is_kept(bench: Bench, own: Path) -> None:
    own.write_text(TEXT.format("Eins").replace("\n\n", "\n\n\n\n"))
    assert bench("sync", "--yes")[0] == 0
    assert in_sync(bench)
