"""The genuine PostgREST, as a Supabase project runs it, behind a gateway that does what Supabase's does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests import npm
from tests.cluster import free_port

JWT_SECRET = "a-secret-that-only-tests-know-0123456789"
SECRET_KEY = "sb_secret_only-for-tests"
PUBLISHABLE_KEY = "sb_publishable_only-for-tests"
_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
_PATIENCE_SECONDS = 30


def fetch() -> Path:
    """The program, downloaded once per checkout."""
    return npm.program(npm.POSTGREST)


def token(role: str, **claims: Any) -> str:
    """A JWT that names a database role: alone, a key as Supabase's older ones are; with `sub`, what a user who signed
    in holds.
    """
    return signed({"role": role, **claims})


def signed(claims: Mapping[str, Any], *, secret: str = JWT_SECRET, algorithm: str = "HS256") -> str:
    """A JWT of these claims. What the head says of its algorithm is said, and not done."""
    head, body = (_encode(json.dumps(part).encode()) for part in ({"alg": algorithm, "typ": "JWT"}, claims))
    signature = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{_encode(signature)}"


def _encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


@dataclass(frozen=True)
class Project:
    """What a Supabase project gives its user. `url` has the paths of a hosted project, /rest/v1/…"""

    url: str
    service_key: str
    anon_key: str
    secret_key: str


@contextmanager
def project(dsn: str) -> Iterator[Project]:
    """Serve a database, that `dsn` enters as the role authenticator, until the block ends."""
    port, admin = free_port(), free_port()
    process = subprocess.Popen([str(fetch())], env=_environment(dsn, port, admin), stderr=subprocess.PIPE)
    try:
        _wait_until_ready(process, admin)
        with _gateway(port) as url:
            yield Project(url, token("service_role"), token("anon"), SECRET_KEY)
    finally:
        process.terminate()
        process.communicate()


def _environment(dsn: str, port: int, admin: int) -> dict[str, str]:
    return {
        **os.environ,
        "PGRST_DB_URI": dsn,
        "PGRST_DB_SCHEMAS": "public",
        "PGRST_DB_ANON_ROLE": "anon",
        "PGRST_DB_POOL": "10",
        "PGRST_JWT_SECRET": JWT_SECRET,
        "PGRST_SERVER_HOST": "127.0.0.1",
        "PGRST_SERVER_PORT": str(port),
        "PGRST_ADMIN_SERVER_PORT": str(admin),
        "PGRST_LOG_LEVEL": "crit",
        "GHCRTS": "-N1",  # of several threads each would wait for the others' garbage
    }


def _wait_until_ready(process: subprocess.Popen[bytes], admin: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "PostgREST did not get ready"
        connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=5)
        try:
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.01)


# What each is exchanged for, if it is.
_KEYS = {SECRET_KEY: token("service_role"), token("service_role"): None, token("anon"): None, PUBLISHABLE_KEY: None}


class _Gateway(BaseHTTPRequestHandler):
    """Strips /rest/v1, wants a key, turns the newer opaque secret key into a token. A user comes with the anon
    key, or the newer publishable one, and a token of their own.
    """

    protocol_version = "HTTP/1.1"
    port: int

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() != "host"}
        key = self.headers.get("apikey", "")
        if key not in _KEYS:
            self._answer(401, [("Content-Type", "application/json")], b'{"message":"Invalid API key"}')
            return
        if exchanged := _KEYS[key]:
            if "authorization" in headers:  # a gateway may overlook it; the services behind it take it for a token
                self._answer(401, [("Content-Type", "application/json")], b'{"message":"Invalid Compact JWS"}')
                return
            headers["authorization"] = f"Bearer {exchanged}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(self.command, self.path.removeprefix("/rest/v1"), body, headers)
            response = connection.getresponse()
            self._answer(response.status, response.getheaders(), response.read())
        except OSError:
            self._answer(503, [("Content-Type", "text/plain")], b"upstream connect error")
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is no news."""


@contextmanager
def _gateway(port: int) -> Iterator[str]:
    verbs = {f"do_{method}": _Gateway.pass_on for method in _METHODS}
    gateway = type("Gateway", (_Gateway,), {"port": port, "disable_nagle_algorithm": True, **verbs})
    server = _Server(("127.0.0.1", 0), gateway)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        # Waiting for handlers would wait for whatever a test froze.
        server.block_on_close = False
        server.server_close()
