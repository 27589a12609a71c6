"""The assistant.toml of an assistant that no file declares yet, put together field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from agentctl.errors import Problem
from agentctl.resources import action_items
from agentctl.resources.assistant import Assistant
from agentctl.sources.counterpart import SCOPES, TEMPLATES, declared, in_file, map_entry, room
from agentctl.sources.listed import as_lists
from agentctl.sources.problems import dotted
from agentctl.sources.prompt import escaped
from agentctl.sources.pulled import ABSENT
from agentctl.sources.tables import text_of

Path = tuple[str, ...]
_ACTION_ITEMS: Final = ("platform_settings", "data_collection", action_items.ITEM_ID)
_ITEMS: Final = ("platform_settings", "data_collection")
_ORDER = (
    "name", "language", "first_message", "llm", "voice", "conversation", "language_presets", "built_in_tools",
    "shared_knowledge", "knowledge", "rag", "phone", "post_call", "evaluation", "data_collection", "webhooks",
    "privacy", "call_limits", "overrides", "auth",
)  # fmt: skip


class NewTable:
    """Fields go under the names that files have for them, and into [elevenlabs] where there is none.

    `lay` and `correct` are told what is missing or different when the file is read; a field that would not read the
    same under its name, or is refused there, becomes a raw one.
    """

    def __init__(self, name: str) -> None:
        self._named: dict[str, Any] = {"name": name}
        self._raw: dict[str, Any] = {}
        self._laid: dict[Path, tuple[Path, Any]] = {}
        self._only_raw: set[Path] = set()

    def text(self) -> str:
        """The file."""
        table = {key: self._named[key] for key in _ORDER if key in self._named}
        rest = {key: value for key, value in self._named.items() if key not in table}
        return text_of(as_lists({**table, **rest, **({"elevenlabs": self._raw} if self._raw else {})}))

    def say(self, path: Path, value: Any) -> None:
        """Have the key at `path` of the file be `value`."""
        _put(self._named, path, value)

    def lay(self, missing: Iterable[Path], settings: Mapping[str, Any], assistant: Assistant) -> None:
        """Have the fields at `missing` as they are in `settings`; of a map's entry that is not declared, all of them.

        `assistant` is what the file reads as so far.
        """
        for path in dict.fromkeys(self._entry(path, assistant) for path in missing):
            home = map_entry(path)
            waits = path[:-1] == SCOPES and home is not None and home[-1] not in declared(assistant, home[:-1])
            if not (waits and self._can_declare((*_ITEMS, path[-1]), settings)):
                self.correct(path, value_of(settings, path), assistant)

    def correct(self, path: Path, theirs: Any, assistant: Assistant) -> None:
        """Have the field at `path` of the agent be `theirs`, which may be ABSENT."""
        if theirs is ABSENT and path[: len(_ACTION_ITEMS)] == _ACTION_ITEMS:
            self.say(("post_call", "action_items"), False)
        if theirs is ABSENT or path == ("name",):
            return
        home = None if self._is_only_raw(path) else room(path, assistant)
        value = in_file(path, theirs) if home else None
        if home and home[-1] in TEMPLATES and isinstance(value, str):
            value = escaped(value)
        if home is None or value is None or value_of(self._named, home) == value:
            self._only_raw.add(path)
            _put(self._raw, path, theirs)
            if home and map_entry(path) is None:
                _remove(self._named, home)
        else:
            self._laid[path] = (home, theirs)
            _put(self._named, home, value)

    def demote(self, problems: Iterable[Problem]) -> bool:
        """Move to [elevenlabs] what the problems are about; False if they are about nothing that was laid."""
        said = "\n".join(map(str, problems))
        about = [path for path, (home, _) in self._laid.items() if f": {dotted(home)}" in said]
        about = about or [path for path, (home, _) in self._laid.items() if f": {home[0]}" in said]
        for path in about:
            home, theirs = self._laid.pop(path)
            _remove(self._named, home)
            _put(self._raw, path, theirs)
            self._only_raw.add(path)
        return bool(about)

    def _entry(self, path: Path, assistant: Assistant) -> Path:
        home = map_entry(path)
        if home is None or path[:-1] == SCOPES or home[-1] in declared(assistant, home[:-1]) or self._is_only_raw(path):
            return path
        return next(path[:depth] for depth in range(1, len(path) + 1) if map_entry(path[:depth]))

    def _can_declare(self, path: Path, settings: Mapping[str, Any]) -> bool:
        return value_of(settings, path) is not ABSENT and not self._is_only_raw(path)

    def _is_only_raw(self, path: Path) -> bool:
        return any(path[: len(raw)] == raw for raw in self._only_raw)


def value_of(table: Any, path: Sequence[str]) -> Any:
    """What is at `path`, ABSENT where nothing is."""
    for name in path:
        if not isinstance(table, Mapping) or name not in table:
            return ABSENT
        table = table[name]
    return table


def _put(table: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        table = table.setdefault(name, {})
    table[path[-1]] = value


def _remove(table: dict[str, Any], path: Sequence[str]) -> None:
    """Take away what is at `path`, if anything, and the tables that held nothing else."""
    if len(path) > 1 and isinstance(inner := table.get(path[0]), dict):
        _remove(inner, path[1:])
        if inner:
            return
    if len(path) == 1 or not table.get(path[0]):
        table.pop(path[0], None)
