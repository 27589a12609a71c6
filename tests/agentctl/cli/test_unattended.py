"""agentctl sync as cron runs it: what it says, when it ends, what it reports and whom it tells."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agentctl.cli.unattended import Unattended
from agentctl.clients.retry import Retry
from agentctl.errors import AgentctlError
from agentctl.verbs.exclusive import exclusive
from agentctl.wiring import Control
from tests.telephony import Bench, bench

__all__ = ["bench"]
CRON = ("sync", "--yes", "--quiet")
AGENT = "/v1/convai/agents/*"
AGENT_OF = "GET /v1/convai/agents/{agent_id}"
ENDLESS = "[% for a in range(100000) %][% for b in range(100000) %][% endfor %][% endfor %]"


def edited(bench: Bench, text: str, key: str = "empfang") -> None:
    (bench.root / "assistants" / key / "prompt.md").write_text(f"{text}\n")


def started(bench: Bench, *arguments: str, deaf: bool = False) -> subprocess.Popen[str]:
    """A run of its own; `deaf`: SIGINT is ignored in it, as shells have it for what a script starts with `&`."""
    command = [sys.executable, "-m", "agentctl", "-C", str(bench.root), *CRON, *arguments]
    ignored = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"] if deaf else []
    return subprocess.Popen([*ignored, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def drifted(bench: Bench, name: str, key: str = "empfang") -> None:
    body = {"name": name}
    agent_id = bench.agent(key)["agent_id"]
    bench.control(lambda control: control.api.patch("/v1/convai/agents/{agent_id}", json=body, agent_id=agent_id))


def mails(bench: Bench) -> list[dict[str, Any]]:
    """What was queued since the last look; nothing is sent here, since there is no route."""
    found: list[dict[str, Any]] = bench.store("claim_mails", worker="test", limit=50, lease_seconds=3600)
    return found


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report.json"


# What it says


def test_it_says_one_line_when_something_changed_and_nothing_otherwise(bench: Bench) -> None:
    assert bench(*CRON) == (0, "", "")
    edited(bench, "Hilf schnell.")
    assert bench(*CRON) == (0, "beispiel/production: 1 updated\n", "")
    assert bench(*CRON) == (0, "", "")
    bench.declare("notdienst")
    code, out, err = bench(*CRON)
    assert (code, out, err) == (0, "beispiel/production: 2 created\n", "")


def test_what_was_held_back_is_a_line_on_stderr_and_3(bench: Bench) -> None:
    drifted(bench, "Reception")
    code, out, err = bench(*CRON)
    assert (code, out) == (3, "")
    remedy = (
        "Take theirs into the files: agentctl pull empfang; or overwrite it: agentctl sync --take-ours --only empfang"
    )
    assert err == f"held back: agent empfang: name (changed at the platform)\n  {remedy}\n"
    bench.declare("notdienst")
    assert bench(*CRON)[:2] == (3, "beispiel/production: 2 created\n")


def test_what_deletes_conversations_waits_for_a_person_and_is_named(bench: Bench, report: Path) -> None:
    more = "[privacy]\nretention_days = 7\napply_to_existing_conversations = true\n"
    bench.toml.write_text(bench.toml.read_text() + more)
    code, _, err = bench(*CRON, "--report", str(report), "--mail-to", "ops@example.org")
    assert code == 3, err
    said = "retention_days (would delete stored conversations older than 7 days)"
    assert err.startswith("held back: agent empfang: platform_settings.privacy.")
    assert said in err.splitlines()[0]
    assert json.loads(report.read_text())["held"][0]["destroys"] == ["stored conversations older than 7 days"]
    (mail,) = mails(bench)
    assert said in mail["message"]["text"]
    assert "Changes held back" in mail["message"]["subject"]
    assert bench(*CRON, "--delete-conversations") == (0, "beispiel/production: 1 updated\n", "")


def test_a_failure_is_a_line_on_stderr_and_1(bench: Bench) -> None:
    bench.declare("notdienst", '[voice]\nid = "Nobody0000000000"\n')
    edited(bench, "Hilf schnell.")
    code, out, err = bench(*CRON)
    assert (code, out) == (1, "beispiel/production: 1 updated\n")
    lines = err.splitlines()
    assert all(line.startswith(("failed: ", "  ")) for line in lines), err
    assert sum(line.startswith("failed: agent notdienst: ") for line in lines) == 1, err
    assert "Nobody0000000000" in err


def test_two_failures_alike_are_told_apart_everywhere(bench: Bench, report: Path) -> None:
    bench.declare("notdienst")
    assert bench(*CRON)[0] == 0
    for key in ("empfang", "notdienst"):
        edited(bench, "Hilf schnell.", key)
    body = {"detail": {"status": "bad_value", "message": "bad value"}}
    bench.sandbox.fault(method="PATCH", path=AGENT, status=422, body=body, times=2)
    code, _, err = bench(*CRON, "--report", str(report), "--mail-to", "ops@example.org")
    assert code == 1
    lines = err.splitlines()
    failed = sorted(line for line in lines if line.startswith("failed: "))
    assert [line.split(": ")[1] for line in failed] == ["agent empfang", "agent notdienst"]
    (mail,) = mails(bench)
    for line in failed:
        text = line.removeprefix("failed: ")
        assert text[:40] in mail["message"]["text"]
        assert "  " + hint_of(report) == lines[lines.index(line) + 1]


def hint_of(report: Path) -> str:
    """What the report says to do about its first failure."""
    error: str = json.loads(report.read_text())["failures"][0]["error"]
    return error.partition("\n  ")[2]


def test_wrong_files_are_2(bench: Bench) -> None:
    bench.toml.write_text("nmae = 1\n")
    code, out, err = bench(*CRON)
    assert (code, out) == (2, "")
    assert "nmae" in err


def test_nobody_could_agree_to_what_is_not_shown(bench: Bench) -> None:
    code, out, err = bench("sync", "--quiet")
    assert (code, out) == (2, "")
    assert "--yes" in err
    assert bench(*CRON, "--json")[0] == 2


# In time, and in turn


def test_it_ends_in_time_and_says_what_is_left_and_the_next_run_goes_on(bench: Bench, report: Path) -> None:
    for key in ("a", "b"):
        bench.declare(key)
    bench.sandbox.fault(method="POST", path="/v1/convai/agents/create", skip=1, hang=True, apply=True)
    code, out, err = bench(*CRON, "--timeout", "2", "--report", str(report))
    assert (code, out) == (1, "")
    assert "ended after its 2 s: 1 of 4 changes are done" in err
    told = json.loads(report.read_text())
    assert [one["kind"] for one in told["done"]] == ["agent"]
    (left,) = {"a", "b"} - {told["done"][0]["key"]}
    assert {"kind": "agent", "key": left, "action": "create"} in told["left"]
    assert f"agent {left}" in err
    assert bench(*CRON)[0] == 0
    assert bench("plan", "--exit-code")[0] == 0
    names = sorted(agent["name"] for agent in bench.sandbox.state()["agents"].values())
    assert names == ["A", "B", "Empfang"], "made twice"


def test_ended_before_there_is_a_plan_nothing_was_written(bench: Bench) -> None:
    edited(bench, "Hilf schnell.")
    bench.sandbox.fault(method="GET", path=AGENT, hang=True)
    with bench.writes() as writes:
        code, _, err = bench(*CRON, "--timeout", "1")
    assert code == 1
    assert "before there was a plan; nothing was written" in err
    assert writes == []


def test_a_platform_that_is_away_is_named_and_a_pause_that_it_asks_for_is_said(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts, deadline, _ = Retry.__init__.__defaults__ or ()
    monkeypatch.setattr(Retry.__init__, "__defaults__", (attempts, deadline, asyncio.sleep))
    bench.sandbox.fault(method="GET", path=AGENT, status=503, times=99)
    assert "did not work, tried " in (err := bench(*CRON, "--timeout", "1")[2])
    assert "x; the last that came of it: the answer is 503.\n" in err
    assert "Does that host answer at all?" in err
    bench.sandbox.clear_faults()
    bench.sandbox.fault(method="GET", path=AGENT, status=429, times=99, headers={"retry-after": "3600"})
    err = bench("sync", "--yes", "--timeout", "1")[2]
    host = bench.sandbox.url.removeprefix("http://")
    assert f"{host} asks for a pause (Retry-After); going on in 60 s\n" in err
    assert "the answer is 429 and asks for 3600 s (Retry-After).\n" in err
    assert "That host answers, and asked to wait: wait, or allow more with --timeout." in err
    assert "Does that host answer at all?" not in err


@contextmanager
def deaf() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("hangs", ["database", "mail"])
def test_what_hangs_is_named_and_holds_up_neither_the_end_nor_the_mail(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, hangs: str
) -> None:
    monkeypatch.setattr("agentctl.verbs.unattended.limit.AFTER_SECONDS", 2.0)
    bench.sandbox.fault(method="GET", path=AGENT, hang=True)
    with deaf() as port:
        if hangs == "database":
            monkeypatch.setenv("DATABASE_URL", f"postgresql://u:geheim@127.0.0.1:{port}/x")
        else:
            monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
            monkeypatch.setenv("MAIL_FROM", "a@example.org")
        began = time.monotonic()
        code, _, err = bench(*CRON, "--timeout", "1", "--mail-to", "ops@example.org")
    assert time.monotonic() - began < 6
    assert code == 1
    assert "warning: no mail was sent within 2 s" in err
    host = bench.sandbox.url.removeprefix("http://")
    waited = f"take_lease at postgresql://u:***@127.0.0.1:{port}/x" if hangs == "database" else f"{AGENT_OF} at {host}"
    assert f"before there was a plan; nothing was written\nNo answer came to {waited}.\n" in err


def endless(bench: Bench) -> None:
    """Eight prompts, each of which takes two seconds to be given up."""
    for number in range(8):
        bench.declare(f"a{number}")
        edited(bench, ENDLESS, f"a{number}")


@pytest.mark.parametrize("broken", [False, True], ids=["sound", "with a wrong agentctl.toml"])
def test_it_ends_in_time_while_files_are_read(bench: Bench, report: Path, broken: bool) -> None:
    endless(bench)
    wrong = "nmae = 1\n" if broken else ""
    (bench.root / "agentctl.toml").write_text(f'project = "beispiel"\n{wrong}[mail]\nto = ["team@example.org"]\n')
    began = time.monotonic()
    code, _, err = bench(*CRON, "--timeout", "1", "--report", str(report), "--mail")
    assert time.monotonic() - began < 3.5
    assert code == 1
    said = "this run was ended after its 1 s, while the files were read (assistants/a0/prompt.md); nothing was written"
    assert said in err
    assert said in json.loads(report.read_text())["error"]
    (mail,) = mails(bench)
    assert said in " ".join(mail["message"]["text"].split())


def test_stopped_while_files_are_read_it_ends_at_once(bench: Bench) -> None:
    endless(bench)
    process = started(bench)
    end = time.monotonic() + 60
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while "template_process" not in "".join(
        Path(f"/proc/{pid}/cmdline").read_text() for path in children.parent.parent.glob("*/children")
        for pid in path.read_text().split()
    ):  # fmt: skip
        assert time.monotonic() < end
        time.sleep(0.02)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "error: stopped\n")
    assert time.monotonic() - began < 3


def test_another_sync_is_waited_for_as_long_as_is_allowed(bench: Bench) -> None:
    held, free = threading.Event(), threading.Event()

    async def hold(control: Control) -> None:
        async with exclusive(control):
            held.set()
            await asyncio.to_thread(free.wait)

    def holder() -> None:
        bench.control(hold)

    other = threading.Thread(target=holder)
    other.start()
    try:
        assert held.wait(30)
        code, out, err = bench(*CRON)
        assert (code, out) == (1, "")
        assert "another sync of this project is running" in err
        assert bench(*CRON, "--wait", "0.2")[0] == 1
        threading.Timer(0.3, free.set).start()
        assert bench(*CRON, "--wait", "30") == (0, "", "")
    finally:
        free.set()
        other.join(30)


@pytest.mark.parametrize("deaf", [False, True], ids=["hears SIGINT", "started with &"])
def test_stopped_by_its_scheduler_it_gives_back_the_lease_and_reports(bench: Bench, report: Path, deaf: bool) -> None:
    edited(bench, "Hilf schnell.")
    bench.sandbox.fault(method="PATCH", path=AGENT, hang=True)
    process = started(bench, "--report", str(report), deaf=deaf)
    end = time.monotonic() + 60
    while not any(fault["hits"] for fault in bench.sandbox.faults()):
        assert time.monotonic() < end
        time.sleep(0.02)
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "error: stopped\n")
    told = json.loads(report.read_text())
    assert (told["exit_code"], told["ok"], told["error"]) == (130, False, "stopped")
    assert told["left"] == [{"kind": "agent", "key": "empfang", "action": "update"}]
    taken = bench.store(
        "take_lease", name="sync beispiel/production " + told["workspace"], holder="a b 1 c", lease_seconds=1
    )
    assert taken["held"]


def test_stopped_before_it_began_it_reports_too(bench: Bench, report: Path) -> None:
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def stop(seconds: float) -> None:
        signal.raise_signal(signal.SIGTERM)

    async def body(control: Control) -> Any:
        raise AssertionError("it went on")

    try:
        with pytest.raises(KeyboardInterrupt):
            Unattended(jitter=60, report=report, sleep=stop)(body)
    finally:
        signal.signal(signal.SIGINT, handler)
    told = json.loads(report.read_text())
    assert (told["exit_code"], told["error"], told["planned"]) == (130, "stopped", False)


def test_it_begins_after_a_random_pause(bench: Bench) -> None:
    pauses: list[float] = []

    async def body(control: Control) -> Any:
        raise AgentctlError("enough")

    for _ in range(20):
        with pytest.raises(AgentctlError, match="enough"):
            Unattended(jitter=60, sleep=pauses.append)(body)
    assert all(0 <= pause <= 60 for pause in pauses)
    assert max(pauses) - min(pauses) > 1, "a thousand machines would still begin at once"


# The report


def test_the_report_has_the_face_of_json_and_what_is_known_of_the_run(bench: Bench, report: Path) -> None:
    edited(bench, "Hilf schnell.")
    face = bench.json("plan")
    assert bench(*CRON, "--report", str(report))[0] == 0
    told = json.loads(report.read_text())
    assert told["changes"] == face["changes"]
    assert told.items() >= {
        "exit_code": 0, "ok": True, "error": None, "project": "beispiel", "environment": "production", "held": [],
        "failures": [], "left": [], "done": [{"kind": "agent", "key": "empfang", "action": "update"}], "planned": True,
    }.items()  # fmt: skip
    assert told["requests"] >= 3
    assert told["started"] <= told["ended"]
    assert told["duration_seconds"] > 0
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", told["version"])
    assert [path.name for path in bench.root.glob(".report*")] == []


def test_the_report_tells_of_drift(bench: Bench, report: Path) -> None:
    drifted(bench, "Reception")
    assert bench("sync", "--yes", "--report", str(report))[0] == 3
    told = json.loads(report.read_text())
    assert (told["exit_code"], told["ok"]) == (3, False)
    assert told["held"] == [{"kind": "agent", "key": "empfang", "paths": ["name"], "destroys": []}]


@pytest.mark.parametrize("broken", ["files", "settings", "platform", "key"])
def test_the_report_is_written_whatever_happened(
    bench: Bench, report: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    report.write_text("the one before")
    if broken == "files":
        bench.toml.write_text("nmae = 1\n")
    elif broken == "settings":
        monkeypatch.setenv("ELEVENLABS_BASE_URL", "nonsense")
    elif broken == "platform":
        bench.sandbox.fault(
            method="GET", path="*", status=404, body={"detail": {"status": "gone", "message": "moved"}}, times=99
        )
    else:
        monkeypatch.setenv("ELEVENLABS_API_KEY", "not-the-key")
    code, _, _ = bench(*CRON, "--report", str(report))
    told = json.loads(report.read_text())
    assert told["exit_code"] == code == (2 if broken in ("files", "settings") else 1)
    assert told["ok"] is False
    assert told["error"] or told["failures"]
    assert "not-the-key" not in report.read_text()


def test_a_report_that_could_not_be_written_is_known_before_the_run(bench: Bench, tmp_path: Path) -> None:
    edited(bench, "Hilf schnell.")
    with bench.writes() as writes:
        for where in (tmp_path, tmp_path / "nowhere" / "report.json"):
            code, _, err = bench(*CRON, "--report", str(where))
            assert code == 2
            assert "--report" in err
    assert writes == []


# The mail


def test_the_same_trouble_is_mailed_once_and_its_end_once(bench: Bench) -> None:
    (bench.root / "agentctl.toml").write_text(
        'project = "beispiel"\n[mail]\nto = ["team@example.org"]\n[digest]\nlanguage = "de"\n'
    )
    bench(*CRON, "--mail")
    assert mails(bench) == [], "all was well before and is now"
    drifted(bench, "<b>Reception</b>")
    code, _, err = bench(*CRON, "--mail")
    assert code == 3
    assert "the mail waits in the outbox" in err
    (mail,) = mails(bench)
    assert (mail["recipient"], mail["purpose"]) == ("team@example.org", "sync")
    message = mail["message"]
    assert message["subject"] == "beispiel/production: Änderungen zurückgehalten"
    assert "agent empfang: name (changed at the platform)" in message["text"]
    assert "<b>" not in message["html"]
    for _ in range(2):
        assert bench(*CRON, "--mail")[0] == 3
    assert mails(bench) == []
    bench.declare("notdienst", '[voice]\nid = "Nobody0000000000"\n')
    assert bench(*CRON, "--mail")[0] == 1
    (mail,) = mails(bench)
    assert "fehlgeschlagen" in mail["message"]["subject"]
    (bench.root / "assistants/notdienst/assistant.toml").write_text('name = "Notdienst"\nlanguage = "de"\n')
    assert bench("sync", "--yes", "--take-ours", "--mail")[0] == 0
    (mail,) = mails(bench)
    assert "wieder in Ordnung" in mail["message"]["subject"]
    assert bench(*CRON, "--mail")[0] == 0
    assert mails(bench) == []


def test_wrong_files_are_mailed_too_to_whom_the_command_line_names(bench: Bench) -> None:
    bench.toml.write_text("nmae = 1\n")
    for _ in range(2):
        assert bench(*CRON, "--mail-to", "ops@example.org", "--mail-to", "OPS@example.org")[0] == 2
    (mail,) = mails(bench)
    assert "nmae" in mail["message"]["text"]
    assert mail["message"]["subject"].endswith(": Sync failed")
    (bench.root / "agentctl.toml").write_text("[broken\n")
    assert bench(*CRON, "--mail-to", "ops@example.org")[0] == 2
    assert len(mails(bench)) == 1


def test_where_wrong_files_hide_whom_to_mail_that_is_said(bench: Bench) -> None:
    project = bench.root / "agentctl.toml"
    project.write_text("[broken\n")
    code, _, err = bench(*CRON, "--mail")
    assert code == 2
    assert "warning: nobody is told by mail" in err
    assert mails(bench) == []
    project.write_text('project = "beispiel"\nnmae = 1\n[mail]\nto = ["team@example.org"]\n')
    code, _, err = bench(*CRON, "--mail")
    assert (code, "nobody is told" in err) == (2, False)
    assert mails(bench)[0]["recipient"] == "team@example.org"


def test_a_wrong_agentctl_toml_is_told_again_after_it_was_right_and_so_is_its_end(bench: Bench) -> None:
    project = bench.root / "agentctl.toml"
    to = ("--mail-to", "ops@example.org")
    sound = 'project = "beispiel"\n'

    def subjects(text: str, code: int) -> list[str]:
        project.write_text(text)
        for _ in range(2):
            assert bench(*CRON, *to)[0] == code
        return [mail["message"]["subject"].partition(": ")[2] for mail in mails(bench)]

    for _ in range(2):
        assert subjects("[broken\n", 2) == ["Sync failed"]
        assert subjects(sound, 0) == ["Sync is back to normal"]
    drifted(bench, "Reception")
    assert subjects(sound, 3) == ["Changes held back"]
    assert subjects("[broken\n", 2) == ["Sync failed"]
    assert subjects(sound, 3) == ["Changes held back"], "the last that was told is another"
    assert subjects("[broken\n", 2) == ["Sync failed"]
    project.write_text(sound)
    assert bench("sync", "--yes", "--take-ours", *to)[0] == 0
    assert [mail["message"]["subject"].partition(": ")[2] for mail in mails(bench)] == ["Sync is back to normal"]


def test_an_unusable_setting_is_mailed_where_a_mail_does_not_need_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
    monkeypatch.setenv("WEBHOOK_MAX_BYTES", "x")
    for _ in range(2):
        assert bench(*CRON, "--mail")[0] == 2
    monkeypatch.delenv("WEBHOOK_MAX_BYTES")
    (mail,) = mails(bench)
    assert (mail["recipient"], "WEBHOOK_MAX_BYTES" in mail["message"]["text"]) == ("team@example.org", True)
    assert bench(*CRON, "--mail")[0] == 0
    (mail,) = mails(bench)
    assert mail["message"]["subject"].endswith("back to normal")
    monkeypatch.setenv("SMTP_URL", "x")
    code, _, err = bench(*CRON, "--mail")
    assert (code, "nobody is told by mail" in err) == (2, True)
    monkeypatch.delenv("SMTP_URL")
    code, _, err = bench("--env", "nix", *CRON, "--mail")
    assert (code, "nobody is told by mail" in err) == (2, True)
    assert mails(bench) == []


def test_a_narrowed_run_speaks_for_itself_alone(bench: Bench) -> None:
    bench.declare("zwei")
    assert bench(*CRON)[0] == 0
    drifted(bench, "Reception")
    to = ("--mail-to", "ops@example.org")

    def told(code: int, *narrowed: str) -> list[str]:
        assert bench(*CRON, *to, *narrowed)[0] == code
        return [mail["message"]["subject"] for mail in mails(bench)]

    assert told(3) == ["beispiel/production: Changes held back"]
    for _ in range(2):
        assert told(0, "--only", "zwei") == [], "of the other it knows nothing"
        assert told(3) == []
    assert told(3, "--only", "emp*") == ["beispiel/production --only emp*: Changes held back"]
    assert told(3, "--only", "emp*", "--only", "zwei") != []
    assert told(3, "--only", "zwei", "--only", "emp*", "--only", "zwei") == [], "the same set"
    assert told(0, "--take-ours", "--only", "emp*") == ["beispiel/production --only emp*: Sync is back to normal"]
    assert told(0) == ["beispiel/production: Sync is back to normal"]


def test_whom_to_mail_must_be_known(bench: Bench) -> None:
    for arguments in (("--mail",), ("--mail-to", "nobody")):
        with bench.writes() as writes:
            code, _, err = bench(*CRON, *arguments)
        assert code == 2
        assert "--mail" in err
        assert writes == []


def test_what_to_do_is_said_of_nobody_who_was_not_named(bench: Bench) -> None:
    bench.declare("notdienst")
    bench.declare("zentrale")
    assert bench(*CRON)[0] == 0
    for key in ("empfang", "notdienst", "zentrale"):
        drifted(bench, f"Other {key}", key)
    code, _, err = bench(*CRON, "--only", "notdienst")
    assert (code, err.count("empfang"), err.count("--take-ours --only notdienst\n")) == (3, 0, 1)
    code, out, _ = bench("sync", "--yes", "--only", "[nz]*")
    assert (code, out.count("--take-ours --only notdienst --only zentrale\n")) == (3, 1)
    code, out, _ = bench("sync", "--yes", "--take-ours", "--only", "notdienst")
    assert code == 0
    assert {one["name"] for one in bench.sandbox.state()["agents"].values()} >= {"Other empfang", "Notdienst"}
