"""Where files name an assistant by its key: transfers to it, and what environments say of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentctl.errors import ConfigurationError, Problem
from agentctl.sources.project import FILENAME
from agentctl.sources.pulled import Rewrite


def renamed(root: Path, old: str, new: str) -> tuple[Rewrite, ...]:
    """Every file that names the assistant `old`, with `new` instead; comments and order stay.

    Raises ConfigurationError for those in which that cannot be done safely, with the place.
    """
    found, problems = [], []
    for path in (root / FILENAME, *sorted(root.glob("assistants/*/assistant.toml"))):
        where = path.relative_to(root).as_posix()
        try:
            text = path.read_bytes().decode()
            table = tomllib.loads(text.removeprefix("\ufeff"))
        except (OSError, ValueError, RecursionError):
            continue  # whoever loads the project says what is wrong with it
        wanted = _renamed(table, old, new, ())
        if wanted == table:
            continue
        edited = _edited(text, old, new)
        if _read(edited) == wanted:
            found.append(Rewrite(path, where, text, edited))
        else:
            places = ", ".join(dict.fromkeys(_places(table, old, ())))
            problems.append(Problem(where, f"names {old} in {places}, in a form that has to be edited by hand"))
    if problems:
        raise ConfigurationError(problems, f"Nothing was changed. Write {new} there and run the same again.")
    return tuple(found)


def _edited(text: str, old: str, new: str) -> str:
    name = re.escape(old)
    text = re.sub(rf"""(\bassistant["']?\s*=\s*)(["']){name}\2""", rf"\g<1>\g<2>{new}\g<2>", text)
    header = rf"""^(\s*\[\[?\s*environments\.[^\]\n]*?\.assistants\.)(["']?){name}\2(?=\s*[.\]])"""
    return re.sub(header, rf"\g<1>\g<2>{new}\g<2>", text, flags=re.MULTILINE)


def _read(text: str) -> Any:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError:
        return None


def _renamed(value: Any, old: str, new: str, at: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_renamed(one, old, new, at) for one in value]
    if not isinstance(value, dict):
        return new if value == old and _is_transfer(at) else value
    return {
        new if key == old and _is_of_assistants(at) else key: _renamed(one, old, new, (*at, key))
        for key, one in value.items()
    }


def _places(value: Any, old: str, at: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _places(one, old, at)
    elif isinstance(value, dict):
        if old in value and _is_of_assistants(at):
            yield ".".join((*at, old))
        for key, one in value.items():
            yield from _places(one, old, (*at, key))
    elif value == old and _is_transfer(at):
        yield ".".join(at)


def _is_transfer(at: tuple[str, ...]) -> bool:
    return at[-4:] == ("built_in_tools", "transfer_to_agent", "transfers", "assistant")


def _is_of_assistants(at: tuple[str, ...]) -> bool:
    return len(at) == 3 and at[0] == "environments" and at[2] == "assistants"
