"""What no file declares any more is one thing, whatever mark it carries."""

from __future__ import annotations

from tests.telephony import Bench
from tests.telephony import bench as bench


def test_a_document_of_a_renamed_assistant_is_one_deletion(bench: Bench) -> None:
    path = bench.toml.parent / "knowledge" / "preise.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("# Preise\n\nEins.\n")
    assert bench("sync", "--yes")[0] == 0
    path.unlink()
    assert bench("sync", "--yes")[0] == 0
    assert bench("rename", "empfang", "foyer", "--yes")[0] == 0
    assert len(bench.json("plan")["orphans"]) == 1
    out = bench("sync", "--yes", "--prune")[1]
    assert ("knowledge_document foyer/preise" in out, "1 to delete" in out) == (True, True), out
    assert bench.sandbox.state()["documents"] == {}
    assert "Nothing to do" in bench("plan", "--prune")[1]
