"""Render prompts: [[ ]], [% %] and [# #] are ours, {{ }} is ElevenLabs' and passes through untouched."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from agentctl.errors import Problem
from agentctl.settings import nearest
from agentctl.sources.problems import located
from agentctl.sources.reading import current
from agentctl.sources.toml import Unreadable, untakeable

# Far above any useful prompt; a model's context is not the place for a mistake.
MAX_CHARACTERS = 200_000
# For one text. Processor time, so that a busy machine makes no error.
CPU_SECONDS = 2.0
MARKS = ("[[", "[%", "[#")
_UNDEFINED = re.compile(r"^'(?P<name>[^']+)' is undefined$")
_NO_ATTRIBUTE = re.compile(r"^'dict object' has no attribute '(?P<name>[^']+)'$")
_MARK = re.compile("|".join(map(re.escape, MARKS)))
_END_OF_RAW = re.compile(r"\[%[-+]?\s*endraw")
_PROGRAM = Path(__file__).with_name("template_process.py")
_KEPT_CHARACTERS = 20_000_000


class Kept:
    """What texts rendered to, since the same input gives the same text.

    An adoption reads the files it is writing again and again, and whoever watches them reads all after each edit. A
    process to render them takes a tenth of a second.
    """

    def __init__(self, limit: int = _KEPT_CHARACTERS) -> None:
        self._texts: dict[bytes, str] = {}
        self._room = self._limit = limit

    def get(self, key: bytes) -> str | None:
        """The text, None if it is not known."""
        return self._texts.get(key)

    def put(self, key: bytes, text: str) -> None:
        """Keep a text; where that would be too many characters, all before it go."""
        if self._room < len(text):
            self._texts, self._room = {}, self._limit
        self._room -= len(text)
        self._texts[key] = text


KEPT = Kept()


def escaped(text: str) -> str:
    """A template that renders to `text`, whatever marks are in it."""
    if not _MARK.search(text):
        return text
    if not _END_OF_RAW.search(text):
        return f"[% raw %]{text}[% endraw %]"
    return _MARK.sub(lambda mark: f'[["{mark[0]}"]]', text)


class Prompts:
    """Renders the prompts of one project; a context manager, since a process of its own does it.

    The process starts with the first text that needs it and is ended by the kernel when a template takes more than
    `cpu_seconds` of processor time or 1 GB; the next text gets a new one. See template_process.py for the reason. What
    was rendered before, with the same parts and variables, needs none. `unusable`: parts that are there and cannot be
    read.
    """

    def __init__(
        self, parts: Mapping[str, str], unusable: Collection[str] = (), *, cpu_seconds: float = CPU_SECONDS
    ) -> None:
        self._unusable = unusable
        self._cpu_seconds = cpu_seconds
        self._parts = json.dumps(dict(parts))
        self._names = list(parts)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Prompts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def render(self, text: str, where: str, variables: Mapping[str, Any], *, inside: str = "") -> str:
        """`text` of file `where` rendered. Raises Unreadable; `inside` is the text's path in a TOML file."""
        if not any(mark in text for mark in MARKS):
            return text
        current().look(where)
        answer = self._ask({"name": where, "text": text, "variables": variables})
        if answer is None:
            raise Unreadable(
                Problem(located(where, inside), "takes too long or too much memory to render; is a loop endless?")
            )
        if "text" in answer:
            return _encodable(str(answer["text"]), located(where, inside))
        in_itself = answer["template"] == where
        line = "" if (inside and in_itself) or not answer["line"] else f"line {answer['line']}"
        place = located(where, inside) if in_itself else str(answer["template"])
        raise Unreadable(Problem(located(place, line), self._reason(answer, variables)))

    def _reason(self, answer: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
        if (missing := answer["missing"]) in self._unusable and missing:
            return f"cannot include {missing!r}, which cannot be used as it is"
        if missing:
            near = nearest(missing, self._names)
            meant = f"did you mean {near!r}?" if near else "only the .md and .txt files in shared/ can be included"
            return f"cannot include {missing!r}, {meant}"
        if found := _UNDEFINED.match(answer["error"]):
            near = nearest(found["name"], list(variables))
            meant = f"did you mean {near!r}?" if near else f"known are {', '.join(sorted(variables))}"
            return f"[[{found['name']}]] is not defined, {meant}"
        if found := _NO_ATTRIBUTE.match(answer["error"]):
            return f"there is no {found['name']!r} in that table"
        if "Missing end of" in answer["error"]:
            return f"{answer['error']}; to have [[, [% or [# as text, put it between [% raw %] and [% endraw %]"
        return str(answer["error"])

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        line = json.dumps(request, default=str)
        key = hashlib.sha256(f"{self._parts}\n{line}".encode()).digest()
        if kept := KEPT.get(key):
            return {"text": kept}
        answer = self._answer(line)
        if not answer:
            self._end()
            return None
        said = dict(json.loads(answer))
        if "text" in said:
            KEPT.put(key, str(said["text"]))
        return said

    def _answer(self, line: str) -> str:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        with current().awaiting(process):
            try:
                process.stdin.write(f"{line}\n")
                process.stdin.flush()
                return process.stdout.readline()
            except BrokenPipeError:
                return ""

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            # -P: the directory of the script must not hide the standard library's modules.
            self._process = subprocess.Popen(  # noqa: S603 -- our own program under our own interpreter
                [sys.executable, "-P", str(_PROGRAM), str(MAX_CHARACTERS), str(self._cpu_seconds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
            )
            assert self._process.stdin is not None
            self._process.stdin.write(f"{self._parts}\n")
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                with contextlib.suppress(BrokenPipeError):  # what was still buffered for a process that is gone
                    stream.close()
            process.wait()


def _encodable(text: str, where: str) -> str:
    # A template can write '\ud800', half a character, which no request could carry, or '\x00'.
    if what := untakeable(text):
        raise Unreadable(Problem(where, f"renders to text that {what}"))
    return text
