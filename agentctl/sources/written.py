"""The files of an assistant that no file declares yet: put together in memory, tried, then placed in one step."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from agentctl.errors import ConfigurationError, Problem, Stale
from agentctl.resources import action_items
from agentctl.sources.files import load
from agentctl.sources.knowledge import SHARED, TEXT_ENDINGS
from agentctl.sources.loaded import Loaded
from agentctl.sources.project import FILENAME
from agentctl.sources.prompt import escaped
from agentctl.sources.pulled import ABSENT, FIELDS
from agentctl.sources.tables import text_of

ASSISTANTS = "assistants"
_PROMPT: Final = ("conversation_config", "agent", "prompt", "prompt")
_KNOWLEDGE: Final = ("conversation_config", "agent", "prompt", "knowledge_base")
ACTION_ITEMS: Final = ("platform_settings", "data_collection", action_items.ITEM_ID)
_ORDER = ("name", "language", "first_message", "llm", "voice", "shared_knowledge", "knowledge", "phone", "post_call")


@dataclass(frozen=True)
class NewDocument:
    """One knowledge document as a file or an entry. `name` is its part of the key, and the file's name.

    `type` is the platform's. `shared`: it lies in shared/knowledge/; without content it lies there already, `file`
    being its name.
    """

    name: str
    type: Literal["text", "file", "url"]
    usage: str = "auto"
    content: bytes | None = field(default=None, repr=False)
    ending: str = ".md"
    url: str | None = None
    shared: bool = False
    file: str | None = None

    @property
    def filename(self) -> str:
        """Its name in the folder."""
        return self.file or f"{self.name}{self.ending}"

    def key(self, assistant: str) -> str:
        """Its key, as an assistant of that key has it."""
        return f"{'shared' if self.shared else assistant}/{self.name}"


class Sheet:
    """The files of one new assistant. `tried` reads them as a sync would; `correct` lays in what then still differs."""

    def __init__(
        self,
        root: Path,
        key: str,
        name: str,
        settings: Mapping[str, Any],
        *,
        documents: Sequence[NewDocument] | None = (),
        all_shared: bool = True,
        numbers: Sequence[str] = (),
    ) -> None:
        """`settings`: what the agent has beyond the defaults. `documents` None: the list of knowledge stays raw."""
        self.key = key
        self._root = root
        self._table: dict[str, Any] = {"name": name}
        self._raw: dict[str, Any] = {}
        self._theirs: dict[tuple[str, ...], Any] = {}
        self._prompt = ""
        self._documents = tuple(documents or ())
        for path, value in _leaves(settings):
            if path == _PROMPT:
                self._prompt = str(value)
            elif path[: len(ACTION_ITEMS)] != ACTION_ITEMS and (path != _KNOWLEDGE or documents is None):
                self.correct(path, value)
        if entries := [entry for one in self._documents if (entry := _entry(one, all_shared))]:
            self._table["knowledge"] = entries
        if not all_shared:
            self._table["shared_knowledge"] = False
        if numbers:
            self._table["phone"] = {"numbers": list(numbers)}

    @property
    def folder(self) -> str:
        """Where they go, from the project's directory."""
        return f"{ASSISTANTS}/{self.key}"

    def files(self) -> dict[str, bytes]:
        """Every file by its path from the project's directory; shared ones too, where they are new."""
        table = {key: self._table[key] for key in _ORDER if key in self._table}
        rest = {key: value for key, value in self._table.items() if key not in table}
        raw = {"elevenlabs": self._raw} if self._raw else {}
        prompt = escaped(self._prompt.replace("\r\n", "\n").replace("\r", "\n").strip())
        found = {
            f"{self.folder}/assistant.toml": text_of({**table, **rest, **raw}).encode(),
            f"{self.folder}/prompt.md": f"{prompt}\n".encode(),
        }
        for one in self._documents:
            if one.content is not None:
                found[f"{SHARED if one.shared else f'{self.folder}/knowledge'}/{one.filename}"] = one.content
        return found

    def correct(self, path: tuple[str, ...], theirs: Any) -> None:
        """Have the field at `path` of the agent be `theirs`: under its name of ours, else in [elevenlabs]."""
        place = FIELDS.get(".".join(path))
        if path[: len(ACTION_ITEMS)] == ACTION_ITEMS and theirs is ABSENT:
            _put(self._table, ("post_call", "action_items"), False)
            return
        if theirs is ABSENT or path == ("name",):
            return
        self._theirs[path] = theirs
        value = escaped(theirs) if place == ("first_message",) and isinstance(theirs, str) else theirs
        if place is None or theirs is None or _at(self._table, place) == value:
            _put(self._raw, path, theirs)
        else:
            _put(self._table, place, value)

    def demote(self, problems: Iterable[Problem]) -> bool:
        """Move to [elevenlabs] the named fields that the problems are about; False if they are about none."""
        said = "\n".join(map(str, problems))
        moved = False
        for path, place in FIELDS.items():
            keys = tuple(path.split("."))
            there = keys in self._theirs and _at(self._table, place) is not ABSENT
            if there and f": {'.'.join(place)}" in said:
                _remove(self._table, place)
                _put(self._raw, keys, self._theirs[keys])
                moved = True
        return moved

    def tried(self) -> Loaded:
        """The project with this assistant alone, read as usual. Blocks."""
        with tempfile.TemporaryDirectory(prefix="agentctl-pull-") as name:
            root = Path(name).resolve()
            shutil.copy(self._root / FILENAME, root / FILENAME)
            if (self._root / "shared").is_dir():
                shutil.copytree(self._root / "shared", root / "shared")
            _write(root, self.files())
            return load(root)

    def place(self) -> None:
        """Write the files: shared ones first, then the assistant's folder in one step. Blocks.

        Raises Stale where one of them is there by now, ConfigurationError where they cannot be written.
        """
        target = self._root / self.folder
        try:
            target.parent.mkdir(exist_ok=True)
            aside = Path(tempfile.mkdtemp(prefix=".pull-", dir=target.parent))
            try:
                _write(aside, self.files())
                if os.path.lexists(target):
                    raise Stale(f"{self.folder} is there by now; nothing was written", "Run it again.")
                if (aside / SHARED).is_dir():
                    _place_shared(aside / SHARED, self._root / SHARED)
                (aside / self.folder).rename(target)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        except OSError as error:
            raise ConfigurationError([Problem(self.folder, f"cannot be written: {error.strerror}")]) from None


