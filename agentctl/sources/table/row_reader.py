"""Rows of the source table become assistants. Their texts are literal; what is wrong with one is its own problem."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from agentctl.errors import Problem
from agentctl.resources.assistant import KEY, RESERVED, Assistant, Document
from agentctl.resources.language_presets import LanguagePreset
from agentctl.resources.part import OPERATOR
from agentctl.sources.assistant_file import AssistantFile, KnowledgeEntry, misplaced
from agentctl.sources.environment import Environment
from agentctl.sources.knowledge import slug
from agentctl.sources.loaded import Loaded
from agentctl.sources.mapping import SourceTable
from agentctl.sources.origin import origin
from agentctl.sources.problems import located, problems_of
from agentctl.sources.project import Project
from agentctl.sources.prompt import MAX_CHARACTERS, Prompts
from agentctl.sources.raw import raw_settings
from agentctl.sources.row import Row, place
from agentctl.sources.table.knowledge import entries
from agentctl.sources.table.values import Unusable, table_of
from agentctl.sources.toml import Unreadable, is_too_deep, unfit
from agentctl.sync.diff import overlaid

_AGENT_ID = re.compile(r"^[A-Za-z0-9_-]{1,100}$")
_DECLARED = frozenset(AssistantFile.model_fields) & frozenset(Assistant.model_fields)


class RowReader:
    """Reads one row after another, between the layers of the project and of the environment, as files are read."""

    def __init__(self, loaded: Loaded, source: SourceTable, prompts: Prompts) -> None:
        self._project: Project = loaded.project
        self._layers = loaded.layers or Environment("")
        self._shared, self._parts = loaded.shared, loaded.parts
        self._source, self._prompts = source, prompts
        self._under = overlaid(loaded.project.defaults, loaded.project.table_defaults)

    def row(self, found: Mapping[str, Any], bound: Collection[str]) -> Row:
        """One as the store has told it: `key`, `rows` (how many have it) and `values`. `bound`: keys with an agent."""
        key, values = str(found["key"]), found["values"]
        where = place(self._source, key)
        told = {name: one for name in ("agent_id", "phone_number_id", "error") if (one := _text(values.get(name)))}
        if values.get("enabled") is False and "agent_id" not in told and key not in bound:
            return Row(key, where, dormant=True, told=told, tenant=self._tenant(values, where, []))
        problems = list(self._about_key(found, where))
        try:
            assistant = self._assistant(key, where, values, problems)
        except Unusable as error:
            problems.append(Problem(located(where, error.at), error.what))
            assistant = None
        placed = tuple(self._source.placed(one, where) for one in dict.fromkeys(problems))
        whose = self._tenant(values, where, [])
        return Row(key, where, None if problems else assistant, placed, told=told, tenant=whose)

    def _tenant(self, values: Mapping[str, Any], where: str, problems: list[Problem]) -> str:
        return _tenant(values, where, problems) if "tenant" in self._source.places else OPERATOR

    def _about_key(self, found: Mapping[str, Any], where: str) -> Iterator[Problem]:
        key, column = str(found["key"]), self._source.key_column
        if found["rows"] > 1:
            yield Problem(located(where, column), f"{found['rows']} rows have this key; it has to be unique")
        if not KEY.fullmatch(key) or key == RESERVED:
            what = "cannot be the key of an assistant: at most 63 of a-z, 0-9, - and _"
            yield Problem(located(where, column), what if key != RESERVED else f"{what}, and not {RESERVED!r}")

    def _assistant(self, key: str, where: str, values: Mapping[str, Any], problems: list[Problem]) -> Assistant | None:
        if is_too_deep(dict(values)):
            raise Unusable("", "is nested too deep")
        problems += [Problem(located(where, str(at[0])), what) for at, what in unfit(dict(values))]
        own = table_of(values, self._source)
        if "elevenlabs" in own:
            own["elevenlabs"] = raw_settings(own["elevenlabs"], where, "", problems)
        problems += misplaced(own, where)
        own["knowledge"] = entries(values.get("knowledge"), self._knowledge_name())
        laid = self._layers.laid(self._under, key, own)
        if not own["knowledge"]:
            laid["knowledge"] = self._layers.laid(self._under, key, {}).get("knowledge", [])
        prompt = _prompt(values.get("prompt"), where, problems)
        tenant = self._tenant(values, where, problems)
        enabled, agent_id = _enabled(values.get("enabled"), where, problems), _agent_id(values, where, problems)
        try:
            declared = AssistantFile.model_validate(laid)
        except ValidationError as error:
            problems += problems_of(error, where, AssistantFile)
            return None
        rest = {
            "key": key,
            "where": where,
            "tenant": tenant,
            "enabled": enabled,
            "agent_id": agent_id,
            "prompt": prompt or "-",
            "knowledge": self._documents(key, where, declared, problems),
            "source": self._origin(key, own, prompt),
            **self._texts(key, where, own, declared, problems),
        }
        try:
            return Assistant.model_validate({**{n: v for n, v in declared if n in _DECLARED}, **rest})
        except ValidationError as error:
            problems += problems_of(error, where, Assistant)
            return None

    def _texts(
        self, key: str, where: str, own: Mapping[str, Any], declared: AssistantFile, problems: list[Problem]
    ) -> dict[str, Any]:
        """First message and presets: as the row says them, or rendered where the project's files do."""
        about = {"key": key, "name": declared.name, "language": declared.language}
        variables = {**self._project.variables, **self._layers.vars, "assistant": about}

        def text(said: str | None, *path: str) -> str | None:
            literal: Any = own
            for name in path:
                literal = literal.get(name) if isinstance(literal, Mapping) else None
            if said is None or (literal is not None and not self._layers.decides(key, path)):
                return said
            try:
                return self._prompts.render(said, where, variables, inside=".".join(path))
            except Unreadable as error:
                problems.append(error.problem)
                return None

        def preset(code: str, one: LanguagePreset) -> LanguagePreset:
            at = ("language_presets", code)
            first, prompt = text(one.first_message, *at, "first_message"), text(one.prompt, *at, "prompt")
            return one.model_copy(update={"first_message": first, "prompt": prompt})

        presets = {code: preset(code, one) for code, one in declared.language_presets.items()}
        return {"first_message": text(declared.first_message, "first_message"), "language_presets": presets}

    def _documents(
        self, key: str, where: str, declared: AssistantFile, problems: list[Problem]
    ) -> tuple[Document, ...]:
        """Those of the row, then the shared ones. A row names no file: it is not the project's author who writes it."""
        own: dict[str, Document] = {}
        for index, entry in enumerate(declared.knowledge):
            at = located(where, f"knowledge[{index}]")
            if entry.file is not None:
                problems.append(Problem(at, "names a file, which no row can have"))
                continue
            document = _document(key, entry)
            if document.key in own:
                problems.append(Problem(at, f"has the same name as another one ({document.name!r})"))
            own[document.key] = document
        return (*own.values(), *(self._shared.values() if declared.shared_knowledge else ()))

    def _origin(self, key: str, own: Mapping[str, Any], prompt: str) -> dict[str, str]:
        if not self._project.environments:
            return {}
        base = Environment("").laid(self._under, key, own)
        return origin(base, prompt, self._parts, {}, {})

    def _knowledge_name(self) -> str:
        return self._source.places.get("knowledge", ("knowledge",))[-1]


