"""A double of Supabase's services on a socket, for clients that want one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: Callable[[httpx.Request], httpx.Response]

    def _answer(self) -> None:
        body = self._chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self._whole()
        headers = [(name, value) for name, value in self.headers.items() if name.lower() != "transfer-encoding"]
        url = f"http://{self.headers['Host']}{self.path}"
        answer = type(self).double(httpx.Request(self.command, url, headers=headers, content=body))
        self.send_response_only(answer.status_code)
        for name, value in answer.headers.items():
            if name != "content-length":
                self.send_header(name, value)
        if answer.status_code != 204:
            self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # whatever the method
            return self._answer
        raise AttributeError(name)

    def _whole(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *args: Any) -> None:
        """Silent."""


@contextmanager
def served(double: Callable[[httpx.Request], httpx.Response]) -> Iterator[str]:
    """The address of a project of which this answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Door", (_Door,), {"double": staticmethod(double)}))
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
