"""`.env`: NAME=value line by line, as python-dotenv reads it, with every line that it would pass over in silence."""

from __future__ import annotations

import io
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path

from agentctl.errors import Problem

SWITCH = "AGENTCTL_ENV_FILE"  # of the environment alone: it decides whether there is a file
_MAX_ENV_BYTES = 1_000_000
_NO_LINE = "is not NAME=value, with any quotes closed"
_SOME = 20  # of the lines that are wrong, those that are named


def read(dotenv: Path, given: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """What the file sets; nothing, and what is wrong, where a line of it cannot be read. Who asks has to tell it.

    `given`: the variables that a ${NAME} in it may mean, beside its own. A variable that is not set is a worse riddle
    than a wrong line. With AGENTCTL_ENV_FILE=none among them no file is looked at: a project that is mounted into a
    container brings its own, which is of another machine.
    """
    if wanted := given.get(SWITCH):
        return {}, [] if wanted == "none" else [Problem(SWITCH, "must be none, or not set")]
    try:
        text = _text(dotenv)
    except UnicodeDecodeError:
        return {}, [Problem(str(dotenv), "is not UTF-8; save it as UTF-8 text")]
    except OSError as error:
        return {}, [Problem(str(dotenv), f"cannot be read: {error.strerror}")]
    except ValueError as error:
        return {}, [Problem(str(dotenv), str(error))]
    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    lines = list(parse_stream(io.StringIO(text)))
    wrong = [line.original.line for line in lines if line.error or (line.key is not None and line.value is None)]
    problems = [Problem(f"{dotenv}, line {number}", _NO_LINE) for number in wrong[:_SOME]]
    if len(wrong) > _SOME:
        problems.append(Problem(f"{dotenv}, {len(wrong) - _SOME} more lines", _NO_LINE))
    kept: dict[str, str] = {}
    for line in [] if wrong else lines:
        if line.key is not None and line.value is not None:
            # Not dotenv_values, which copies all variables for each line of the file.
            atoms = parse_variables(line.value)
            kept[line.key] = "".join(atom.resolve(ChainMap(kept, given)) for atom in atoms)  # type: ignore[arg-type]
    return kept, problems


def _text(dotenv: Path) -> str:
    """What is in the file; empty where there is none. Raises OSError, and ValueError for what is no text of a .env."""
    if not dotenv.is_file():
        if dotenv.exists():
            raise ValueError("is not a file")
        return ""
    with dotenv.open("rb") as stream:
        content = stream.read(_MAX_ENV_BYTES + 1)
    if len(content) > _MAX_ENV_BYTES:
        raise ValueError(f"is larger than {_MAX_ENV_BYTES / 1_000_000:g} MB")
    return content.decode("utf-8")
