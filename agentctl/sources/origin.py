"""What an assistant's files say before an environment lays its own layers under and over them, as digests by path.

Equal origins mean: for any one environment, the same files. So a revision that carries its origin can be compared with
what the files are now, whichever environment either was made for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_STATEMENT = re.compile(r"\[%[-+]?\s*(?:include|import|from|extends)\b(?P<what>.*?)%\]", re.DOTALL)
_LITERAL = re.compile(r"""^\s*(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)")(?P<rest>.*)$""", re.DOTALL)
# What may follow a literal name without making another name of it.
_TAIL = re.compile(r"^\s*(?:$|ignore\b|with\b|without\b|as\b|import\b|[-+]\s*$)")


def origin(
    table: Mapping[str, Any],
    prompt: str,
    parts: Mapping[str, str],
    variables: Mapping[str, Any],
    files: Mapping[str, str],
) -> dict[str, str]:
    """Path -> digest: every leaf of the table, the prompt's text, the parts and variables it may use, and its files.

    A part or variable counts as used where its name is written, so that one too many is possible, one too few is not.
    """
    texts = [prompt, *_templates(table)]
    used = used_parts("\n".join(texts), parts)
    words = set(re.findall(r"\w+", "\n".join([*texts, *(parts[name] for name in used)])))
    return {
        **{path: _digest(value) for path, value in _leaves(table, "")},
        "prompt.md": _digest(prompt.strip()),
        **{name: _digest(parts[name]) for name in used},
        **{f"vars.{name}": _digest(value) for name, value in variables.items() if name in words},
        **files,
    }


def used_parts(text: str, parts: Mapping[str, str]) -> list[str]:
    """The parts that `text` includes, and those that they include; all of them where a name is not written out."""
    used: set[str] = set()
    waiting = [text]
    while waiting:
        for statement in _STATEMENT.finditer(waiting.pop()):
            named = _LITERAL.match(statement["what"])
            if named is None or not _TAIL.match(named["rest"]):
                return sorted(parts)
            name = named["single"] if named["single"] is not None else named["double"]
            if name in parts and name not in used:
                used.add(name)
                waiting.append(parts[name])
    return sorted(used)


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The paths of which the two say different things, or only one says something."""
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def _templates(table: Mapping[str, Any]) -> Iterator[str]:
    """The texts of an assistant.toml that are rendered as prompt.md is."""
    presets = table.get("language_presets")
    # What an environment's layers replace as a whole may be anything here.
    for place in (table, *(presets.values() if isinstance(presets, Mapping) else ())):
        for name in ("first_message", "prompt"):
            if isinstance(place, Mapping) and isinstance(text := place.get(name), str):
                yield text


def _leaves(table: Mapping[str, Any], at: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", value


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
