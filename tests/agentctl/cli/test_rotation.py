"""agentctl webhook rotate: two secrets for a time, at a sandbox, with a real door that is restarted in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentctl.settings import load_settings
from agentctl.sources import env_file
from agentctl.verbs.post_call import rotation
from agentctl.wiring import Control
from tests.cluster import free_port
from tests.e2e.test_tenants import KEY, House, house, lender
from tests.telephony import Bench, bench, served

__all__ = ["bench", "house", "lender"]
ROTATE = ("webhook", "rotate", "--yes", "--write-env")
Hooks = dict[str, dict[str, Any]]


def hooks(bench: Bench) -> Hooks:
    return dict(bench.sandbox.state()["webhooks"])


def delivers_to(bench: Bench, key: str = "empfang") -> str:
    return str(bench.agent(key)["platform_settings"]["workspace_overrides"]["webhooks"]["post_call_webhook_id"])


def secrets(bench: Bench) -> list[str]:
    return [one.get_secret_value() for one in load_settings(bench.root).elevenlabs_webhook_secret]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def url(bench: Bench, port: int) -> str:
    """A registered webhook whose secret is in .env."""
    where = f"http://127.0.0.1:{port}/webhooks/elevenlabs"
    assert bench("webhook", "register", where, "--write-env")[0] == 0
    return where


@pytest.fixture
def hours_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The last retry of the old webhook has come."""
    return lambda: monkeypatch.setattr(rotation, "RETRIES_END", 0.0)


def call(bench: Bench) -> set[int]:
    made = bench.sandbox.call(agent_id=bench.agent()["agent_id"], audio=False)
    return {item["status"] for item in made["deliveries"]}


