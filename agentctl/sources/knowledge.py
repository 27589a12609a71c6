"""Knowledge documents: the files in knowledge/ and shared/knowledge/, and the `[[knowledge]]` entries."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from agentctl.errors import Problem
from agentctl.resources.assistant import Document
from agentctl.settings import nearest
from agentctl.sources.assistant_file import KnowledgeEntry
from agentctl.sources.problems import located
from agentctl.sources.toml import Unreadable, decode, inside, read_bytes, untakeable

# The platform's limit for one file (its documentation, 2025 and 2026).
MAX_DOCUMENT_BYTES = 21_000_000
TEXT_ENDINGS = frozenset({".md", ".txt"})
FILE_TYPES = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".html": "text/html",
    ".epub": "application/epub+zip",
}
SHARED = "shared/knowledge"
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "å": "a"})
_SLUG_CHARACTERS = 60


def slug(name: str) -> str:
    """A name as part of a key: `Öffnungszeiten 2026` is `oeffnungszeiten-2026`. Never empty."""
    lowered = unicodedata.normalize("NFC", name).lower().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", lowered).encode("ascii", "ignore").decode()
    joined = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    # A name in another script, or one that had to be cut, is told apart by its digest.
    if joined and len(joined) <= _SLUG_CHARACTERS:
        return joined
    return f"{joined[:_SLUG_CHARACTERS]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".strip("-")


def entries_in(directory: Path, where: str, root: Path, problems: list[Problem]) -> list[Path]:
    """What lies in a folder, by name, without what editors and systems leave there; empty if there is no folder."""
    if not directory.exists() and not directory.is_symlink():
        return []
    try:
        names = os.listdir(inside(directory, where, root, "files"))
        names = [name for name in sorted(names) if not _is_leftover(name)]
        odd = {name for name in names if untakeable(name)}
        what = "has a name that is not UTF-8; rename it"
        problems += [Problem(f"{where}/{ascii(name)[1:-1]}", what) for name in sorted(odd)]
        return [directory / name for name in names if name not in odd]
    except Unreadable as error:
        problems.append(error.problem)
    except NotADirectoryError:
        problems.append(Problem(where, "must be a directory"))
    except (OSError, RuntimeError) as error:
        problems.append(Problem(where, f"cannot be read: {getattr(error, 'strerror', None) or 'a link to itself'}"))
    return []


def shared_documents(root: Path, problems: list[Problem]) -> dict[str, Document]:
    """The documents in shared/knowledge, which serve every assistant, by the path of their files."""
    documents: dict[str, Document] = {}
    for path in entries_in(root / SHARED, SHARED, root, problems):
        where = f"{SHARED}/{path.name}"
        try:
            documents[where] = _document(path, where, "shared", root)
        except Unreadable as error:
            problems.append(error.problem)
    _report_collisions(documents, "rename one of them", problems)
    return documents


class AssistantKnowledge:
    """Puts together the documents of one assistant: its folder, its entries, and what all assistants share."""

    def __init__(self, folder: Path, root: Path, shared: Mapping[str, Document], problems: list[Problem]) -> None:
        self._folder = folder
        self._root = root
        self._shared = shared
        self._problems = problems
        self._base = f"assistants/{folder.name}"
        self._toml = f"{self._base}/assistant.toml"
        self.files: dict[str, str] = {}
        """Path of each file that was used -> digest of its content; known once `documents` was asked."""

    def documents(self, entries: Iterable[KnowledgeEntry] | None, all_shared: bool = True) -> tuple[Document, ...]:
        """All documents of the assistant, own ones first. What cannot be used goes to the problems.

        Without `all_shared`, of the shared documents only those that an entry names.
        None: the entries are not known, since assistant.toml is broken; only the files are checked.
        """
        shared = dict(self._shared)
        own: dict[str, Document] = {}
        named: set[str] = set()
        for index, entry in enumerate(entries or ()):
            try:
                self._add_entry(entry, f"knowledge[{index}]", own, shared, named)
            except Unreadable as error:
                self._problems.append(error.problem)
        self._add_folder(own, named)
        if entries is not None:
            _report_collisions(own, "name one of them otherwise by [[knowledge]] in assistant.toml", self._problems)
        used = {**own, **{where: shared[where] for where in shared if all_shared or where in named}}
        self.files = {where: one.digest for where, one in used.items() if not where.startswith(f"{self._toml}:")}
        return tuple(used.values())

    def _add_entry(
        self, entry: KnowledgeEntry, place: str, own: dict[str, Document], shared: dict[str, Document], named: set[str]
    ) -> None:
        if entry.file is None:
            own[located(self._toml, place)] = self._written(entry)
            return
        where, path = self._located(entry.file, located(self._toml, f"{place}.file"))
        if where in named:
            raise Unreadable(Problem(located(self._toml, f"{place}.file"), f"names {entry.file} a second time"))
        named.add(where)
        if where in shared:
            shared[where] = self._shared_with_usage(shared[where], entry, place)
        else:
            own[where] = _document(path, where, self._folder.name, self._root, entry)

    def _add_folder(self, own: dict[str, Document], named: set[str]) -> None:
        folder = f"{self._base}/knowledge"
        for path in entries_in(self._folder / "knowledge", folder, self._root, self._problems):
            where = f"{folder}/{path.name}"
            if where in named:
                continue
            try:
                own[where] = _document(path, where, self._folder.name, self._root)
            except Unreadable as error:
                self._problems.append(error.problem)

    def _located(self, file: str, place: str) -> tuple[str, Path]:
        """The path of an entry's file, from the project's directory, and the file itself."""
        given = PurePosixPath(file)
        if given.is_absolute() or ".." in given.parts or "\\" in file or "\0" in file:
            raise Unreadable(
                Problem(
                    place, f"must be a path inside the project, like knowledge/prices.pdf, without .. (got {file!r})"
                )
            )
        is_shared = given.parts[:1] == ("shared",)
        where = str(given) if is_shared else f"{self._base}/{given}"
        path = self._root / where
        if is_shared and where not in self._shared and path.parent != self._root / SHARED:
            raise Unreadable(Problem(place, f"must be in {SHARED} to be shared (got {file!r})"))
        if not path.exists():
            candidates = [
                f"knowledge/{other.name}" for other in entries_in(self._folder / "knowledge", "", self._root, [])
            ]
            near = nearest(file, [*candidates, *self._shared])
            raise Unreadable(Problem(place, f"{file!r} does not exist" + (f", did you mean {near!r}?" if near else "")))
        if is_shared and where not in self._shared:
            raise Unreadable(Problem(place, f"{file!r} cannot be used"))
        return where, path

    def _shared_with_usage(self, document: Document, entry: KnowledgeEntry, place: str) -> Document:
        if entry.name is not None and entry.name != document.name:
            where = located(self._toml, f"{place}.name")
            raise Unreadable(Problem(where, "cannot be set: a shared document is named after its file"))
        return document.model_copy(update={"usage": entry.usage})

    def _written(self, entry: KnowledgeEntry) -> Document:
        assert entry.name is not None
        key = f"{self._folder.name}/{slug(entry.name)}"
        return Document(key=key, name=entry.name, usage=entry.usage, text=entry.text, url=entry.url)


def _document(path: Path, where: str, scope: str, root: Path, entry: KnowledgeEntry | None = None) -> Document:
    name = (entry.name if entry else None) or unicodedata.normalize("NFC", path.stem)
    key, usage = f"{scope}/{slug(name)}", entry.usage if entry else "auto"
    ending = path.suffix.lower()
    if ending not in TEXT_ENDINGS and ending not in FILE_TYPES and not path.is_dir():
        allowed = " ".join(sorted({*TEXT_ENDINGS, *FILE_TYPES}))
        raise Unreadable(Problem(where, f"cannot be knowledge: its name must end in one of {allowed}"))
    content = read_bytes(path, where, root, MAX_DOCUMENT_BYTES)
    as_text = ending in TEXT_ENDINGS and not (entry and entry.as_file)
    text = decode(content, where) if as_text else None
    if not content or (text is not None and not text.strip()):
        raise Unreadable(Problem(where, "is empty"))
    if text is not None:
        return Document(key=key, name=name, usage=usage, text=text, path=where)
    kind = FILE_TYPES.get(ending, "text/plain")
    return Document(key=key, name=name, usage=usage, content=content, filename=path.name, media_type=kind, path=where)


def _report_collisions(documents: Mapping[str, Document], remedy: str, problems: list[Problem]) -> None:
    places: dict[str, str] = {}
    for where, document in documents.items():
        first = places.setdefault(document.key, where)
        if first != where:
            problems.append(Problem(where, f"has the same name as {first} ({document.name!r}); {remedy}"))


def _is_leftover(name: str) -> bool:
    return name.startswith((".", "~$")) or name.endswith("~")
