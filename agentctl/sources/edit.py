"""The one edit that agentctl makes in a user's file: a phone number's line in assistant.toml."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from agentctl.errors import ConfigurationError, Problem, UsageError
from agentctl.resources.assistant import E164
from agentctl.sources.aside import file_beside
from agentctl.sources.rewrite import keeping_ends
from agentctl.sources.toml import Unreadable, read_toml

_BOM = b"\xef\xbb\xbf"


def add_number(directory: Path, key: str, number: str) -> bool:
    """Add `number` (E.164) to phone.numbers of assistants/<key>/assistant.toml; False if it is there already.

    Comments, order and line ends stay; the file is replaced in one step. Raises UsageError for a number or an
    assistant that cannot be, ConfigurationError for a file that cannot be read or written.
    """
    edited = _edited(directory, key, number)
    if edited is not None:
        _replace(*edited, _where(key))
    return edited is not None


def need_addable(directory: Path, key: str, number: str) -> None:
    """Raise what `add_number` would, as far as that can be known before. Writes nothing."""
    edited = _edited(directory, key, number)
    if edited is None:
        return
    folder = edited[0].parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(
            [Problem(_where(key), f"cannot be written: no file can be made in {folder}")],
            f'Nothing was done. Run it in a checkout, with the same store; or declare it first: numbers = ["{number}"] '
            "under [phone] in that file, and run it again.",
        )


def _where(key: str) -> str:
    return f"assistants/{key}/assistant.toml"


def _edited(directory: Path, key: str, number: str) -> tuple[Path, bytes] | None:
    """The file behind all links and what is to be in it; None where the number is."""
    if not E164.fullmatch(number):
        raise UsageError(f"{number!r} is not a number in E.164 form", hint="Write it like +498999998100.")
    where = _where(key)
    path = directory / where
    if not path.is_file():
        raise UsageError(
            f"there is no assistant {key!r}: {where} is missing", hint="agentctl plan lists all assistants."
        )
    try:
        if number in _numbers(read_toml(path, where, directory.resolve())):
            return None
    except Unreadable as error:
        raise ConfigurationError([error.problem]) from None
    content = path.read_bytes()
    edited = keeping_ends(content.removeprefix(_BOM).decode(), lambda text: _with_number(text, number, where))
    return path.resolve(), (_BOM if content.startswith(_BOM) else b"") + edited.encode()


def _with_number(text: str, number: str, where: str) -> str:
    """The TOML with the number in it. What was written is read again: an editor of comments can err."""
    by_hand = ConfigurationError([Problem(f"{where}: phone.numbers", f"cannot be edited; add {number} by hand")])
    try:
        document = tomlkit.parse(text)
        if "phone" not in document:
            document["phone"] = tomlkit.table()
        phone: Any = document["phone"]
        if "numbers" not in phone:
            phone["numbers"] = tomlkit.array()
        phone["numbers"].append(number)
        edited = tomlkit.dumps(document)
        before, after = tomllib.loads(text), tomllib.loads(edited)
    except (TOMLKitError, tomllib.TOMLDecodeError, TypeError, AttributeError):
        raise by_hand from None
    before.setdefault("phone", {}).setdefault("numbers", []).append(number)
    if before != after:
        raise by_hand
    return edited


def _numbers(table: dict[str, Any]) -> list[Any]:
    phone = table.get("phone")
    numbers = phone.get("numbers") if isinstance(phone, dict) else None
    return numbers if isinstance(numbers, list) else []


def _replace(path: Path, content: bytes, where: str) -> None:
    try:
        temporary = file_beside(path, content)
        try:
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError([Problem(where, f"cannot be written: {error.strerror}")]) from None