@pytest.mark.anyio
async def test_a_door_reads_a_tenants_secret_without_a_restart(
    house: House, capsys: pytest.CaptureFixture[str], port: int
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.env(ACME_XI_KEY=KEY)
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY", "--webhook-secret", "env:ACME_SIGN")
    assert await house.cli("sync", "--yes") == 0
    where = f"http://127.0.0.1:{port}/webhooks/elevenlabs"  # nobody is there
    for command, code in ((("webhook", "register", where, "--yes", "--write-env"), 0), (ROTATE, 3)):
        capsys.readouterr()
        assert await house.cli(*command, "--tenant", "acme") == code
        said = capsys.readouterr().err
        assert "a running door reads it by itself" in said
        assert ("started again" in said, "Restart every door" in said) == (False, False)
    assert "A door reads it there by itself" in said


def test_agents_move_when_the_running_door_knows_the_new_secret_and_no_call_is_lost(
    bench: Bench, url: str, port: int, hours_later: Callable[[], None]
) -> None:
    (old,) = hooks(bench)
    with served(bench.root, load_settings(bench.root), port=port):
        code, out, err = bench(*ROTATE)
        assert code == 3
        assert "does not know the new secret yet" in out
        assert "Restart every door" in err
        (new,) = set(hooks(bench)) - {old}
        assert delivers_to(bench) == old
        assert call(bench) == {200}
        assert bench(*ROTATE)[0] == 3, "still the door from before"
        assert delivers_to(bench) == old
        assert len(hooks(bench)) == 2
    assert secrets(bench) == [hooks(bench)[new]["secret"], hooks(bench)[old]["secret"]]
    assert "rotation" in bench("webhook", "status")[1]
    with served(bench.root, load_settings(bench.root), port=port):
        code, out, _ = bench(*ROTATE)
        assert code == 3
        assert f"Now delivering to {new}: empfang." in out
        assert "run this again after" in out
        assert delivers_to(bench) == new
        assert hooks(bench)[new]["retry_enabled"] is True
        assert call(bench) == {200}
        assert bench("plan", "--exit-code")[0] == 0
        assert bench("webhook", "rotate", "--finish", "--yes")[0] == 3, "retries to the old one may still come"
        assert set(hooks(bench)) == {old, new}
        hours_later()
        told = bench.json("webhook", "rotate", "--finish", "--yes")
        assert (told["ok"], told["old"], told["new"]) == (True, old, new)
        assert set(hooks(bench)) == {new}
        assert secrets(bench) == [hooks(bench)[new]["secret"]]
        assert bench("webhook", "status")[0] == 0
        with bench.writes() as writes:
            assert bench("webhook", "rotate", "--finish")[1].startswith("Nothing to do")
        assert writes == []
    with served(bench.root, load_settings(bench.root), port=port):
        assert call(bench) == {200}


def test_it_asks_before_each_step(bench: Bench, url: str) -> None:
    with bench.writes() as writes:
        assert bench("webhook", "rotate")[0] == 2
    assert writes == []


def test_without_a_webhook_there_is_nothing_to_rotate(bench: Bench) -> None:
    code, _, err = bench(*ROTATE)
    assert code == 2
    assert "agentctl webhook register URL" in err


def test_what_answers_but_checks_no_signature_is_no_proof(bench: Bench, url: str, port: int) -> None:
    with served(bench.root, load_settings(bench.root).model_copy(update={"elevenlabs_webhook_secret": ()}), port=port):
        code, out, _ = bench(*ROTATE)
    assert code == 3
    assert "no door that checks signatures: it says 503" in out
    code, out, _ = bench(*ROTATE)
    assert code == 3
    assert "no answer from the door" in out


def test_the_workspaces_default_moves_too(bench: Bench, url: str, port: int) -> None:
    assert bench("webhook", "register", url, "--workspace", "--yes")[0] == 0
    (old,) = hooks(bench)
    bench(*ROTATE)
    with served(bench.root, load_settings(bench.root), port=port):
        bench(*ROTATE)
    assert bench.sandbox.state()["settings"]["webhooks"]["post_call_webhook_id"] not in (None, old)


def test_a_webhook_whose_secret_was_lost_with_the_answer_is_replaced(bench: Bench, url: str) -> None:
    (old,) = hooks(bench)
    bench.sandbox.fault(method="POST", path="/v1/workspace/webhooks", drop="after")
    assert bench(*ROTATE)[0] == 1
    (lost,) = set(hooks(bench)) - {old}
    code, out, _ = bench("webhook", "rotate", "--yes", "--json")
    assert code == 3
    told = json.loads(out)
    assert set(hooks(bench)) == {old, told["new"]}
    assert told["new"] != lost
    assert told["secret"] == hooks(bench)[told["new"]]["secret"]


def test_a_secret_that_got_lost_ends_with_cancel(bench: Bench, url: str) -> None:
    (old,) = hooks(bench)
    before = secrets(bench)
    assert bench("webhook", "rotate", "--yes")[0] == 3
    code, out, _ = bench("webhook", "rotate", "--yes")
    assert code == 3
    assert "is not in ELEVENLABS_WEBHOOK_SECRET here" in out
    assert bench("webhook", "rotate", "--cancel", "--yes")[0] == 0
    assert set(hooks(bench)) == {old}
    assert (secrets(bench), delivers_to(bench)) == (before, old)
    assert "Nothing to do" in bench("webhook", "rotate", "--cancel", "--yes")[1]


def test_after_the_agents_moved_it_cannot_be_cancelled(bench: Bench, url: str, port: int) -> None:
    bench(*ROTATE)
    with served(bench.root, load_settings(bench.root), port=port):
        bench(*ROTATE)
    code, _, err = bench("webhook", "rotate", "--cancel", "--yes")
    assert code == 2
    assert "being moved" in err
    assert len(hooks(bench)) == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/v1/workspace/webhooks/*"),
        ("PATCH", "/v1/convai/agents/*"),
        ("DELETE", "/v1/workspace/webhooks/*"),
    ],
)
def test_cut_off_at_any_write_the_next_run_goes_on(
    bench: Bench, url: str, port: int, method: str, path: str, hours_later: Callable[[], None]
) -> None:
    (old,) = hooks(bench)
    bench(*ROTATE)
    (new,) = set(hooks(bench)) - {old}
    hours_later()
    with served(bench.root, load_settings(bench.root), port=port):
        bench.sandbox.fault(method=method, path=path, status=400, body={"detail": {"status": "no", "message": "no"}})
        codes = [bench(*ROTATE)[0] for _ in range(3)]
        assert call(bench) == {200}
    assert codes == ([3, 1, 0] if method == "DELETE" else [1, 3, 0])
    assert (set(hooks(bench)), delivers_to(bench)) == ({new}, new)
    assert bench("plan", "--exit-code")[0] == 0


def test_an_old_webhook_that_somebody_still_uses_stays_and_the_user_is_named(
    bench: Bench, url: str, port: int, hours_later: Callable[[], None]
) -> None:
    (old,) = hooks(bench)
    bench(*ROTATE)
    hours_later()
    bench.declare("abgemeldet")
    bench("sync", "--yes")
    for file in (bench.root / "assistants/abgemeldet").iterdir():
        file.unlink()
    (bench.root / "assistants/abgemeldet").rmdir()
    with served(bench.root, load_settings(bench.root), port=port):
        assert bench(*ROTATE)[0] == 3
        code, _, err = bench(*ROTATE)
    assert code == 1
    assert "used by agent abgemeldet" in err
    assert old in hooks(bench)


def test_a_registration_in_between_is_said_and_cancel_ends_it(bench: Bench, url: str) -> None:
    bench(*ROTATE)
    assert bench("webhook", "register", url.replace("/webhooks", "/other/webhooks"))[0] == 0
    code, _, err = bench(*ROTATE)
    assert code == 1
    assert "--cancel" in err
    assert "--cancel" in bench("webhook", "status")[1]
    assert bench("webhook", "rotate", "--cancel", "--yes")[0] == 0
    assert bench("webhook", "status")[0] == 0


def test_an_env_file_that_cannot_be_written_loses_no_secret(bench: Bench, url: str) -> None:
    env = bench.root / ".env"
    env.unlink()
    env.symlink_to("nowhere/.env")
    code, out, err = bench(*ROTATE, "--json")
    told = json.loads(out)
    assert (code, told["env_file"]) == (2, None)
    assert "cannot be written" in err
    assert told["secret"] == hooks(bench)[told["new"]]["secret"]


def test_an_old_secret_that_cannot_be_taken_out_is_taken_out_by_the_next_run(
    bench: Bench, url: str, port: int, hours_later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench(*ROTATE)
    hours_later()

    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    with served(bench.root, load_settings(bench.root), port=port):
        assert bench(*ROTATE)[0] == 3
        with monkeypatch.context() as broken:
            broken.setattr(env_file, "_replace", full)
            code, _, err = bench(*ROTATE)
        assert code == 2
        assert "No space left" in err
        assert len(secrets(bench)) == 2
        assert bench(*ROTATE)[0] == 0
    assert secrets(bench) == [hook["secret"] for hook in hooks(bench).values()]


def test_two_runs_at_once_make_one_webhook(bench: Bench, url: str) -> None:
    async def stale(control: Control) -> None:
        found = await rotation.look(control)
        await rotation.rotate(control, found)
        with pytest.raises(Exception, match="gone on meanwhile"):
            await rotation.rotate(control, replace(found))

    bench.control(stale)
    assert len(hooks(bench)) == 2


def test_no_secret_goes_into_a_dot_env_that_is_not_read(
    bench: Bench, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secret,) = secrets(bench)
    before, kept = hooks(bench), (bench.root / ".env").read_text()
    monkeypatch.setenv("AGENTCTL_ENV_FILE", "none")
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", secret)
    code, _, err = bench(*ROTATE)
    assert (code, "AGENTCTL_ENV_FILE=none" in err) == (2, True)
    assert (hooks(bench), (bench.root / ".env").read_text()) == (before, kept)
