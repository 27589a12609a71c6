"""A web server of a few fixed answers: whatever an address may lead to that is not what it should be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WEB_PAGE = (200, "text/html", "<!doctype html><title>Willkommen</title>")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has seen enough in one answer lets go of its other requests; that is no error."""


@contextmanager
def answering(
    pages: Mapping[str, tuple[int, str, str]] | None = None, otherwise: tuple[int, str, str] = WEB_PAGE
) -> Iterator[str]:
    """The address of a server on loopback; `pages`: path -> status, media type, body."""
    known = dict(pages or {})

    class Answer(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            self.rfile.read(length)
            status, media, body = known.get(self.path.partition("?")[0], otherwise)
            self.send_response(status)
            self.send_header("content-type", media)
            self.send_header("content-length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  (the library's names)

        def log_message(self, *_: Any) -> None:
            return

    server = _Server(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def as_json(value: Any, status: int = 200) -> tuple[int, str, str]:
    return status, "application/json", json.dumps(value)
