"""deploy/README.md, followed to its last command, with a project that was synced from a laptop before."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from agentctl.settings import load_settings
from tests.cluster import PASSWORD, wheel_binaries
from tests.deploy.program import program
from tests.telephony import Bench, bench, served

__all__ = ["bench"]
TABLE = "praxis_assistants"
COLUMNS = "elevenlabs_agent_id, elevenlabs_phone_number_id, elevenlabs_sync_error, elevenlabs_synced_at"
README = (Path(__file__).parents[2] / "deploy" / "README.md").read_text()
SYSTEMD, DOCKER = "## A machine with systemd behind Caddy", "## A machine with Docker"
URL = "https://agentctl.example.org/webhooks/elevenlabs"


@pytest.mark.parametrize("section", [SYSTEMD, DOCKER])
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


def test_secrets_that_are_there_outlive_a_second_paste(tmp_path: Path) -> None:
    there = tmp_path / "env"
    (said,) = re.findall(r"^test -s /etc/agentctl/env .*?^END$", README, re.MULTILINE | re.DOTALL)
    words = said.replace("/etc/agentctl/env", shlex.quote(str(there)))
    subprocess.run(["sh", "-ec", words], check=True)
    assert there.stat().st_mode & 0o777 == 0o600
    assert "DATABASE_URL=postgresql:///agentctl" in there.read_text()
    there.write_text("ELEVENLABS_WEBHOOK_SECRET=wsec_shown_once\n")
    subprocess.run(["sh", "-ec", words], check=True)
    assert there.read_text() == "ELEVENLABS_WEBHOOK_SECRET=wsec_shown_once\n"


@pytest.mark.parametrize(
    ("section", "steps"),
    [
        (
            SYSTEMD,
            ["agentctl-backup", "deploy/*.service", "start agentctl-migrate", "/opt/agentctl/current\n", "restart"],
        ),
        (
            DOCKER,
            [
                "pg_dump",
                "export AGENTCTL_VERSION",
                "compose build",
                "run --rm migrate",
                ">> .env",
                "compose up --no-build",
            ],
        ),
    ],
)
def test_nothing_is_replaced_before_the_migration_is_through(section: str, steps: list[str]) -> None:
    (block,) = re.findall(
        r"^\*\*Upgrade\.\*\*.*?^```sh\n(.*?)^```",
        README.partition(section)[2].partition("\n## ")[0],
        re.MULTILINE | re.DOTALL,
    )
    assert block.startswith("(\n    set -e\n")
    subprocess.run(["sh", "-n", "-c", block], check=True)
    places = [block.find(step) for step in steps]
    assert places[0] > -1
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("section", "steps"),
    [
        (
            SYSTEMD,
            ["stop agentctl-door", "dropdb", "pg_restore", "tar ", "start agentctl-migrate", "psql", "calls backfill"],
        ),
        (DOCKER, ["stop door worker", "dropdb", "pg_restore", "tar ", "run --rm migrate", "db psql", "calls backfill"]),
    ],
)
def test_a_restore_drops_nothing_before_it_is_said_until_when_calls_were_mailed(
    section: str, steps: list[str], tmp_path: Path
) -> None:
    told = README.partition(section)[2].partition("\n## ")[0]
    blocks = re.findall(r"^\(\n    set -e\n    stopped=.*?^\)\n", told, re.MULTILINE | re.DOTALL)
    (block,) = (one for one in blocks if "dropdb" in one)
    for name in ("agentctl-3.dump", "agentctl.dump", "recordings.tar", "mark_keys", "forgotten"):
        (tmp_path / name).touch()
    does = "".join(
        f'{name}() {{ echo {name} "$@"; }}\n' for name in ("systemctl", "runuser", "ln", "agentctl", "docker")
    )

    def pasted(words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", "-c", does + words], cwd=tmp_path, capture_output=True, text=True)

    empty = pasted(block)
    assert (empty.returncode != 0, empty.stdout, "fill it in" in empty.stderr) == (True, "", True)
    done = pasted(block.replace("stopped= ", "stopped=2026-11-27T04:05:06Z ", 1)).stdout
    places = [done.index(step) for step in steps]
    assert places == sorted(places)
    assert done.endswith("calls backfill --mailed-until 2026-11-27T04:05:06Z\n")
    assert not re.search("start agentctl-(door|worker)|compose up", done)


def test_every_command_that_is_to_be_pasted_is_one() -> None:
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL):
        subprocess.run(["sh", "-n", "-c", re.sub(r"<this repository>", "REPOSITORY", block)], check=True)


@pytest.mark.parametrize(
    ("section", "again"),
    [
        (SYSTEMD, "`systemctl restart agentctl-door agentctl-worker`"),
        (DOCKER, "`docker compose up --detach --wait`"),
    ],
)
def test_what_tenants_have_in_variables_comes_with_what_has_it_read(section: str, again: str) -> None:
    steps = README.partition(section)[2].partition("\n## ")[0]
    (told,) = (part for part in steps.split("\n\n") if "`env:NAME`" in part)
    assert again in told.replace("\n", " ")


@pytest.mark.parametrize("section", [SYSTEMD, DOCKER])
def test_a_number_is_declared_before_it_is_imported_where_no_file_can_be_written(section: str) -> None:
    steps = README.partition(section)[2].partition("\n## ")[0]
    (told,) = (part.replace("\n", " ") for part in steps.split("\n\n") if "import-number" in part)
    assert told.index("`numbers = [") < told.index("import-number +498999998100 --assistant KEY")
    assert re.search("in (a|the) checkout, with a `DATABASE_URL` that leads to this store", told)


def test_what_a_laptop_has_synced_is_mailed_from_the_machine(
    bench: Bench, other_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(other_dsn, autocommit=True) as connection:
        connection.execute(f"create role agentctl login password '{PASSWORD}'".encode())
        (said,) = re.findall(r"psql -d agentctl -c '(grant service_role[^']+)'", README)
        connection.execute(said.encode())
    try:
        agents = list(bench.sandbox.state()["agents"])
        machine = tmp_path / "machine"
        machine.mkdir()
        (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
        _place(bench.root, machine)
        monkeypatch.setenv("DATABASE_URL", other_dsn.replace("//postgres:", "//agentctl:"))
        _follow(Bench(machine, bench.sandbox, bench.capsys), monkeypatch)
        assert list(bench.sandbox.state()["agents"]) == agents, "none is made twice"
    finally:
        with psycopg.connect(other_dsn, autocommit=True) as connection:
            connection.execute("drop owned by agentctl; drop role agentctl")


def test_what_is_put_in_place_again_is_the_project_and_nothing_that_is_no_longer_in_it(
    bench: Bench, tmp_path: Path
) -> None:
    project, machine = tmp_path / "project", tmp_path / "machine"
    shutil.copytree(bench.root, project, ignore=shutil.ignore_patterns(".*"))
    Bench(project, bench.sandbox, bench.capsys).declare("notdienst")
    shared = project / "shared" / "knowledge"
    shared.mkdir(parents=True)
    (shared / "preise.md").write_text("Ein Termin kostet 40 Euro.\n")
    (project / ".env").write_text("ELEVENLABS_API_KEY=sk_of_a_laptop\n")
    recording = machine / ".agentctl" / "recordings" / "one.mp3"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(b"ID3")

    def put() -> Bench:
        _place(project, machine)
        there = {name for name in map(str, _files(machine)) if not name.startswith(".agentctl")}
        assert there == set(map(str, _files(project))) - {".env"}
        assert recording.read_bytes() == b"ID3"
        return Bench(machine, bench.sandbox, bench.capsys)

    assert put()("sync", "--yes")[0] == 0
    agents, (price,) = _agents(bench), _documents(bench, "preise")

    # What is deleted is told to no caller any more.
    (shared / "preise.md").unlink()
    shutil.rmtree(project / "assistants" / "notdienst")
    assert put()("sync", "--yes", "--prune")[0] == 0
    assert _agents(bench) == {"Empfang": agents["Empfang"]}
    assert price not in bench.sandbox.state()["documents"]

    # A folder that was renamed is no second assistant, and a rename that was recorded travels with the folder.
    (project / "assistants" / "empfang").rename(project / "assistants" / "zentrale")
    code = put()("sync", "--yes")[0]
    assert (code, _agents(bench)) == (3, {"Empfang": agents["Empfang"]})
    (project / "assistants" / "zentrale").rename(project / "assistants" / "empfang")
    assert Bench(project, bench.sandbox, bench.capsys)("rename", "empfang", "zentrale", "--yes")[0] == 0
    assert (project / "renames.toml").exists()
    assert put()("sync", "--yes")[0] == 0
    assert _agents(bench) == {"Empfang": agents["Empfang"]}


def test_nothing_is_taken_from_the_machine_where_no_project_is_named(tmp_path: Path) -> None:
    project, machine = tmp_path / "project", tmp_path / "machine"
    for name in ("agentctl.toml", "renames.toml", "assistants/empfang/prompt.md", "shared/preise.md"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("...\n")
    machine.mkdir()
    _place(project, machine)
    there = _files(machine)
    (tmp_path / "other" / "assistants").mkdir(parents=True)
    for named in ("", '"$NOBODY_SET_THIS"', "/", str(tmp_path / "other"), str(tmp_path / "misspelt")):
        said = _placing(named, machine)
        assert (said.returncode != 0, "project" in said.stderr) == (True, True), (named, said)
        assert _files(machine) == there, named


def _agents(bench: Bench) -> dict[str, str]:
    agents = bench.sandbox.state()["agents"].values()
    assert len({one["name"] for one in agents}) == len(agents)
    return {one["name"]: one["agent_id"] for one in agents}


def test_a_products_table_is_a_source_once_its_owner_has_run_what_the_recipe_says(
    bench: Bench, other_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = README.partition("**A product's table as source.**")[2]
    select, update = (one.replace("YOUR_TABLE", TABLE) for one in re.findall(r"psql -d agentctl -c '([^']+)'", section))
    (role,) = re.findall(r"psql -d agentctl -c '(grant service_role[^']+)'", README)
    project, machine = tmp_path / "project", tmp_path / "machine"
    project.mkdir()
    machine.mkdir()
    (project / "agentctl.toml").write_text('project = "praxis"\n')
    with psycopg.connect(other_dsn, autocommit=True) as owner:
        owner.execute(f"create role agentctl login password '{PASSWORD}'".encode())
        owner.execute(role.encode())
        owner.execute(f"create table {TABLE} (id bigint primary key, name text, prompt text)".encode())
        owner.execute(f"revoke all on {TABLE} from service_role".encode())  # as of a table that was there before
        owner.execute(f"insert into {TABLE} values (1, 'Praxis', 'Hilf freundlich weiter.')".encode())
        monkeypatch.setenv("DATABASE_URL", other_dsn.replace("//postgres:", "//agentctl:"))
        try:
            _place(project, machine)
            there = Bench(machine, bench.sandbox, bench.capsys)
            assert f"grant select on public.{TABLE} to agentctl;" in there("db", "adopt", TABLE)[2]
            owner.execute(select.encode())
            shown = there("db", "adopt", TABLE)[1]
            told, _, sql = shown.partition("For agentctl.toml:")[2].partition("For the database:")
            (project / "agentctl.toml").write_text(f'project = "praxis"\n{told}')
            _place(project, machine)
            owner.execute(sql.encode())
            assert f"grant update ({COLUMNS}) on public.{TABLE} to agentctl;" in there("plan")[1]
            owner.execute(update.encode())
            assert there("sync", "--yes")[0] == 0
            agents = {one["name"]: one["agent_id"] for one in bench.sandbox.state()["agents"].values()}
            back = owner.execute(f"select elevenlabs_agent_id, elevenlabs_sync_error from {TABLE}".encode()).fetchall()
            assert back == [(agents["Praxis"], None)]
            owner.execute(f"update {TABLE} set prompt = 'Hilf.'".encode())
            assert owner.execute("select key from agentctl.sync_changes").fetchall() == [("1",)]
            assert "grant" not in there("plan")[1]
        finally:
            owner.execute("drop owned by agentctl; drop role agentctl")


def _files(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]


def _documents(bench: Bench, part: str) -> list[str]:
    return [one for one, document in bench.sandbox.state()["documents"].items() if part in json.dumps(document)]


def _place(project: Path, machine: Path) -> None:
    placed = _placing(shlex.quote(str(project)), machine)
    assert placed.returncode == 0, placed.stderr


def _placing(named: str, machine: Path) -> subprocess.CompletedProcess[str]:
    """As the recipe does, with another directory in the place of the machine's; `named` as it stands in the shell."""
    program("rsync")
    (said,) = re.findall(r"^place\(\) \(\n.*?^\)$", README, re.MULTILINE | re.DOTALL)
    words = f"{said.replace('/var/lib/agentctl', shlex.quote(str(machine)))}\nplace {named}"
    return subprocess.run(["sh", "-c", words], capture_output=True, text=True)


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


