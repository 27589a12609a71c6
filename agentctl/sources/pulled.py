"""What the platform has, laid into the files of one assistant: first in memory, then in one step per file."""

from __future__ import annotations

import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agentctl.errors import ConfigurationError, Problem, Stale
from agentctl.resources import action_items
from agentctl.resources.assistant import Assistant
from agentctl.resources.criteria import by_id
from agentctl.secrecy.secret import masked
from agentctl.sources.aside import file_beside
from agentctl.sources.counterpart import TEMPLATES, declared, in_file, map_entry, place
from agentctl.sources.environment import Environment
from agentctl.sources.files import load
from agentctl.sources.knowledge import SHARED, slug
from agentctl.sources.listed import list_of, put, remove, value_at
from agentctl.sources.loaded import Loaded
from agentctl.sources.project import FILENAME
from agentctl.sources.prompt import MARKS, escaped
from agentctl.sources.raw import RAW_TABLES
from agentctl.sources.rewrite import Uneditable

ABSENT: Final = object()
"""Stands for a field that the platform does not have (any more); null is a value."""

PROMPT = "conversation_config.agent.prompt.prompt"
_ACTION_ITEMS = ("platform_settings", "data_collection", action_items.ITEM_ID)
_WEBHOOKS = ("platform_settings", "workspace_overrides", "webhooks")
_TESTS = ("platform_settings", "testing")
_BOM = "\ufeff"


