"""A create whose answer was lost, before its assistant gets another key: nothing is made a second time."""

from __future__ import annotations

import pytest

from agentctl.sync.patience import Patience
from agentctl.wiring import Control
from tests.agentctl.verbs.renaming.test_rename import in_sync
from tests.agentctl.verbs.renaming.test_renamed import names
from tests.telephony import Bench, bench

__all__ = ["bench"]


@pytest.mark.parametrize(
    ("listed", "made"),
    [("/v1/convai/agents", "/v1/convai/agents/create"), ("/v1/convai/knowledge-base", "/v1/convai/knowledge-base/*")],
)
def test_it_is_looked_for_under_its_old_key_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, listed: str, made: str
) -> None:
    monkeypatch.setattr(Control, "patience", Patience(pauses=()))
    assert bench("sync", "--yes")[0] == 0
    bench.declare("zentrale")
    old, new = (bench.root / "assistants" / key for key in ("zentrale", "annahme"))
    (old / "knowledge").mkdir()
    (old / "knowledge" / "preise.md").write_text("Ein Brot: 4 Euro.\n")
    bench.sandbox.fault(method="GET", path=listed, stale=True, times=50)
    bench.sandbox.fault(method="POST", path=made, drop="after")
    assert bench("sync", "--yes")[0] == 1
    agents, documents = names(bench), set(bench.sandbox.state()["documents"])

    code, _, err = bench("rename", "zentrale", "annahme", "--yes")
    assert (code, "was begun and not seen yet; nothing was renamed" in err, old.is_dir()) == (1, True, True), err
    old.rename(new)
    with bench.writes() as writes:
        code, out, err = bench("sync", "--yes")
    assert (code, writes) == (3, []), out + err
    back = "mv assistants/annahme assistants/zentrale, then agentctl sync, then agentctl rename zentrale annahme"
    assert back in out
    assert bench("rename", "zentrale", "annahme", "--yes")[0] == 1

    bench.sandbox.clear_faults()
    new.rename(old)
    assert bench("sync", "--yes")[0] == 0
    code, out, err = bench("rename", "zentrale", "annahme", "--yes")
    assert code == 0, out + err
    assert names(bench).items() >= agents.items()
    assert set(bench.sandbox.state()["documents"]) >= documents
    assert (len(names(bench)), len(bench.sandbox.state()["documents"])) == (2, 1)
    in_sync(bench)
