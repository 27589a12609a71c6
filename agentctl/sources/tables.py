"""A new TOML file: a table as text, its own values first, then its tables, each under a header."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentctl.sources.rewrite import in_toml, item

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def text_of(table: Mapping[str, Any]) -> str:
    """`table` (JSON; null becomes `{ "$json" = "null" }`) as the text of a file, in its own order."""
    return "\n".join(_lines(in_toml(table), ())).strip("\n") + "\n"


def _lines(table: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[str]:
    below = {key: value for key, value in table.items() if _is_section(value)}
    for key, value in table.items():
        if key not in below:
            yield f"{_name(key)} = {item(value).as_string()}"
    for key, value in below.items():
        path = (*at, key)
        shown = ".".join(map(_name, path))
        if isinstance(value, list):
            for entry in value:
                yield from ("", f"[[{shown}]]", *_lines(entry, path))
            continue
        if any(not _is_section(inner) for inner in value.values()):
            yield from ("", f"[{shown}]")
        yield from _lines(value, path)


def _is_section(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and list(value) != ["$json"]
    tables = isinstance(value, Sequence) and not isinstance(value, str) and bool(value)
    return tables and all(isinstance(entry, Mapping) and list(entry) != ["$json"] for entry in value)


def _name(key: str) -> str:
    # JSON's escapes are among TOML's; the one character that only TOML wants escaped is added.
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007f")