def _place_shared(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        there = target / path.name
        if not there.exists():
            path.rename(there)
        elif there.read_bytes() != path.read_bytes():
            raise Stale(f"{SHARED}/{path.name} is there by now; nothing was written", "Run it again.")


def _write(root: Path, files: Mapping[str, bytes]) -> None:
    for where, content in files.items():
        (root / where).parent.mkdir(parents=True, exist_ok=True)
        (root / where).write_bytes(content)


def _entry(document: NewDocument, all_shared: bool) -> dict[str, Any]:
    """Its [[knowledge]] entry; empty where the file alone says it all."""
    usage = {"usage": document.usage} if document.usage != "auto" else {}
    if document.url is not None:
        return {"name": document.name, "url": document.url, **usage}
    as_file = document.type == "file" and document.ending in TEXT_ENDINGS
    if not usage and not as_file and (all_shared or not document.shared):
        return {}
    folder = SHARED if document.shared else "knowledge"
    return {"file": f"{folder}/{document.filename}", **({"as_file": True} if as_file else {}), **usage}


def _leaves(table: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key), value


def _at(table: Mapping[str, Any], path: Sequence[str]) -> Any:
    place: Any = table
    for name in path:
        if not isinstance(place, Mapping) or name not in place:
            return ABSENT
        place = place[name]
    return place


def _put(table: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        table = table.setdefault(name, {})
    table[path[-1]] = value


def _remove(table: dict[str, Any], path: Sequence[str]) -> None:
    if len(path) > 1:
        _remove(table[path[0]], path[1:])
        if table[path[0]]:
            return
    del table[path[0]]
