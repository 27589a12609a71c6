"""agentctl.toml: the project's name, mail recipients, variables of prompts, and defaults for all assistants.

What it says of environments is read by `environment.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from agentctl.errors import ConfigurationError, Problem
from agentctl.resources.assistant import (
    KEY,
    Language,
    Llm,
    MailAddress,
    Outcomes,
    Part,
    PostCall,
    TimeZone,
    Voice,
)
from agentctl.resources.knowledge_base import KnowledgeBase, Rag
from agentctl.secrecy.variable import secrets_of
from agentctl.sources.mapping import SECTION, SourceTable
from agentctl.sources.problems import problems_of
from agentctl.sources.raw import raw_settings
from agentctl.sources.sections import Sections
from agentctl.sources.sink import SinkTable
from agentctl.sources.toml import Unreadable, read_toml
from agentctl.sync.diff import overlaid

FILENAME = "agentctl.toml"
GATE_TIMEOUT = f"[sync] gate_timeout in {FILENAME}"
AUDIT_DAYS = 730
# Prompts know these names already.
RESERVED_VARIABLES = frozenset({"assistant"})


@dataclass(frozen=True)
class Project:
    """A project's own settings. `defaults` is raw, in the form of an assistant.toml, and lies under each of them.

    `environment` is the one that is meant where nobody names one; `environments` are the raw tables of all.
    `gate`: whether a sync is gated unless its caller says otherwise; `gate_timeout`: for how many seconds a gate waits
    for the results of an assistant's tests. `retention`: for how many days what callers said is kept, by sort. `table`:
    where assistants are declared besides the files, with what lies under each row as `table_defaults`, raw.
    `sink`: the product's own table in which calls stand, too. `left_table`: the table that others of its environments
    are synced from, where this one is not.
    """

    name: str
    root: Path
    environment: str = "production"
    variables: Mapping[str, Any] = field(default_factory=dict)
    mail_to: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    environments: Mapping[str, Any] = field(default_factory=dict)
    gate: bool = False
    gate_timeout: float = 300.0
    retention: Mapping[str, int | None] = field(default_factory=dict)
    table: SourceTable | None = None
    table_defaults: Mapping[str, Any] = field(default_factory=dict)
    sink: SinkTable | None = None
    left_table: SourceTable | None = None

    def of(self, environment: str | None) -> Project:
        """The project as that environment has it; None: its default one."""
        name = environment or self.environment
        own = self.environments.get(name)
        if isinstance(own, Mapping) and own.get("table") is False:
            return replace(self, environment=name, table=None, left_table=self.table)
        return replace(self, environment=name)

    def secrets(self) -> Iterator[Any]:
        """Every secret among the variables: the project's, and those of each environment, whichever is meant.

        What one environment has of another by mistake is shown by neither, nor is what a variable of the same name
        stands in for.
        """
        yield from secrets_of(self.variables)
        for table in self.environments.values():
            own = table.get("vars") if isinstance(table, Mapping) else None
            yield from secrets_of(own) if isinstance(own, Mapping) else ()


def home(start: Path) -> tuple[Path, bool]:
    """The directory of the project that holds `start`; `start` itself and False where there is none."""
    try:
        return find(start).parent, True
    except ConfigurationError:
        return start, False


def find(start: Path) -> Path:
    """The nearest agentctl.toml in `start` or above, a file or not: whoever reads it tells what is wrong with it.

    Raises ConfigurationError if there is none.
    """
    start = start.resolve()
    for directory in (start, *start.parents):
        if (directory / FILENAME).exists():
            return directory / FILENAME
    raise ConfigurationError(
        [Problem(FILENAME, f"not found in {start} or above")],
        hint="Run this inside a project, name it with -C DIR, or write a new one with: agentctl init",
    )


def read_project(file: Path) -> tuple[Project | None, list[Problem]]:
    """The Project in `file` and its problems. With problems, what is usable of it, so that checking can go on.

    None if not even its variables are known.
    """
    root = file.parent.resolve()
    try:
        table = read_toml(file, FILENAME, root)
    except Unreadable as error:
        return None, [error.problem]
    problems: list[Problem] = []
    defaults = _in_json(table, "defaults.", problems)
    source = table.get("source")
    rows = source.get("table") if isinstance(source, dict) else None
    under = _in_json(rows, f"{SECTION}.defaults.", problems) if isinstance(rows, dict) else None
    try:
        declared = _ProjectFile.model_validate(table)
    except ValidationError as error:
        problems += problems_of(error, FILENAME, _ProjectFile)
        tables = [table.get(name) for name in ("vars", "environments")]
        variables, environments = (one if isinstance(one, dict) else {} for one in tables)
        there = Project("", root, variables=variables, environments=environments, mail_to=_whom_to_tell(table))
        return there, problems
    return _project(declared, defaults or {}, under or {}, root), problems


def _in_json(table: dict[str, Any], prefix: str, problems: list[Problem]) -> Any:
    """The table's `defaults`, with their [elevenlabs] as JSON values; from now on they are so in it, too."""
    defaults = table.get("defaults")
    if isinstance(defaults, dict) and "elevenlabs" in defaults:
        defaults = {**defaults, "elevenlabs": raw_settings(defaults["elevenlabs"], FILENAME, prefix, problems)}
        table["defaults"] = defaults
    return defaults


