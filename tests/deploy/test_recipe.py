"""deploy/README.md, followed to its last command, with a project that was synced from a laptop before."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from agentctl.settings import load_settings
from tests.cluster import PASSWORD
from tests.telephony import Bench, bench, served

__all__ = ["bench"]
README = (Path(__file__).parents[2] / "deploy" / "README.md").read_text()
URL = "https://agentctl.example.org/webhooks/elevenlabs"


@pytest.mark.parametrize("section", ["## A machine with systemd behind Caddy", "## A machine with Docker"])
def test_each_command_comes_after_what_it_needs(section: str) -> None:
    steps = README.partition(section)[2].partition("\n## ")[0]
    places = [
        re.search(rf"^[^#\n]*{words}", steps, re.MULTILINE)
        for words in (r"(agentctl|--rm) sync\b", "webhook register https://", "(restart|up --detach --wait)", "/readyz")
    ]
    assert all(places), places
    first, register, _, ready = (place.start() for place in places if place)
    again = steps.index("restart agentctl-door" if "systemd" in section else "up --detach --wait", register)
    assert first < register < again < ready


def test_what_a_laptop_has_synced_is_mailed_from_the_machine(
    bench: Bench, other_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(other_dsn, autocommit=True) as connection:
        connection.execute(f"create role agentctl login password '{PASSWORD}'".encode())
        (said,) = re.findall(r"psql -d agentctl -c '([^']+)'", README)
        connection.execute(said.encode())
    try:
        agents = list(bench.sandbox.state()["agents"])
        machine = tmp_path / "machine"
        machine.mkdir()
        for name in ("agentctl.toml", "assistants", "shared"):
            one = bench.root / name
            if one.exists():
                (shutil.copytree if one.is_dir() else shutil.copy)(one, machine / name)
        (machine / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
        monkeypatch.setenv("DATABASE_URL", other_dsn.replace("//postgres:", "//agentctl:"))
        _follow(Bench(machine, bench.sandbox, bench.capsys), monkeypatch)
        assert list(bench.sandbox.state()["agents"]) == agents, "none is made twice"
    finally:
        with psycopg.connect(other_dsn, autocommit=True) as connection:
            connection.execute("drop owned by agentctl; drop role agentctl")


def _follow(machine: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine("sync", "--yes")[0] == 0
    told: dict[str, Any] = machine.json("webhook", "register", URL)
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", told["secret"])
    with served(machine.root, load_settings(machine.root)) as door:
        ready = door.replace("/webhooks/elevenlabs", "/readyz")
        assert httpx.get(ready).json() == {"status": "ready"}
        assert machine("webhook", "send", door)[0] == 0
    made = machine.sandbox.call(agent_id=machine.agent()["agent_id"], deliver=False)["conversation_id"]
    machine("calls", "backfill")
    machine("work", "--once")
    shown = machine.json("calls", "show", made)
    assert shown["assistant"] == "empfang"
    assert machine.json("calls", "status")["mails"]["pending"] == 1
    assert machine.json("calls", "status")["strangers"]["calls"] == 0, "a sample that was sent is nobody's call"