class Untakable(Exception):
    """Theirs cannot be written into a file; `what` says why and what to do."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(what)
        self.problem = Problem(where, what)


@dataclass(frozen=True)
class Rewrite:
    """One file as it was read and as it is to be."""

    path: Path = field(repr=False)
    where: str
    before: str = field(repr=False)
    after: str = field(repr=False)


class Draft:
    """The files of one assistant while theirs is laid into them. Nothing is written before `replace`."""

    def __init__(
        self,
        root: Path,
        assistant: Assistant,
        *,
        overwrite_templates: bool = False,
        layers: Environment | None = None,
    ) -> None:
        self.assistant = assistant
        self._layers = layers
        self._root = root
        self._overwrite_templates = overwrite_templates
        self._folder = f"assistants/{assistant.key}"
        self._toml_where, self._prompt_where = f"{self._folder}/assistant.toml", f"{self._folder}/prompt.md"
        self._before = {where: _text(root / where) for where in (self._toml_where, self._prompt_where)}
        self._now = dict(self._before)

    def rewrites(self) -> tuple[Rewrite, ...]:
        """The files that change."""
        return tuple(
            Rewrite(self._root / where, where, self._before[where], now)
            for where, now in self._now.items()
            if now != self._before[where]
        )

    def snapshot(self) -> Mapping[str, str]:
        """The texts as they are now, for `restore`."""
        return dict(self._now)

    def restore(self, snapshot: Mapping[str, str]) -> None:
        """Take back what was done since."""
        self._now = dict(snapshot)

    def take(self, keys: tuple[str, ...], theirs: Any, *, by: str | None = None) -> None:
        """Write the field at `keys` of the agent as `theirs`. Raises Untakable."""
        path = ".".join(keys)
        raw = self.is_raw(keys)
        if not raw and keys[0] not in (*RAW_TABLES, "name"):
            raise Untakable(path, "belongs to agentctl; put it back with: agentctl sync --take-ours")
        home = None if raw else place(keys, self.assistant)
        if not raw and home is None and keys[: len(_WEBHOOKS)] == _WEBHOOKS:
            raise Untakable(path, "is set by agentctl webhook register; put it back with: agentctl sync --take-ours")
        if not raw and keys[: len(_TESTS)] == _TESTS:
            raise Untakable(path, "follows the files in tests/; put it back with: agentctl sync --take-ours")
        if theirs is ABSENT:
            self._take_away(keys, home, raw)
        elif path == PROMPT and not raw and isinstance(theirs, str):
            self._take_prompt(theirs)
        elif home is None or (value := in_file(keys, theirs)) is None:
            self._put(("elevenlabs", *keys), theirs, by)
        else:
            if isinstance(value, str) and home[-1] in TEMPLATES:
                value = self._as_template(value_at(self._toml, home), value, f"{self._toml_where}: {'.'.join(home)}")
            self._put(home, value, by)

    def use(self, document: str, usage: str) -> None:
        """Give a knowledge document another usage. Raises Untakable."""
        index, entries = self._entry(document)
        if index is None:
            file = self._file(document)
            if file is None:
                raise Untakable(self._toml_where, f"knowledge {document}: no file of it was found")
            self._put(("knowledge",), [*entries, {"file": file, "usage": usage}])
        else:
            self._put(("knowledge",), [*entries[:index], {**entries[index], "usage": usage}, *entries[index + 1 :]])

    def drop(self, document: str) -> None:
        """Take a knowledge document away, if an entry is all there is of it: no file is deleted. Raises Untakable."""
        index, entries = self._entry(document)
        if index is None or "file" in entries[index]:
            what = f"knowledge {document} was taken from the agent at the platform; a pull deletes no file: delete it "
            raise Untakable(self._toml_where, what + "yourself, or attach it again with: agentctl sync --take-ours")
        path: tuple[str | int, ...] = ("knowledge", index) if len(entries) > 1 else ("knowledge",)
        self._edit(lambda text: remove(text, path), "knowledge")

    def text(self, where: str, theirs: str | None = None) -> str:
        """What the file of a knowledge document says; `theirs`: what it is to say."""
        if where not in self._now:
            self._before[where] = self._now[where] = _text(self._root / where)
        if theirs is not None:
            self._now[where] = theirs
        return self._now[where]

    def number(self, number: str, *, rings_here: bool) -> None:
        """Declare a number, or no longer. Raises Untakable."""
        numbers = [one for one in value_at(self._toml, ("phone", "numbers")) or () if one != number]
        self._put(("phone", "numbers"), [*numbers, number] if rings_here else numbers)

    def tried(self) -> Loaded:
        """The project with this assistant alone and the draft's files, read as usual. Blocks."""
        with tempfile.TemporaryDirectory(prefix="agentctl-pull-") as name:
            root = Path(name).resolve()
            shutil.copy(self._root / FILENAME, root / FILENAME)
            for part in ("shared", self._folder):
                if (self._root / part).is_dir():
                    shutil.copytree(self._root / part, root / part)
            for where, text in self._now.items():
                (root / where).write_bytes(text.encode())
            return load(root, self._layers.name if self._layers else None, whole=False)

    @property
    def _toml(self) -> str:
        return self._now[self._toml_where].removeprefix(_BOM)

    def is_raw(self, keys: Sequence[str]) -> bool:
        """Whether the field is declared in [elevenlabs], which is merged last."""
        place: Any = by_id(self.assistant.elevenlabs)
        for key in keys:
            if not isinstance(place, Mapping) or key not in place:
                return self._has("elevenlabs", *keys)
            place = place[key]
        return True

    def _has(self, *path: str) -> bool:
        return value_at(self._toml, path) is not None

    def _take_away(self, keys: tuple[str, ...], home: tuple[str, ...] | None, raw: bool) -> None:
        if not raw and keys[: len(_ACTION_ITEMS)] == _ACTION_ITEMS:
            self._put(("post_call", "action_items"), False)
            return
        path = home or ("elevenlabs", *keys)
        whole = None if raw else map_entry(keys)
        if whole and whole[-1] in declared(self.assistant, whole[:-1]):
            if not self._has(*whole):
                return  # gone with another of its fields
            path = home or whole
        if not self._has(*path):
            raise Untakable(".".join(keys), "is gone at the platform, and assistant.toml does not declare it")
        self._edit(lambda text: remove(text, path), ".".join(path))

    def _take_prompt(self, theirs: str) -> None:
        before = self._now[self._prompt_where]
        text = self._as_template(before, theirs.replace("\r\n", "\n").strip(), self._prompt_where) + "\n"
        if "\r\n" in before:
            text = text.replace("\n", "\r\n")
        self._now[self._prompt_where] = (_BOM if before.startswith(_BOM) else "") + text

    def _as_template(self, ours: Any, theirs: str, where: str) -> str:
        if isinstance(ours, str) and _has_marks(ours) and not self._overwrite_templates:
            what = "is a template, which a pull would destroy; edit it by hand, or pull with --overwrite-templates. "
            has = masked(theirs)  # before it is cut: half an address is none
            raise Untakable(where, f"{what}The platform has: {has if len(has) <= 200 else has[:200] + '…'}")
        return escaped(theirs)

    def _put(self, path: tuple[str, ...], value: Any, by: str | None = None) -> None:
        if self._layers is not None and self._layers.decides(self.assistant.key, path):
            what = f"environments.{self._layers.name} in {FILENAME} decides it; change it there"
            raise Untakable(f"{self._toml_where}: {'.'.join(path)}", what)
        known = self._known(path)
        self._edit(lambda text: put(text, path, value, by=by, known=known), ".".join(path))

    def _known(self, path: tuple[str, ...]) -> list[dict[str, Any]]:
        """What the list that `path` leads into holds by the layers below the file."""
        place = list_of(path)
        said = self.assistant.evaluation.model_dump(mode="json", exclude_none=True)
        found: Any = {"evaluation": said, "elevenlabs": self.assistant.elevenlabs} if place else None
        for name in place or ():
            found = found.get(name) if isinstance(found, Mapping) else None
        return found or []

    def _edit(self, edit: Callable[[str], str], path: str) -> None:
        try:
            edited = edit(self._toml)
        except Uneditable:
            raise Untakable(f"{self._toml_where}: {path}", "cannot be edited in this form; do it by hand") from None
        bom = _BOM if self._now[self._toml_where].startswith(_BOM) else ""
        self._now[self._toml_where] = bom + edited

    def _entry(self, document: str) -> tuple[int | None, list[dict[str, Any]]]:
        entries: list[dict[str, Any]] = list(value_at(self._toml, ("knowledge",)) or ())
        for index, entry in enumerate(entries):
            if document == self._key(entry):
                return index, entries
        return None, entries

    def _key(self, entry: Mapping[str, Any]) -> str:
        file = str(entry.get("file", ""))
        scope = "shared" if file.startswith(f"{SHARED}/") else self.assistant.key
        return f"{scope}/{slug(str(entry.get('name') or _stem(Path(file))))}"

    def _file(self, document: str) -> str | None:
        scope, _, name = document.partition("/")
        place, prefix = (SHARED, SHARED) if scope == "shared" else (f"{self._folder}/knowledge", "knowledge")
        for path in sorted((self._root / place).iterdir()) if (self._root / place).is_dir() else ():
            if not path.name.startswith(".") and slug(_stem(path)) == name:
                return f"{prefix}/{path.name}"
        return None