def _whom_to_tell(table: Mapping[str, Any]) -> tuple[MailAddress, ...]:
    """[mail] to of a file in which something is wrong: of that, too, they are to hear."""
    try:
        return _Mail.model_validate(table.get("mail", {})).to
    except ValidationError:
        return ()


def read_alone(directory: Path, environment: str | None) -> tuple[Project, bool]:
    """The Project that `directory` is in, in that environment (None: its default), and whether it is sound.

    Of one that is not, what is usable, and no name if its keys are wrong. Raises ConfigurationError if there is none.
    """
    file = find(directory)
    project, problems = read_project(file)
    project = project or Project(name="", root=file.parent)
    return project.of(environment), not problems


def _project(declared: _ProjectFile, defaults: Mapping[str, Any], under: Mapping[str, Any], root: Path) -> Project:
    digest = declared.digest.model_dump(exclude_none=True, mode="json")
    post_call = {"mail_to": list(declared.mail.to)} | {_IN_POST_CALL.get(key, key): digest[key] for key in digest}
    return Project(
        name=declared.project,
        root=root,
        environment=declared.environment,
        variables=declared.vars,
        mail_to=declared.mail.to,
        defaults=overlaid({"post_call": post_call}, defaults),
        environments=declared.environments,
        gate=declared.sync.gate,
        gate_timeout=declared.sync.gate_timeout,
        retention=declared.retention.model_dump(),
        table=declared.source.table,
        table_defaults=under,
        sink=declared.sink.table,
    )


def _key(name: str) -> str:
    if not KEY.fullmatch(name):
        raise ValueError("must be at most 63 of a-z, 0-9, - and _, and begin with a letter or digit")
    return name


def usable_variables(table: dict[str, Any]) -> dict[str, Any]:
    """The table of variables, if prompts can name them all. Raises ValueError."""
    taken = sorted(RESERVED_VARIABLES & table.keys())
    if taken:
        raise ValueError(f"{taken[0]!r} cannot be a variable: [[assistant.name]] and the like are there already")
    unusable = sorted(name for name in table if not name.isidentifier())
    if unusable:
        raise ValueError(f"{unusable[0]!r} cannot be a variable: use letters, digits and _, as in [[company_name]]")
    return table


class _Mail(Part):
    to: tuple[MailAddress, ...] = ()


class _Digest(Part):
    language: Language | None = None
    action_items: bool | None = Field(None, strict=True)
    outcomes: Outcomes | None = None
    timezone: TimeZone | None = None


_IN_POST_CALL = {"language": "summary_language"}  # what [digest] calls otherwise than [post_call] of an assistant


class _Sync(Part):
    gate: bool = Field(False, strict=True)
    gate_timeout: float = Field(300.0, ge=1, le=86_400, strict=True, allow_inf_nan=False)


_Days = Annotated[int, Field(ge=1, le=36_500, strict=True)]


class _Retention(Part):
    transcripts: _Days | None = None
    audio: _Days | None = None
    raw_events: _Days | None = None
    audit: Annotated[int, Field(ge=31, le=36_500, strict=True)] = AUDIT_DAYS


class _Sink(Part):
    table: SinkTable | None = None


class _Source(Part):
    table: SourceTable | None = None


class Defaults(Sections):
    """What `[defaults]` may say of every assistant."""

    language: Language | None = None
    first_message: str | None = None
    llm: Llm = Llm()
    voice: Voice = Voice()
    knowledge_base: KnowledgeBase = KnowledgeBase()
    rag: Rag = Rag()
    post_call: PostCall = PostCall()
    elevenlabs: dict[str, Any] = Field({})


class _ProjectFile(Part):
    project: Annotated[str, AfterValidator(_key)]
    environment: Annotated[str, AfterValidator(_key)] = "production"
    vars: Annotated[dict[str, Any], AfterValidator(usable_variables)] = Field({})
    mail: _Mail = _Mail()
    digest: _Digest = _Digest()
    sync: _Sync = _Sync()
    retention: _Retention = _Retention()
    sink: _Sink = _Sink()
    defaults: Defaults = Defaults()
    source: _Source = _Source()
    environments: dict[str, Any] = Field({})
