"""What deploy/ holds for a machine with systemd and Caddy: judged by those programs themselves."""

from __future__ import annotations

import http.client
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from agentctl.clients.store.postgres import PostgresStore
from tests.cluster import PASSWORD, free_port
from tests.deploy.program import program
from tests.stores import claim, delivery

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(path for path in DEPLOY.iterdir() if path.suffix in (".service", ".timer"))


def test_systemd_takes_the_units_and_finds_little_that_they_could_do(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    for path in UNITS:
        # What is installed later is not there yet.
        (tmp_path / path.name).write_text(re.sub(r"/opt/agentctl/\w+/bin/agentctl", "/bin/true", path.read_text()))
    units = [str(tmp_path / path.name) for path in UNITS]
    verified = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    for unit in (one for one in units if one.endswith(".service")):
        words = [analyze, "security", "--offline=true", "--no-pager", "--threshold=25", unit]
        judged = subprocess.run(words, capture_output=True, text=True)
        assert judged.returncode == 0, judged.stdout.splitlines()[-1]


def test_door_and_worker_have_time_to_end_in_order() -> None:
    for name in ("door", "worker"):
        unit = (DEPLOY / f"agentctl-{name}.service").read_text()
        limit = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
        assert limit
        assert int(limit[1]) > 35


class Upstream(BaseHTTPRequestHandler):
    """In the door's place: says which path it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = (
            f"{self.path} {self.headers['X-Forwarded-For']} {len(self.rfile.read(int(self.headers['Content-Length'])))}"
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        """Silent."""


@contextmanager
def caddy(place: Path, upstream: int) -> Iterator[int]:
    """The Caddyfile as it is, but for the name, the door's port and TLS, for which somebody has to vouch."""
    port = free_port()
    text = (DEPLOY / "Caddyfile").read_text()
    text = text.replace("agentctl.example.org {", f"http://127.0.0.1:{port} {{").replace(":8080", f":{upstream}")
    file = place / "Caddyfile"
    file.write_text("{\n\tadmin off\n}\n" + text)
    home = {"HOME": str(place), "XDG_DATA_HOME": str(place), "XDG_CONFIG_HOME": str(place)}
    words = [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(file)]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(words, env=home, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(30)


def ask(port: int, path: str, body: bytes = b"{}") -> tuple[int, str]:
    deadline = time.monotonic() + 20
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("POST", path, body, {"X-Forwarded-For": "203.0.113.9"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        finally:
            connection.close()


def test_caddy_lets_in_what_is_for_the_public_and_tells_the_sender_when_to_come_again(tmp_path: Path) -> None:
    done = subprocess.run([program("caddy"), "fmt", str(DEPLOY / "Caddyfile")], capture_output=True, text=True)
    assert done.stdout == (DEPLOY / "Caddyfile").read_text()
    door = free_port()
    with caddy(tmp_path, door) as port:
        assert [ask(port, path)[0] for path in ("/metrics", "/sync", "/")] == [404, 404, 404]
        assert ask(port, "/webhooks/elevenlabs")[0] == 502
        with ThreadingHTTPServer(("127.0.0.1", door), Upstream) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            # A sender's own word on where it comes from is not handed on.
            assert ask(port, "/webhooks/elevenlabs") == (200, "/webhooks/elevenlabs 127.0.0.1 2")
            server.shutdown()


@pytest.mark.anyio
async def test_a_role_that_owns_nothing_can_be_door_and_worker(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"create role clerk login password '{PASSWORD}'")
        connection.execute("grant service_role to clerk")
    try:
        store = await PostgresStore.open(dsn.replace("//postgres:", "//clerk:"))
        assert (await store.call("accept", delivery()))["new"]
        assert len(await claim(store)) == 1
        await store.close()
        refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
        with psycopg.connect(dsn.replace("//postgres:", "//clerk:")) as connection, refused:
            connection.execute("truncate agentctl.events")
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("drop owned by clerk")
            connection.execute("drop role clerk")
