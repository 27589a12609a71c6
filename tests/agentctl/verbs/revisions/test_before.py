"""The default of a rollback: back from what is in force, and never to what an earlier rollback led away from."""

from __future__ import annotations

import pytest

from agentctl.errors import UsageError
from agentctl.verbs.revisions.before import chosen
from agentctl.verbs.revisions.history import Revision
from agentctl.verbs.revisions.hold import Hold
from tests.telephony import Bench
from tests.telephony import bench as bench


def kept(*notes: str) -> list[Revision]:
    """Revisions 1, 2, … with these notes, newest first."""
    found = [Revision(number, f"digest {number}", note, "") for number, note in enumerate(notes, 1)]
    return found[::-1]


def held(revision: int) -> Hold:
    return Hold("empfang", revision, "", "")


@pytest.mark.parametrize(
    ("notes", "hold", "to"),
    [
        (("sync", "sync"), None, 1),
        (("sync", "sync", "sync", "rollback to 2"), 2, 1),
        (("sync", "sync", "sync", "rollback to 2", "rollback to 4"), 4, 1),
        (("sync", "sync", "sync"), 2, 2),  # it was cut off
        (("sync", "sync", "sync", "rollback to 2"), None, 1),  # unheld, not synced yet
        (("sync", "sync", "sync", "rollback to 2", "sync"), None, 4),  # what was good before the newest
        (("sync", "sync", "rollback to 1", "sync", "sync", "rollback to 4"), 4, 3),
    ],
)
def test_the_default(notes: tuple[str, ...], hold: int | None, to: int) -> None:
    assert chosen("empfang", kept(*notes), held(hold) if hold else None, None) == to


@pytest.mark.parametrize(
    ("notes", "hold", "why"),
    [
        ((), None, "no revision"),
        (("sync",), None, "only one revision"),
        (("sync", "sync", "rollback to 1"), 1, "held at revision 1, and none before it"),
        (("sync", "sync", "rollback to 1", "sync", "sync", "rollback to 3"), 3, "held at revision 3, and none before"),
        (("sync", "sync", "rollback to 1"), None, "none before it"),
    ],
)
def test_where_there_is_none_further_back_it_says_so(notes: tuple[str, ...], hold: int | None, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        chosen("empfang", kept(*notes), held(hold) if hold else None, None)


def test_a_second_rollback_goes_further_back_and_a_third_says_that_there_is_nothing(bench: Bench) -> None:
    for prompt in ("Gut.", "Schlecht."):
        (bench.root / "assistants/empfang/prompt.md").write_text(prompt)
        assert bench("sync", "--yes")[0] == 0
    for revision in (2, 1):
        code, out, _ = bench("rollback", "empfang", "--yes")
        assert (code, f"is held at revision {revision}:" in out) == (0, True), out
    with bench.writes() as writes:
        code, _, err = bench("rollback", "empfang", "--yes")
    assert (code, writes, "nothing further back" in err) == (2, [], True)