def _document(key: str, entry: KnowledgeEntry) -> Document:
    assert entry.name is not None
    name = f"{key}/{slug(entry.name)}"
    return Document(key=name, name=entry.name, usage=entry.usage, text=entry.text, url=entry.url)


def _prompt(value: Any, where: str, problems: list[Problem]) -> str:
    what = ""
    if value is None or (isinstance(value, str) and not value.strip()):
        what = "is missing"
    elif not isinstance(value, str):
        what = "must be text"
    elif len(value) > MAX_CHARACTERS:
        what = f"must be at most {MAX_CHARACTERS} characters long (got {len(value)})"
    if what:
        problems.append(Problem(located(where, "prompt"), what, kind="missing" if what == "is missing" else ""))
        return ""
    return str(value).replace("\r\n", "\n").strip()


def _tenant(values: Mapping[str, Any], where: str, problems: list[Problem]) -> str:
    """Never somebody else's by accident: a row that does not say whose it is belongs to nobody."""
    value = values.get("tenant")
    if isinstance(value, int | str) and not isinstance(value, bool) and str(value).strip():
        return str(value).strip()
    problems.append(Problem(located(where, "tenant"), "is missing"))
    return OPERATOR


def _enabled(value: Any, where: str, problems: list[Problem]) -> bool:
    if value is None or isinstance(value, bool):
        return value is not False
    problems.append(Problem(located(where, "enabled"), "must be true or false"))
    return True


def _agent_id(values: Mapping[str, Any], where: str, problems: list[Problem]) -> str | None:
    named = _text(values.get("agent_id"))
    if named is None or _AGENT_ID.fullmatch(named):
        return named
    problems.append(Problem(located(where, "agent_id"), "is no id of an agent; empty it to have one made"))
    return None


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
