"""One variable in a project's .env: set in place, everything else kept, readable by its owner alone."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from agentctl.errors import ConfigurationError, Problem

_MODE = 0o600


def read(path: Path, name: str) -> str:
    """The value of `name` in the file; empty where there is no file or no such line."""
    from dotenv import dotenv_values

    return (dotenv_values(path, interpolate=False).get(name) or "") if path.is_file() else ""


def write(path: Path, name: str, value: str) -> None:
    """Set `name` to `value` (no quotes, spaces or line breaks in it), in its last line or in a new one.

    The file is replaced in one step and gets mode 0600. Raises ConfigurationError where it cannot be written.
    """
    try:
        before = path.read_bytes().decode() if path.exists() else ""
        _replace(path.resolve(), _edited(before, name, value))
    except UnicodeDecodeError:
        raise ConfigurationError([Problem(str(path), "is not UTF-8")], hint=f"Set {name} in it by hand.") from None
    except OSError as error:
        raise ConfigurationError([Problem(str(path), f"cannot be written: {error.strerror}")]) from None


def _edited(text: str, name: str, value: str) -> str:
    line = f"{name}={value}"
    found = list(re.finditer(rf"^[ \t]*(?:export[ \t]+)?{name}[ \t]*=[^\r\n]*", text, re.MULTILINE))
    if found:
        # The last one counts when the file is read.
        return text[: found[-1].start()] + line + text[found[-1].end() :]
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n"


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".env-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), _MODE)
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
