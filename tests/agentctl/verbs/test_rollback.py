"""Rollbacks as a library: look writes nothing, and what a held assistant uses is nobody else's to change."""

from __future__ import annotations

import pytest

from agentctl.errors import SyncError
from agentctl.verbs import rollback
from agentctl.verbs.revisions.hold import hold, holds
from agentctl.wiring import Control
from tests.telephony import Bench
from tests.telephony import bench as bench


def share(bench: Bench, text: str) -> None:
    folder = bench.root / "shared" / "knowledge"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "unternehmen.md").write_text(text)


def say(bench: Bench, key: str, prompt: str) -> None:
    (bench.root / "assistants" / key / "prompt.md").write_text(prompt)


def test_a_look_writes_nothing_and_the_act_ends_in_a_hold(bench: Bench) -> None:
    say(bench, "empfang", "Schlecht.")
    assert bench("sync", "--yes")[0] == 0

    async def act(control: Control) -> None:
        decision = await rollback.look(control, "empfang")
        assert (decision.key, decision.revision) == ("empfang", 1)
        assert [change.desired.ref.kind for change in decision.plan.changes] == ["agent"]
        assert await holds(control) == ()
        applied = await rollback.rollback(control, decision)
        assert applied.ok
        assert [(one.key, one.revision, one.digest) for one in await holds(control)] == [
            ("empfang", 1, decision.source)
        ]

    bench.control(act)


def test_a_hold_that_was_there_before_outlives_a_rollback_that_failed(bench: Bench) -> None:
    say(bench, "empfang", "Schlecht.")
    assert bench("sync", "--yes")[0] == 0
    assert bench("rollback", "empfang", "--yes")[0] == 0
    bench.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", times=50, status=400, body={"detail": "no"})

    async def act(control: Control) -> None:
        before = await holds(control)
        applied = await rollback.rollback(control, await rollback.look(control, "empfang", 2))
        assert not applied.ok
        assert not rollback.holds_after(applied)
        assert [(one.revision, one.digest) for one in await holds(control)] == [
            (one.revision, one.digest) for one in before
        ]

    bench.control(act)


def test_a_document_of_a_held_assistant_counts_as_used(bench: Bench) -> None:
    share(bench, "Seit 1990.")
    bench.declare("zentrale")
    assert bench("sync", "--yes")[0] == 0
    share(bench, "Seit 1991.")
    assert bench("sync", "--yes")[0] == 0
    # The files no longer know of the document, but what zentrale is held at does.
    (bench.root / "shared/knowledge/unternehmen.md").unlink()
    assert bench("sync", "--yes")[0] == 0
    assert bench("rollback", "zentrale", "--yes")[0] == 0

    async def refused(control: Control) -> None:
        with pytest.raises(SyncError, match="which zentrale uses too"):
            await rollback.look(control, "empfang", 2)
        assert (await rollback.look(control, "empfang", 3)).plan.failures == ()

    bench.control(refused)
    assert bench.json("plan")["orphans"] == []


def test_a_hold_of_which_the_revision_is_gone_still_holds(bench: Bench) -> None:
    say(bench, "empfang", "Schlecht.")
    assert bench("sync", "--yes")[0] == 0
    assert bench("rollback", "empfang", "--yes")[0] == 0

    async def gone(control: Control) -> None:
        (one,) = await holds(control)
        await hold(control, "empfang", 99, one.digest)

    bench.control(gone)
    with bench.writes() as writes:
        assert bench("sync", "--yes", "--prune")[0] == 0
    assert writes == []


def test_a_rollback_keeps_the_secrets_of_today_says_so_and_holds(bench: Bench) -> None:
    """A revision restores no secret: one that was rotated must not come back, and must not be in the way either."""
    declared = (
        'name = "Empfang"\nlanguage = "de"\n[elevenlabs.conversation_config.agent.prompt.custom_llm]\n'
        'url = "https://llm.example.org"\nrequest_headers = {{ X-Key = "{}" }}\n'
    )
    for secret, prompt in (("canary-old", "Gut."), ("canary-new", "Schlecht.")):
        bench.toml.write_text(declared.format(secret))
        say(bench, "empfang", prompt)
        assert bench("sync", "--yes")[0] == 0
    code, out, err = bench("rollback", "empfang", "--to", "2", "--yes")
    assert (code, "today's of the files stay at elevenlabs" in out, "canary" in out) == (0, True, False), out + err
    prompt = bench.agent()["conversation_config"]["agent"]["prompt"]
    assert (prompt["prompt"], prompt["custom_llm"]["request_headers"]) == ("Gut.", {"X-Key": "canary-new"})
    for _ in range(2):
        with bench.writes() as writes:
            code, out, _ = bench("sync", "--yes")
        assert (code, writes, "held at revision 2" in out, "cannot be compared" in out) == (0, [], True, False), out
    assert len(bench.json("history", "empfang")[0]["revisions"]) == 4
