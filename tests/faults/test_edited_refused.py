"""A write of a document that was refused, or never arrived, and then an edit there: that is an edit like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.test_edited_exchanged import DOCUMENT, EDITED, TEXT, edit, held, in_sync, of, touched
from tests.faults.test_edited_exchanged import own as own
from tests.telephony import Bench
from tests.telephony import bench as bench


@pytest.mark.parametrize("fault", [{"status": 422, "times": 1}, {"status": 503, "times": 9}])
@pytest.mark.parametrize(("text", "whose"), [("Eins", "at the platform"), ("Zwei", "on both sides")])
def test_it_is_held_back_until_a_pull_takes_it(
    bench: Bench, own: Path, fault: dict[str, Any], text: str, whose: str
) -> None:
    (old,) = of(bench)
    own.write_text(TEXT.format("Zwei"))
    bench.sandbox.fault(method="PATCH", path=f"/v1/convai/knowledge-base/{old}", body={"detail": "no"}, **fault)
    assert bench("sync", "--yes")[0] == 1
    bench.sandbox.clear_faults()
    written = touched(bench, old)
    while touched(bench, old) == written:  # In the second of our write it would show only once the file changes.
        edit(bench, old)
    own.write_text(TEXT.format(text))
    for _ in range(2):
        told = held(bench)
        assert f"{DOCUMENT}: content (changed {whose})" in told, told
        assert EDITED in of(bench)[old]
    assert bench("pull", "empfang", "--yes")[0] == 0
    assert EDITED in own.read_text()
    assert (bench("sync", "--yes")[0], EDITED in of(bench)[old], in_sync(bench)) == (0, True, True)
