"""An OpenAI-compatible endpoint on loopback that answers as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# What it is shown -> what it answers, or the status that it fails with.
Answering = Callable[[str], Mapping[str, Any] | int]


@dataclass
class Endpoint:
    """`url` is what LLM_BASE_URL wants; `asked` the users' texts in order; `answer` may be changed at any time."""

    answer: Answering
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def chatting(answer: Answering) -> Iterator[Endpoint]:
    """Serve; each answer costs 1000 tokens in and 100 out."""
    endpoint = Endpoint(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            user = body["messages"][1]["content"]
            endpoint.asked.append(user)
            said = endpoint.answer(user)
            status, told = (said, {}) if isinstance(said, int) else (200, _completion(said))
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _completion(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "choices": [{"message": {"content": json.dumps(said)}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100},
    }