def replace(rewrites: Iterable[Rewrite]) -> None:
    """Write all or none: every new content first, then each file replaced in one step.

    Raises Stale where a file is not as it was read, ConfigurationError where one cannot be written.
    """
    done: list[Rewrite] = []
    ready: list[tuple[Rewrite, Path]] = []
    rewrite: Rewrite | None = None
    try:
        for rewrite in rewrites:
            if _text(rewrite.path) != rewrite.before:
                raise Stale(f"{rewrite.where} was changed in the meantime; nothing was written", "Run it again.")
            ready.append((rewrite, file_beside(rewrite.path.resolve(), rewrite.after.encode())))
        for rewrite, temporary in ready:
            temporary.replace(rewrite.path.resolve())
            done.append(rewrite)
    except OSError as error:
        for undone in done:
            file_beside(undone.path.resolve(), undone.before.encode()).replace(undone.path.resolve())
        assert rewrite is not None
        problem = Problem(rewrite.where, f"cannot be written: {error.strerror}")
        hint = f"Nothing of it was taken. Let whoever runs this write in {rewrite.path.parent}, then pull again."
        raise ConfigurationError([problem], hint) from None
    finally:
        for _, temporary in ready:
            temporary.unlink(missing_ok=True)


def _text(path: Path) -> str:
    """Every character as it is, line ends and byte order mark too."""
    return path.read_bytes().decode()


def _has_marks(text: str) -> bool:
    return any(mark in text for mark in MARKS)


def _stem(path: Path) -> str:
    return unicodedata.normalize("NFC", path.stem)
