"""A genuine PgBouncer in transaction mode, as Supabase's pooler is on port 6543: Debian's package."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.cluster import free_port

_PATIENCE_SECONDS = 30
_CONFIGURATION = """\
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
"""


def program() -> str | None:
    """Where it is; None where it is not installed."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def pooling(dsn: str, directory: Path, *, size: int) -> Iterator[str]:
    """The address of the same database through `size` connections at most, until the block ends."""
    server, listen = urlsplit(dsn), free_port()
    users, settings = directory / "users", directory / "pgbouncer.ini"
    users.write_text(f'"{server.username}" "{server.password}"\n')
    terms = {"host": server.hostname, "port": server.port, "listen": listen, "users": users, "size": size}
    settings.write_text(_CONFIGURATION.format(**terms))
    found = program()
    assert found is not None
    # It refuses to run as root, and has read its files by the time it becomes somebody else.
    as_nobody = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen([found, "-q", *as_nobody, str(settings)], stderr=subprocess.PIPE, text=True)
    try:
        _wait_until_ready(process, listen)
        yield server._replace(netloc=f"{server.username}:{server.password}@127.0.0.1:{listen}").geturl()
    finally:
        process.terminate()
        process.communicate()


def _wait_until_ready(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "PgBouncer did not get ready"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
