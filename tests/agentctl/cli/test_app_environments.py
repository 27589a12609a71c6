"""--env over the whole of the command line: each command works on what it names."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from agentctl.wiring import Control, connect
from tests.stores import running, stored
from tests.telephony import NUMBER, Bench, environment
from tests.telephony import staging as staging

URL = "https://door.example.org/webhooks/elevenlabs"


@pytest.fixture
def bench(
    staging: BlockingSandbox,
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Bench]:
    with running_thread() as sandbox:
        environment(monkeypatch, sandbox, dsn)
        made = Bench(tmp_path, sandbox, capsys)
        (tmp_path / "agentctl.toml").write_text(
            f'project = "beispiel"\n[environments.staging]\nbase_url = "{staging.url}"\n'
            'api_key_env = "STAGING_KEY"\nwebhook_secret_env = "ELEVENLABS_WEBHOOK_SECRET_2"\n'
        )
        for key in ("empfang", "zentrale"):
            made.declare(key)
        yield made


def test_calls_are_those_of_the_environment_that_was_named(bench: Bench) -> None:
    async def hold() -> None:
        async with connect(bench.root) as control:
            store = await control.store()
            for name in ("production", "staging"):
                fence = await running(store, f"conv_{name}")
                call = {"conversation_id": f"conv_{name}", "project": "beispiel", "environment": name}
                await store.call("store_call", stored(fence, f"conv_{name}", call=call))

    asyncio.run(hold())

    def listed(*before: str) -> list[str]:
        code, out, err = bench(*before, "calls", "list", "--json")
        assert code == 0, err
        return sorted(call["conversation_id"] for call in json.loads(out))

    assert listed() == ["conv_production", "conv_staging"]
    assert listed("--env", "staging") == ["conv_staging"]
    assert listed("--env", "production") == ["conv_production"]


def test_a_webhooks_secret_goes_where_the_environment_looks_for_it(bench: Bench, staging: BlockingSandbox) -> None:
    assert bench("--env", "staging", "sync", "--yes")[0] == 0
    code, out, _ = bench("--env", "staging", "webhook", "register", URL, "--write-env")
    assert code == 0
    (line,) = (bench.root / ".env").read_text().splitlines()
    assert line.startswith("ELEVENLABS_WEBHOOK_SECRET_2=wsec_")
    assert line in out
    (webhook,) = staging.state()["webhooks"].values()
    assert webhook["name"] == "agentctl beispiel/staging"
    assert bench.sandbox.state()["webhooks"] == {}
    # Nobody takes the variable of an environment for a slip, and its value is the one that is examined.
    for before, warned in ((("--env", "staging"), False), ((), True)):
        findings = json.loads(bench(*before, "doctor", "--json")[1])["findings"]
        assert [one for one in findings if "nobody reads" in one["what"]] == []
        assert any("ELEVENLABS_WEBHOOK_SECRET is not set" in one["what"] for one in findings) is warned


def test_a_key_of_another_workspace_makes_nothing_anew(bench: Bench) -> None:
    for prompt in ("Eins.", "Zwei."):
        (bench.root / "assistants" / "empfang" / "prompt.md").write_text(prompt)
        assert bench("sync", "--yes")[0] == 0
    bench.sandbox.reset()  # what a key of another workspace of that host sees
    for command in (
        ("plan",),
        ("status",),
        ("sync", "--yes"),
        ("sync", "--yes", "--take-ours"),
        ("sync", "--yes", "--only", "empfang"),
        ("rollback", "empfang", "--yes", "--take-ours"),
        ("pull", "--all", "--yes"),
        ("webhook", "register", URL, "--yes"),
    ):
        with bench.writes() as writes:
            code, _, err = bench(*command)
        assert (code, writes) == (1, []), command
        assert "none of the 2 agents that are bound in 127.0.0.1:" in err
        assert "the key probably opens another workspace" in err
    assert bench("sync", "--yes", "--force")[0] == 3
    assert bench.sandbox.state()["agents"] == {}
    # With a label of its own it is another workspace, and has no bindings yet.
    toml = bench.root / "agentctl.toml"
    before = toml.read_text()
    toml.write_text(f'{before}[environments.production]\nworkspace = "second"\n')
    assert bench("sync", "--yes")[0] == 0
    assert len(bench.sandbox.state()["agents"]) == 2
    toml.write_text(before)
    bench.sandbox.reset()
    assert bench("sync", "--yes", "--force", "--take-ours")[0] == 0
    assert len(bench.sandbox.state()["agents"]) == 2


def test_commands_that_are_named_carry_the_environment(bench: Bench, staging: BlockingSandbox) -> None:
    assert bench("--env", "staging", "sync", "--yes")[0] == 0
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Anders.")
    for agent_id in staging.state()["agents"]:

        async def touch(control: Control, agent_id: str = agent_id) -> None:
            body = {"conversation_config": {"agent": {"prompt": {"prompt": "Von Hand."}}}}
            await control.api.patch("/v1/convai/agents/{agent_id}", json=body, agent_id=agent_id)

        asyncio.run(in_staging(bench, touch))
    code, out, _ = bench("--env", "staging", "sync", "--yes")
    assert code == 3
    assert (
        "agentctl --env staging pull empfang zentrale; or overwrite it: agentctl --env staging sync --take-ours" in out
    )
    # No name at all is no way to say production.
    code, _, err = bench("--env", "", "sync", "--yes")
    assert (code, "--env needs the name of an environment" in err) == (2, True)
    assert bench.sandbox.state()["agents"] == {}


async def in_staging(bench: Bench, use: Callable[[Control], Awaitable[None]]) -> None:
    async with connect(bench.root, environment="staging") as control:
        await use(control)


def test_secrets_that_an_environment_names_are_never_shown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench("--env", "staging", "sync", "--yes")[0] == 0
    monkeypatch.setenv("STAGING_KEY", "key-CANARY-0123456789abcdef")
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET_2", "wsec_CANARY0123456789abcdef")
    for command in (("plan",), ("sync", "--yes", "--json"), ("doctor",), ("webhook", "status", "--json"), ("history",)):
        code, out, err = bench("--env", "staging", *command)
        assert (code, "CANARY" in out + err) == (0 if command == ("history",) else 1, False), command
    files = [path.read_bytes() for path in bench.root.rglob("*") if path.is_file()]
    assert not [one for one in files if b"CANARY" in one]


def ids(sandbox: BlockingSandbox) -> set[str]:
    return {*(state := sandbox.state())["agents"], *state["documents"]}


def test_a_binding_of_one_workspace_is_never_used_on_another(bench: Bench, staging: BlockingSandbox) -> None:
    (bench.root / "assistants" / "empfang" / "knowledge").mkdir()
    (bench.root / "assistants" / "empfang" / "knowledge" / "zeiten.md").write_text("Von neun bis fünf.")
    toml = bench.root / "agentctl.toml"
    before = toml.read_text()
    assert bench("--env", "staging", "sync", "--yes")[0] == 0
    first = ids(staging)
    # The same environment at another host, and then at the same host under another label.
    for place in (before.replace(staging.url, bench.sandbox.url), f'{before}workspace = "second"\n'):
        other = staging if place.startswith(before) else bench.sandbox
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STAGING_KEY", other.key)
            toml.write_text(place)
            seen = other.log()[-1]["seq"] if other.log() else 0
            code, out, err = bench("--env", "staging", "plan", "--json")
            assert code == 0, err
            told = json.loads(out)
            asked = json.dumps([{name: entry[name] for name in ("method", "path")} for entry in other.log(seen)])
        if other is bench.sandbox:
            assert {change["action"] for change in told["changes"]} == {"create"}
            assert not [one for one in first if one in asked or one in out]
        else:  # What carries the mark is found, and it is what was bound before the workspace had a label.
            assert {change["kind"] for change in told["changes"]} == {"post_call"}
            assert told["two_way"] == []
    toml.write_text(before)
    assert bench("--env", "staging", "plan", "--exit-code")[0] == 0


def test_a_rotated_key_changes_nothing(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path_factory.mktemp("state") / "workspace.json"
    with running_thread(Options(api_key="key-of-spring"), state_file=state) as spring:
        monkeypatch.setenv("STAGING_KEY", spring.key)
        toml = bench.root / "agentctl.toml"
        (line,) = [line for line in toml.read_text().splitlines() if line.startswith("base_url")]
        toml.write_text(toml.read_text().replace(line, f'base_url = "{spring.url}"'))
        assert bench("--env", "staging", "sync", "--yes")[0] == 0
        agents, port = spring.state()["agents"], int(spring.url.rpartition(":")[2])
    with running_thread(Options(api_key="key-of-autumn"), state_file=state, port=port) as autumn:
        assert autumn.state()["agents"] == agents
        code, _, err = bench("--env", "staging", "plan")
        assert (code, "Check STAGING_KEY" in err) == (1, True), err
        monkeypatch.setenv("STAGING_KEY", autumn.key)
        code, out, _ = bench("--env", "staging", "sync", "--yes")
        assert (code, "Everything is in sync." in out) == (0, True)
        assert [entry for entry in autumn.log() if entry["method"] != "GET"] == []
        assert autumn.state()["agents"] == agents


def test_two_environments_in_one_workspace_do_not_touch_each_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGING_KEY", bench.sandbox.key)
    toml = bench.root / "agentctl.toml"
    (line,) = [line for line in toml.read_text().splitlines() if line.startswith("base_url")]
    toml.write_text(toml.read_text().replace(line, f'base_url = "{bench.sandbox.url}"'))
    number = {"provider": "twilio", "phone_number": NUMBER, "label": "Empfang"}
    number |= {"sid": bench.sandbox.account_sid, "token": bench.sandbox.auth_token}
    bench.control(lambda control: control.api.post("/v1/convai/phone-numbers", json=number))
    bench.toml.write_text(bench.toml.read_text() + f'phone.numbers = ["{NUMBER}"]\n')
    assert bench("sync", "--yes", "--prune")[0] == 0
    # A number that both declare stays where it rings.
    for _ in range(2):
        code, out, _ = bench("--env", "staging", "sync", "--yes", "--prune")
        assert (code, f"{NUMBER} is routed by environment production, to its empfang" in out) == (3, True), out
    toml.write_text(toml.read_text() + "assistants.empfang.phone.numbers = []\n")
    tags = sorted(agent["tags"][-1] for agent in bench.sandbox.state()["agents"].values())
    assert tags == [
        f"agentctl:beispiel/{name}/{key}" for name in ("production", "staging") for key in ("empfang", "zentrale")
    ]
    with bench.writes() as writes:
        for arguments in ((), ("--env", "staging")):
            assert bench(*arguments, "sync", "--yes", "--prune")[0] == 0
            assert bench.json(*arguments, "plan")["orphans"] == []
        # What staging has no more is no orphan of production's.
        shutil.rmtree(bench.root / "assistants" / "zentrale")
        assert [one["key"] for one in bench.json("plan")["orphans"] if one["kind"] == "agent"] == ["zentrale"]
    assert writes == []
    assert bench("--env", "staging", "sync", "--yes", "--prune")[0] == 0
    left = sorted(agent["tags"][-1] for agent in bench.sandbox.state()["agents"].values())
    assert left == [tags[0], tags[1], tags[2]]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_what_a_message_says_to_run_stays_in_the_environment(bench: Bench, form: list[str]) -> None:
    code, out, _ = bench("--env", "staging", "webhook", "status", *form)
    assert (code, "agentctl --env staging webhook register URL" in out) == (1, True), out
    code, out, _ = bench("webhook", "status", *form)
    assert (code, "agentctl webhook register URL" in out) == (1, True), out
