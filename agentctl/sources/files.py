"""The project's files as assistants: assistants/<key>/{assistant.toml, prompt.md, knowledge/*} and shared/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agentctl.errors import Problem
from agentctl.resources.assistant import KEY, RESERVED, Assistant, Document
from agentctl.resources.language_presets import LanguagePreset
from agentctl.sources import agent_tests
from agentctl.sources.advice import advice
from agentctl.sources.assistant_file import AssistantFile, KnowledgeEntry, entries_of, misplaced
from agentctl.sources.environment import Environment, chosen, read_environments, strangers
from agentctl.sources.knowledge import SHARED, TEXT_ENDINGS, AssistantKnowledge, entries_in, shared_documents, slug
from agentctl.sources.loaded import Loaded
from agentctl.sources.origin import origin
from agentctl.sources.problems import problems_of
from agentctl.sources.project import Project, find, read_project
from agentctl.sources.prompt import Prompts
from agentctl.sources.raw import raw_settings
from agentctl.sources.together import lost_transfers, shared_numbers
from agentctl.sources.toml import Unreadable, read_text, read_toml

ASSISTANTS = "assistants"
# What assistant.toml says as the assistant has it.
_DECLARED = frozenset(AssistantFile.model_fields) & frozenset(Assistant.model_fields)


def load(directory: Path, environment: str | None = None, *, whole: bool = True) -> Loaded:
    """Read the project that `directory` is in as `environment` sees it, and find everything that is wrong with it.

    `environment` None: the project's default one. `whole`: every assistant is there, so that one which another
    transfers calls to must be, too, and one that an environment names. Blocks on files and on the process that renders
    prompts. Raises ConfigurationError only if there is no agentctl.toml, and UsageError for an unknown environment;
    every other problem is in the result.
    """
    file = find(directory)
    project, problems = read_project(file)
    root = file.parent
    environments = read_environments(project, problems) if project else {}
    # Where the project's own keys are wrong its environments may be unknown; the rest is checked all the same.
    known = project if project and project.name else None
    layers = chosen(known, environments, environment) if known else Environment(environment or "")
    parts = _shared_parts(root, problems)
    shared = shared_documents(root, problems)
    warnings: list[Problem] = []
    with Prompts(parts, unusable={problem.where for problem in problems}) as prompts:
        # Without its variables every prompt would seem wrong.
        usable = prompts if project else None
        reader = _Reader(project or Project(name="", root=root), layers, parts, usable, shared, problems)
        folders = [path for path in entries_in(root / ASSISTANTS, ASSISTANTS, root, problems) if path.is_dir()]
        assistants = [assistant for folder in folders if (assistant := reader.assistant(folder))]
    problems += shared_numbers(reader.numbers)
    there = reader.project.of(layers.name)
    # With a table there may be others, and who reads that goes on from here.
    alone = there.table is None
    if whole and alone:
        keys = [folder.name for folder in folders]
        problems += strangers(environments, keys) if there.left_table is None else ()
        problems += lost_transfers(assistants, keys)
    # Without [defaults] much would seem to be missing that is there.
    warnings += [item for assistant in assistants if known for item in advice(assistant)]
    if not folders and alone:
        warnings.append(Problem(ASSISTANTS, "no assistant is declared; make assistants/<key>/assistant.toml"))
    # A mistake in a shared part is found once per assistant that includes it.
    found = tuple(assistants), tuple(dict.fromkeys(problems)), tuple(warnings)
    return Loaded(there, *found, layers, parts, shared)


@dataclass
class _Reader:
    """Reads one assistant after another; `problems`, `numbers` and `texts` (of prompts, by key) grow."""

    project: Project
    layers: Environment
    parts: Mapping[str, str]
    prompts: Prompts | None
    shared: Mapping[str, Document]
    problems: list[Problem]
    numbers: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def assistant(self, folder: Path) -> Assistant | None:
        """The assistant in `folder`; None if anything is wrong with it."""
        before = len(self.problems)
        found = self._assistant(folder)
        self.problems[before:] = [self.layers.placed(folder.name, one) for one in self.problems[before:]]
        return found

    def _assistant(self, folder: Path) -> Assistant | None:
        before = len(self.problems)
        key, where = folder.name, f"assistants/{folder.name}/assistant.toml"
        if what := _no_key(key):
            self.problems.append(Problem(f"assistants/{key}", what))
            return None
        table = self._table(folder, where)
        declared = self._declared(table, key, where) if table is not None else None
        if len(self.problems) > before:
            declared = None
        variables = self._variables(key, declared)
        prompt = self._prompt(folder, variables)
        knowledge = AssistantKnowledge(folder, self.project.root, self.shared, self.problems)
        documents = knowledge.documents(*_knowledge(declared))
        tests = agent_tests.agent_tests(folder, self.project.root, self.problems)
        if declared is None or table is None:
            return None
        for number in declared.phone.numbers:
            self.numbers.setdefault(number, []).append(where)
        rest = {
            "key": key,
            "where": where,
            # A missing prompt is reported already; the rest is checked all the same.
            "prompt": prompt or "-",
            "first_message": self._rendered(declared.first_message, where, variables, inside="first_message"),
            "language_presets": self._presets(declared, where, variables),
            "knowledge": documents,
            "tests": tests,
            "source": self._origin(folder, table, knowledge, agent_tests.digests(tests)),
        }
        own = {name: value for name, value in declared if name in _DECLARED}
        try:
            assistant = Assistant.model_validate({**own, **rest})
        except ValidationError as error:
            self.problems += problems_of(error, where, Assistant)
            return None
        return assistant if len(self.problems) == before else None

    def _table(self, folder: Path, where: str) -> dict[str, Any] | None:
        """assistant.toml as it is, with its raw settings as JSON values."""
        try:
            table = read_toml(folder / "assistant.toml", where, self.project.root)
        except Unreadable as error:
            self.problems.append(error.problem)
            return None
        self.problems += misplaced(table, where)
        if "elevenlabs" in table:
            table = {**table, "elevenlabs": raw_settings(table["elevenlabs"], where, "", self.problems)}
        return table

    def _declared(self, table: Mapping[str, Any], key: str, where: str) -> AssistantFile | None:
        """The table between the layers of project and environment."""
        try:
            return AssistantFile.model_validate(self.layers.laid(self.project.defaults, key, table))
        except ValidationError as error:
            self.problems += problems_of(error, where, AssistantFile)
            return None

    def _origin(
        self, folder: Path, table: Mapping[str, Any], knowledge: AssistantKnowledge, tests: Mapping[str, str]
    ) -> dict[str, str]:
        """What the files say for every environment alike; of no use where there is only one."""
        if not self.project.environments:
            return {}
        base = Environment("").laid(self.project.defaults, folder.name, table)
        if any(self.layers.decides(folder.name, (name,)) for name in ("knowledge", "shared_knowledge")):
            knowledge = AssistantKnowledge(folder, self.project.root, self.shared, [])
            knowledge.documents(entries_of(base), base.get("shared_knowledge") is not False)
        files = {**knowledge.files, **tests}
        return origin(base, self.texts.get(folder.name, ""), self.parts, self.project.variables, files)

    def _variables(self, key: str, declared: AssistantFile | None) -> dict[str, Any]:
        name, language = (declared.name, declared.language) if declared else (key, "en")
        return {
            **self.project.variables,
            **self.layers.vars,
            "assistant": {"key": key, "name": name, "language": language},
        }

    def _presets(self, declared: AssistantFile, where: str, variables: dict[str, Any]) -> dict[str, LanguagePreset]:
        return {
            language: self._preset(preset, where, variables, f"language_presets.{language}")
            for language, preset in declared.language_presets.items()
        }

    def _preset(self, preset: LanguagePreset, where: str, variables: dict[str, Any], path: str) -> LanguagePreset:
        texts = {"first_message": preset.first_message, "prompt": preset.prompt}
        rendered = {
            name: self._rendered(text, where, variables, inside=f"{path}.{name}") for name, text in texts.items()
        }
        return preset.model_copy(update=rendered)

    def _prompt(self, folder: Path, variables: dict[str, Any]) -> str | None:
        where = f"assistants/{folder.name}/prompt.md"
        before = len(self.problems)
        try:
            text = read_text(folder / "prompt.md", where, self.project.root)
        except Unreadable as error:
            self.problems.append(error.problem)
            return None
        self.texts[folder.name] = text
        rendered = self._rendered(text, where, variables)
        if len(self.problems) == before and not (rendered or "").strip():
            self.problems.append(Problem(where, "is empty"))
        return rendered.strip() if rendered else None

    def _rendered(self, text: str | None, where: str, variables: dict[str, Any], inside: str = "") -> str | None:
        if text is None or self.prompts is None:
            return text
        try:
            return self.prompts.render(text, where, variables, inside=inside)
        except Unreadable as error:
            self.problems.append(error.problem)
            return None


def _no_key(name: str) -> str:
    """Why a folder of this name is no assistant's; empty where it may be one's."""
    if not KEY.fullmatch(name):
        return f"the folder's name is the assistant's key: at most 63 of a-z, 0-9, - and _, like {slug(name)[:63]!r}"
    if name == RESERVED:
        return f"no assistant can have the key {name!r}, under which stands what belongs to all: rename the folder"
    return ""


def _knowledge(declared: AssistantFile | None) -> tuple[Sequence[KnowledgeEntry] | None, bool]:
    return (declared.knowledge, declared.shared_knowledge) if declared else (None, True)


def _shared_parts(root: Path, problems: list[Problem]) -> dict[str, str]:
    """The prompt parts in shared/, at any depth but not in shared/knowledge, by the name that includes them."""
    parts: dict[str, str] = {}
    waiting = entries_in(root / "shared", "shared", root, problems)
    while waiting:
        path = waiting.pop()
        where = path.relative_to(root).as_posix()
        if where == SHARED:
            continue
        if path.is_dir() and not path.is_symlink():
            waiting += entries_in(path, where, root, problems)
        elif path.suffix.lower() not in TEXT_ENDINGS:
            problems.append(Problem(where, "cannot be a prompt part: its name must end in .md or .txt"))
        else:
            try:
                parts[where] = read_text(path, where, root)
            except Unreadable as error:
                problems.append(error.problem)
    return parts