def test_who_was_forgotten_since_the_backup_is_found_by_the_marks_of_the_lost_store(
    bench: Bench, dsn: str, tmp_path: Path
) -> None:
    calls = [
        str(bench.sandbox.call(agent_id=bench.agent()["agent_id"], deliver=False, audio=False)["conversation_id"])
        for _ in range(2)
    ]
    assert bench("calls", "backfill")[0] == bench("calls", "process")[0] == 0
    section = README.partition(SYSTEMD)[2].partition("\n## ")[0]
    psql = f"{wheel_binaries() / 'psql'} -X {shlex.quote(dsn)}"
    (before,) = re.findall(r"(?:^.*copy agentctl\.\w+ to stdout.*\n)+", section, re.MULTILINE)
    (after,) = re.findall(r"^ *! test -e forgotten.*?^ *} \|.*?\n", section, re.MULTILINE | re.DOTALL)
    places = [section.index(step) for step in (before, " dropdb ", after, "start agentctl-door agentctl-worker\n```")]
    assert places == sorted(places)
    before, after = (one.replace("runuser -u postgres -- psql -d agentctl", psql) for one in (before, after))
    bench.store("mark_forgotten", conversation_ids=calls[:1], numbers=[])
    bench.store("mark_forgotten", conversation_ids=["conv_new"], numbers=[], tenant="acme")
    marked = "select tenant, forgotten_at from agentctl.forgotten order by tenant, forgotten_at"
    by_its_own = "insert into agentctl.forgotten select 'acme', agentctl.mark('acme', 'fetched', 'conv_fetched')"
    with psycopg.connect(dsn, autocommit=True) as backup:
        backup.execute(by_its_own)  # as each tenant's was for a while
        lost = backup.execute(marked).fetchall()
        subprocess.run(["sh", "-ec", before], cwd=tmp_path, check=True)
        # What was forgotten twice, the backup knows of the first time; a tenant that is newer than it has no key there.
        backup.execute("update agentctl.forgotten set forgotten_at = forgotten_at - interval '1 day'")
        for table in ("forgotten", "mark_keys"):
            backup.execute(f"delete from agentctl.{table} where tenant = 'acme'")

        listed = subprocess.run(["sh", "-ec", after], cwd=tmp_path, check=True, capture_output=True, text=True)

        assert backup.execute(marked).fetchall() == lost
        assert backup.execute("select agentctl.is_forgotten('acme', 'conv_new')").fetchone() == (True,)
        assert backup.execute("select agentctl.is_erased('conv_fetched')").fetchone() == (True,)
    assert re.findall(r"^ default +\| (\S+)$", listed.stdout, re.MULTILINE) == calls[:1]
    assert bench("calls", "forget", calls[0], "--yes")[0] == 0
    assert [row["conversation_id"] for row in bench.store("list_calls", limit=9)] == calls[1:]
