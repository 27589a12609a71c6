"""Read a TOML file or a text file of the project: inside it, not too large, UTF-8; or say exactly what is wrong."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from agentctl.errors import Problem
from agentctl.sources.problems import dotted, located
from agentctl.sources.reading import current

MAX_TEXT_BYTES = 1_000_000
MAX_DEPTH = 60
_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep"
# What no request or store keeps as it is: U+0000, and half a character.
_UNTAKEABLE = re.compile("[\x00\ud800-\udfff]")
_DIGITS = re.compile(r"[0-9][0-9_]{999,}")
_WHOLE = 2**63  # TOML's own bound
_POSITION = re.compile(r"^(?P<what>.*) \((?:at (?P<where>line \d+, column \d+|end of document))\)$", re.DOTALL)


class Unreadable(Exception):
    """A file of the project cannot be used; never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def inside(path: Path, where: str, root: Path, what: str = "file") -> Path:
    """`path` (of a file, or of a folder of files) with the links below `root` followed.

    Raises Unreadable where it leads outside, and OSError or RuntimeError as Path.resolve does.
    Only what is below `root` is looked at, unless there is a link: 1,000 assistants have thousands of files.
    """
    step = path
    while len(step.parts) > len(root.parts) and not step.is_symlink():
        step = step.parent
    if step == root:
        return path
    resolved = path.resolve(strict=True)
    if not resolved.is_relative_to(root):
        raise Unreadable(Problem(where, f"leads outside the project; copy the {what} into it"))
    return resolved


def read_bytes(path: Path, where: str, root: Path, limit: int) -> bytes:
    """The content of `path`, at most `limit` bytes. Raises Unreadable; `where` is its name in the message."""
    current().look(where)
    try:
        found = inside(path, where, root)
        mode = found.stat().st_mode
        if stat.S_ISDIR(mode):
            raise Unreadable(Problem(where, "is a directory; a file is needed"))
        if not stat.S_ISREG(mode):
            raise Unreadable(Problem(where, "is not an ordinary file"))
        with found.open("rb") as stream:
            content = stream.read(limit + 1)
    except FileNotFoundError:
        raise Unreadable(Problem(where, "is missing")) from None
    except OSError as error:
        raise Unreadable(Problem(where, f"cannot be read: {error.strerror or type(error).__name__}")) from None
    except RuntimeError:  # resolve() of a link that leads to itself, up to Python 3.12
        raise Unreadable(Problem(where, "is a link that leads to itself")) from None
    if len(content) > limit:
        raise Unreadable(Problem(where, f"is larger than {_megabytes(limit)} MB"))
    return content


def read_text(path: Path, where: str, root: Path, limit: int = MAX_TEXT_BYTES) -> str:
    """The file as text: UTF-8, without byte order mark, with plain line ends. Raises Unreadable."""
    return decode(read_bytes(path, where, root, limit), where)


def decode(content: bytes, where: str) -> str:
    """UTF-8 bytes as text, as `read_text` gives it. Raises Unreadable."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(Problem(where, f"is not UTF-8 text (line {line}); save it as UTF-8")) from None
    if "\0" in text:
        raise Unreadable(Problem(where, "is not text: it contains a NUL character"))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_toml(path: Path, where: str, root: Path) -> dict[str, Any]:
    """The file as a table. Raises Unreadable, for broken TOML with line and column."""
    text = read_text(path, where, root)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.match(str(error).partition("\n")[0])
        position, what = (found["where"], found["what"]) if found else ("", str(error))
        raise Unreadable(Problem(located(where, position), f"is not valid TOML: {_lower(what)}")) from None
    except RecursionError:
        raise Unreadable(Problem(where, _TOO_DEEP)) from None
    except ValueError:  # Python's own bound of what it reads as a number
        found = _DIGITS.search(text)
        line = f"line {text.count(chr(10), 0, found.start()) + 1}" if found else ""
        raise Unreadable(Problem(located(where, line), "holds a number with too many digits")) from None
    if is_too_deep(table):
        raise Unreadable(Problem(where, _TOO_DEEP))
    for at, what in unfit(table):
        raise Unreadable(Problem(located(where, dotted(at)), what))
    return table


def unfit(value: Any, path: tuple[int | str, ...] = ()) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Where in `value` something stands that would not come back as it is from whoever keeps it, and why."""
    if isinstance(value, str):
        if what := untakeable(value):
            yield path, what
    elif isinstance(value, dict):
        for key, one in value.items():
            if what := untakeable(key):
                yield path, f"has a key that {what}"
            yield from unfit(one, (*path, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from unfit(one, (*path, index))
    elif isinstance(value, int) and not -_WHOLE <= value < _WHOLE:
        yield path, "is a whole number beyond 64 bits"


def untakeable(text: str) -> str:
    """Why nobody can keep this text as it is; empty for one that is fine."""
    if not (found := _UNTAKEABLE.search(text)):
        return ""
    return "contains a NUL character" if found[0] == "\0" else "is not Unicode"


def is_too_deep(table: dict[str, Any] | list[Any]) -> bool:
    """Whether it is nested beyond what any setting needs."""
    # Dotted keys nest without limit; what comes after this check may recurse.
    level: list[Any] = [table]
    for _ in range(MAX_DEPTH):
        level = [inner for node in level for inner in _inner(node) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inner(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _megabytes(limit: int) -> str:
    return f"{limit / 1_000_000:g}"
