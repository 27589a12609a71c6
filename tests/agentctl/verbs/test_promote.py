"""Two environments of one project at two hosts, and the way from one to the other, by the command line."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from agentctl.verbs import promote, sync
from agentctl.verbs.revisions.history import restored
from agentctl.wiring import Control, connect
from tests.telephony import Bench, environment
from tests.telephony import staging as staging

TOML = """project = "beispiel"
[vars]
company = "Beispiel GmbH"
[environments.staging]
base_url = "{url}"
api_key_env = "STAGING_KEY"
[environments.staging.vars]
company = "Test GmbH"
[environments.staging.overrides.voice]
speed = 1.1
"""


@pytest.fixture
def bench(
    staging: BlockingSandbox,
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Bench]:
    with running_thread(Options(api_key="key-of-production")) as production:
        environment(monkeypatch, production, dsn)
        (tmp_path / "agentctl.toml").write_text(TOML.format(url=staging.url))
        made = Bench(tmp_path, production, capsys)
        made.declare("empfang", "[voice]\nspeed = 1.0\n")
        say(made, "Hilf bei der [[company]].")
        yield made


def say(bench: Bench, prompt: str, key: str = "empfang") -> None:
    (bench.root / "assistants" / key / "prompt.md").write_text(prompt)


def ok(bench: Bench, *arguments: str) -> str:
    code, out, err = bench(*arguments)
    assert code == 0, out + err
    return out


def prompts(sandbox: BlockingSandbox) -> list[str]:
    return [at(agent, "agent", "prompt", "prompt") for agent in sandbox.state()["agents"].values()]


def at(agent: Any, *path: str) -> Any:
    place = agent["conversation_config"]
    for key in path:
        place = place[key]
    return place


def changed(bench: Bench, name: str, config: dict[str, Any]) -> None:
    """Somebody edits the only agent of an environment in the dashboard."""

    async def change() -> None:
        async with connect(bench.root, environment=name) as control:
            (agent_id,) = (await control.bindings()).of("agent").values()
            body = {"conversation_config": config}
            await control.api.patch("/v1/convai/agents/{agent_id}", json=body, agent_id=agent_id)

    asyncio.run(change())


def test_each_environment_has_its_own_host_key_bindings_and_fields(bench: Bench, staging: BlockingSandbox) -> None:
    ok(bench, "--env", "staging", "sync", "--yes")
    assert bench.sandbox.state()["agents"] == {}
    (staged,) = staging.state()["agents"].values()
    assert (at(staged, "agent", "prompt", "prompt"), at(staged, "tts", "speed")) == ("Hilf bei der Test GmbH.", 1.1)
    assert "agentctl:beispiel/staging/empfang" in staged["tags"]
    ok(bench, "sync", "--yes")
    (live,) = bench.sandbox.state()["agents"].values()
    assert (at(live, "agent", "prompt", "prompt"), at(live, "tts", "speed")) == ("Hilf bei der Beispiel GmbH.", 1.0)
    for arguments in ((), ("--env", "staging"), ("--env", "production")):
        assert json.loads(ok(bench, *arguments, "status", "--json"))[0]["state"] == "in sync"
    say(bench, "Anders.")
    ok(bench, "--env", "staging", "sync", "--yes")
    assert len(bench.json("history", "empfang")[0]["revisions"]) == 1
    assert len(json.loads(ok(bench, "--env", "staging", "history", "empfang", "--json"))[0]["revisions"]) == 2
    ok(bench, "--env", "staging", "rollback", "empfang", "--yes")
    assert prompts(staging) == ["Hilf bei der Test GmbH."]
    assert json.loads(ok(bench, "--env", "staging", "status", "--json"))[0]["state"] == "held"
    assert bench.json("status")[0]["state"] == "changed here"


def test_the_environment_can_be_a_variable_and_an_option_wins(
    bench: Bench, staging: BlockingSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTCTL_ENV", "staging")
    ok(bench, "sync", "--yes")
    assert (len(staging.state()["agents"]), len(bench.sandbox.state()["agents"])) == (1, 0)
    ok(bench, "--env", "production", "sync", "--yes")
    assert len(bench.sandbox.state()["agents"]) == 1


def test_a_missing_key_is_asked_for_by_its_own_name(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STAGING_KEY")
    code, _, err = bench("--env", "staging", "plan")
    assert code == 2
    assert "STAGING_KEY: is not set" in err
    monkeypatch.setenv("STAGING_KEY", "key-of-production")
    code, _, err = bench("--env", "staging", "plan")
    assert (code, "Check STAGING_KEY" in err) == (1, True), err
    code, _, err = bench("--env", "stagign", "plan")
    assert (code, err) == (2, "error: there is no environment 'stagign'\n  Did you mean staging?\n")


def test_what_staging_recorded_is_applied_in_production_with_its_own_fields(
    bench: Bench, staging: BlockingSandbox
) -> None:
    ok(bench, "sync", "--yes")
    say(bench, "Neu bei der [[company]].")
    ok(bench, "--env", "staging", "sync", "--yes")
    done = bench.json("promote", "staging", "production", "--yes")
    assert (done["from"], done["to"], done["revisions"]) == ("staging", "production", {"empfang": 1})
    assert [(one["kind"], one["action"]) for one in done["changes"]] == [("agent", "update")]
    (live,) = bench.sandbox.state()["agents"].values()
    assert (at(live, "agent", "prompt", "prompt"), at(live, "tts", "speed")) == ("Neu bei der Beispiel GmbH.", 1.0)
    newest = bench.json("history", "empfang")[0]["revisions"][0]
    assert (newest["revision"], newest["note"]) == (2, "promoted from staging")
    with bench.writes() as writes:
        ok(bench, "sync", "--yes")
        assert "Everything is in sync." in ok(bench, "promote", "staging", "production", "empfang", "--yes")
    assert writes == []


def test_files_that_moved_on_are_not_promoted_and_what_differs_is_named(bench: Bench, staging: BlockingSandbox) -> None:
    ok(bench, "--env", "staging", "sync", "--yes")
    say(bench, "Weiter.")
    bench.toml.write_text(bench.toml.read_text().replace("speed = 1.0", "speed = 0.9"))
    code, _, err = bench("promote", "staging", "production", "--yes")
    assert code == 2
    assert "empfang: differs from revision 1 of staging in prompt.md, vars.company, voice.speed" in err
    assert bench.sandbox.state()["agents"] == {}
    # An environment's own layers are no part of it; and what made no difference there is recorded all the same.
    ok(bench, "--env", "staging", "sync", "--yes")
    toml = bench.root / "agentctl.toml"
    toml.write_text(toml.read_text().replace("speed = 1.1", "speed = 1.2"))
    ok(bench, "promote", "staging", "production", "--yes")
    assert prompts(bench.sandbox) == ["Weiter."]


def test_a_field_that_staging_overrides_is_recorded_by_its_next_sync(bench: Bench, staging: BlockingSandbox) -> None:
    ok(bench, "--env", "staging", "sync", "--yes")
    bench.toml.write_text(bench.toml.read_text().replace("speed = 1.0", "speed = 0.9"))
    assert bench("promote", "staging", "production", "--yes")[0] == 2
    before = staging.log()[-1]["seq"]
    ok(bench, "--env", "staging", "sync", "--yes")
    assert [entry for entry in staging.log(before) if entry["method"] != "GET"] == []
    ok(bench, "promote", "staging", "production", "--yes")


def test_what_cannot_be_promoted_is_told(bench: Bench, staging: BlockingSandbox) -> None:
    code, _, err = bench("promote", "staging", "production", "--yes")
    assert (code, "empfang: staging has no revision of it" in err) == (2, True)
    ok(bench, "--env", "staging", "sync", "--yes")
    bench.declare("zentrale")
    # Of all, the others go; one that was named must be there.
    code, out, err = bench("promote", "staging", "production", "--yes")
    assert (code, "left: zentrale: staging has no revision of it" in err) == (3, True), out + err
    assert out.splitlines()[-1] == "Not promoted: zentrale; see above."
    assert prompts(bench.sandbox) == ["Hilf bei der Beispiel GmbH."]
    assert bench("promote", "staging", "production", "zentrale", "--yes")[0] == 2
    for arguments, message in (
        (("promote", "staging", "staging"), "staging cannot be promoted to itself"),
        (("promote", "qa", "production"), "there is no environment 'qa'"),
        (("promote", "staging", "production", "emfang"), "Did you mean empfang?"),
        (("--env", "staging", "promote", "staging", "production"), "promote names both environments itself"),
    ):
        code, _, err = bench(*arguments, "--yes")
        assert (code, message in err) == (2, True), err


def test_an_assistant_that_only_staging_has_is_named_and_left(bench: Bench, staging: BlockingSandbox) -> None:
    bench.declare("alt")
    ok(bench, "--env", "staging", "sync", "--yes")
    shutil.rmtree(bench.root / "assistants" / "alt")
    code, out, err = bench("promote", "staging", "production", "--yes", "--json")
    assert code == 3, err
    assert [(one["assistant"], one["why"]) for one in json.loads(out)["not_promoted"]] == [
        ("alt", "staging has it, and the files do not declare it any more")
    ]
    assert len(staging.state()["agents"]) == 2
    assert [agent["name"] for agent in bench.sandbox.state()["agents"].values()] == ["Empfang"]


def test_stored_conversations_need_their_own_yes_here_too(bench: Bench, staging: BlockingSandbox) -> None:
    for arguments in ((), ("--env", "staging")):
        ok(bench, *arguments, "sync", "--yes")
    bench.toml.write_text(
        bench.toml.read_text() + "[privacy]\nretention_days = 1\napply_to_existing_conversations = true\n"
    )
    ok(bench, "--env", "staging", "sync", "--yes", "--delete-conversations")
    code, out, _ = bench("promote", "staging", "production", "--yes", "--take-ours")
    assert (code, "stored conversations older than 1 days" in out) == (3, True), out
    kept = bench.agent()["platform_settings"]["privacy"]["retention_days"]
    assert kept != 1
    ok(bench, "promote", "staging", "production", "--yes", "--delete-conversations")
    assert bench.agent()["platform_settings"]["privacy"]["retention_days"] == 1


def test_a_promotion_brings_documents_and_keeps_their_contents(bench: Bench, staging: BlockingSandbox) -> None:
    folder = bench.root / "assistants" / "empfang" / "knowledge"
    folder.mkdir()
    (folder / "zeiten.md").write_text("Von neun bis fünf.")
    ok(bench, "--env", "staging", "sync", "--yes")
    ok(bench, "promote", "staging", "production", "--yes")
    (document,) = bench.sandbox.state()["documents"].values()
    assert document["name"].startswith("agentctl/beispiel/production/empfang/zeiten@")

    async def kept(control: Control) -> list[str | None]:
        return [one.text for one in (await restored(control, "empfang", None)).knowledge]

    assert bench.control(kept) == ["Von neun bis fünf."]
    (folder / "zeiten.md").write_text("Von zehn bis vier.")
    code, _, err = bench("promote", "staging", "production", "--yes")
    assert (code, "in assistants/empfang/knowledge/zeiten.md" in err) == (2, True)


def test_a_gated_promotion_tests_what_production_would_be(bench: Bench, staging: BlockingSandbox) -> None:
    ok(bench, "sync", "--yes")
    say(bench, "Neu bei der [[company]].")
    folder = bench.root / "assistants" / "empfang" / "tests"
    folder.mkdir()
    expected = 'user = "Wer ist da?"\nsuccess_condition = \'It says "bei der Test GmbH".\'\n'
    (folder / "name.toml").write_text(expected)
    ok(bench, "--env", "staging", "sync", "--yes", "--gate")
    code, out, _ = bench("promote", "staging", "production", "--yes", "--gate")
    assert (code, "1 of 1 tests did not pass" in out) == (1, True), out
    assert prompts(bench.sandbox) == ["Hilf bei der Beispiel GmbH."]
    (folder / "name.toml").write_text(expected.replace("Test GmbH", ""))
    code, _, err = bench("promote", "staging", "production", "--yes", "--gate")
    assert (code, "differs from revision 1 of staging in tests/name.toml" in err) == (2, True), err
    ok(bench, "--env", "staging", "sync", "--yes", "--gate")
    ok(bench, "promote", "staging", "production", "--yes", "--gate")
    assert prompts(bench.sandbox) == ["Neu bei der Beispiel GmbH."]


def test_environments_may_have_databases_of_their_own(
    bench: Bench, staging: BlockingSandbox, empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGING_DB", empty_dsn)
    toml = bench.root / "agentctl.toml"
    toml.write_text(
        toml.read_text().replace(
            "[environments.staging.vars]", 'database_url_env = "STAGING_DB"\n[environments.staging.vars]'
        )
    )
    code, _, err = bench("--env", "staging", "sync", "--yes")
    assert (code, "agentctl --env staging db migrate" in err) == (1, True), err
    ok(bench, "--env", "staging", "db", "migrate", "--yes")
    ok(bench, "--env", "staging", "sync", "--yes")
    assert bench.json("history", "empfang")[0]["revisions"] == []
    ok(bench, "promote", "staging", "production", "--yes")
    assert prompts(bench.sandbox) == ["Hilf bei der Beispiel GmbH."]
    assert [one["note"] for one in bench.json("history", "empfang")[0]["revisions"]] == ["promoted from staging"]


def test_two_promotions_at_once_are_one(bench: Bench, staging: BlockingSandbox) -> None:
    ok(bench, "--env", "staging", "sync", "--yes")
    bench.sandbox.latency(100)
    command = [sys.executable, "-m", "agentctl", "-C", str(bench.root), "promote", "staging", "production", "--yes"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [one.communicate(timeout=60)[1] for one in both]
    # Whoever comes second is told to wait, or comes after the first and finds nothing to do.
    assert any(one.returncode == 0 for one in both), errors
    for one, err in zip(both, errors, strict=True):
        assert one.returncode == 0 or "another sync of this project is running" in err, err
    bench.sandbox.latency(0)
    assert len(bench.sandbox.state()["agents"]) == 1
    assert "Everything is in sync." in ok(bench, "promote", "staging", "production", "--yes")
    assert len(bench.json("history", "empfang")[0]["revisions"]) == 1


def test_what_is_held_or_was_changed_in_production_is_left(bench: Bench, staging: BlockingSandbox) -> None:
    ok(bench, "sync", "--yes")
    say(bench, "Zwei.")
    for arguments in ((), ("--env", "staging")):
        ok(bench, *arguments, "sync", "--yes")
    changed(bench, "production", {"agent": {"prompt": {"prompt": "Von Hand."}}})
    assert bench("promote", "staging", "production", "--yes")[0] == 3
    assert prompts(bench.sandbox) == ["Von Hand."]
    ok(bench, "promote", "staging", "production", "--yes", "--take-ours")
    assert prompts(bench.sandbox) == ["Zwei."]
    ok(bench, "rollback", "empfang", "--yes")
    code, _, err = bench("promote", "staging", "production", "--yes")
    assert (code, "left: empfang: held at revision 1" in err) == (3, True), err
    assert prompts(bench.sandbox) == ["Hilf bei der Beispiel GmbH."]


def test_a_pull_writes_into_the_files_what_they_decide_and_leaves_what_the_environment_does(bench: Bench) -> None:
    bench.toml.write_text(bench.toml.read_text() + "stability = 0.5\n")
    ok(bench, "--env", "staging", "sync", "--yes")
    changed(bench, "staging", {"tts": {"stability": 0.25, "speed": 0.9}})
    code, out, _ = bench("--env", "staging", "pull", "--all", "--yes")
    assert code == 3
    assert "voice.speed: environments.staging in agentctl.toml decides it; change it there" in out
    assert "stability = 0.25" in bench.toml.read_text()
    assert "speed = 1.0" in bench.toml.read_text()


@pytest.mark.anyio
async def test_a_look_writes_nothing_and_a_revision_carries_its_origin(bench: Bench, staging: BlockingSandbox) -> None:
    async with connect(bench.root, environment="staging") as source, connect(bench.root) as to:
        await sync.apply(source, await sync.plan(source))
        found = await promote.look(source, to)
        assert (found.source, found.to, found.revisions, found.left) == ("staging", "production", {"empfang": 1}, ())
        assert {change.action for change in found.plan.changes} == {"create"}
        assert bench.sandbox.state()["agents"] == {}
        kept = await restored(source, "empfang", 1)
        assert kept.source == to.loaded.assistants[0].source
        assert "voice.speed" in kept.source
        assert (await promote.promote(to, found)).ok
        assert (source.scope.workspace, to.scope.workspace) == (source.settings.workspace, to.settings.workspace)
