"""The files of an assistant that no file declares yet: put together in memory, tried, then placed in one step."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agentctl.errors import ConfigurationError, Problem, Stale
from agentctl.sources.aside import folder_in
from agentctl.sources.files import ASSISTANTS, load
from agentctl.sources.knowledge import SHARED, TEXT_ENDINGS
from agentctl.sources.loaded import Loaded
from agentctl.sources.new_table import NewTable
from agentctl.sources.project import FILENAME
from agentctl.sources.prompt import escaped


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
    """The files of one new assistant. `tried` reads them as a sync would; `table` takes what then still differs."""

    def __init__(
        self,
        root: Path,
        key: str,
        name: str,
        prompt: str,
        *,
        documents: Sequence[NewDocument] = (),
        all_shared: bool = True,
        numbers: Sequence[str] = (),
        environment: str | None = None,
    ) -> None:
        """`environment`: the one that it is tried in; None: the project's default."""
        self.key = key
        self._environment = environment
        self.table = NewTable(name)
        self._root = root
        self._prompt = prompt
        self._documents = tuple(documents)
        if entries := [entry for one in self._documents if (entry := _entry(one, all_shared))]:
            self.table.say(("knowledge",), entries)
        if not all_shared:
            self.table.say(("shared_knowledge",), False)
        if numbers:
            self.table.say(("phone", "numbers"), list(numbers))

    @property
    def folder(self) -> str:
        """Where they go, from the project's directory."""
        return f"{ASSISTANTS}/{self.key}"

    def files(self) -> dict[str, bytes]:
        """Every file by its path from the project's directory; shared ones too, where they are new."""
        prompt = escaped(self._prompt.replace("\r\n", "\n").replace("\r", "\n").strip())
        found = {
            f"{self.folder}/assistant.toml": self.table.text().encode(),
            f"{self.folder}/prompt.md": f"{prompt}\n".encode(),
        }
        for one in self._documents:
            if one.content is not None:
                found[f"{SHARED if one.shared else f'{self.folder}/knowledge'}/{one.filename}"] = one.content
        return found

    def tried(self) -> Loaded:
        """The project with this assistant alone, read as usual. Blocks."""
        with tempfile.TemporaryDirectory(prefix="agentctl-pull-") as name:
            root = Path(name).resolve()
            shutil.copy(self._root / FILENAME, root / FILENAME)
            if (self._root / "shared").is_dir():
                shutil.copytree(self._root / "shared", root / "shared")
            _write(root, self.files())
            return load(root, self._environment, whole=False)

    def prepare(self) -> Path:
        """Write the files into a new folder beside their place, and return it. Blocks.

        Raises ConfigurationError where they cannot be written.
        """
        folder = self._root / ASSISTANTS
        try:
            folder.mkdir(exist_ok=True)
            aside = folder_in(folder)
            try:
                _write(aside, self.files(), durably=True)
            except OSError:
                shutil.rmtree(aside, ignore_errors=True)
                raise
        except OSError as error:
            raise ConfigurationError([Problem(self.folder, f"cannot be written: {error.strerror}")]) from None
        return aside

    def place(self, aside: Path) -> None:
        """Put the prepared files where they belong: shared ones first, then the assistant's folder in one step. Blocks.

        Raises Stale where one of them is there by now, ConfigurationError where they cannot be put there.
        """
        target = self._root / self.folder
        try:
            if os.path.lexists(target):
                raise Stale(f"{self.folder} is there by now; nothing was written", "Run it again.")
            if (aside / SHARED).is_dir():
                _place_shared(aside / SHARED, self._root / SHARED)
            (aside / self.folder).rename(target)
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


def _write(root: Path, files: Mapping[str, bytes], *, durably: bool = False) -> None:
    for where, content in files.items():
        (root / where).parent.mkdir(parents=True, exist_ok=True)
        with (root / where).open("wb") as file:
            file.write(content)
            if durably:
                file.flush()
                os.fsync(file.fileno())


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
