"""Make a product's table a source of assistants: guess which column is what, add the columns that are written back."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import ValidationError

from agentctl.errors import ConfigurationError, Problem, Stale, StoreError, UsageError
from agentctl.settings import nearest
from agentctl.sources.mapping import SECTION, SourceTable
from agentctl.sources.problems import located
from agentctl.sources.project import FILENAME, Project, find, read_project
from agentctl.sources.pulled import Rewrite, replace
from agentctl.sources.rewrite import keeping_ends
from agentctl.sources.table.anothers import another
from agentctl.sources.table.proposed import mapping, unmapped
from agentctl.sources.table.rights import granted, unwritable
from agentctl.sources.table.rows import Told
from agentctl.sources.table.written_back import unfit
from agentctl.sources.tables import text_of
from agentctl.wiring import Control

_SAMPLES = 50
_VOICES = (
    "\n# What voices are called elsewhere, and their ids in ElevenLabs' voice library:\n"
    '# [source.table.voices]\n# "Polly.Vicki" = "cjVigY5qzO86Huf0OWal"\n'
)


@dataclass(frozen=True)
class Adoption:
    """What there is to do. `section`: the TOML that agentctl.toml lacks, empty where it maps the table already.

    `statements`: the SQL that the database lacks. `asked`: what makes it. `notes`: what nobody but a
    person can do.
    """

    table: str
    section: str
    mapping: Mapping[str, Any]
    statements: tuple[str, ...]
    asked: Mapping[str, Any] = field(repr=False)
    notes: tuple[Problem, ...] = ()

    @property
    def nothing_to_do(self) -> bool:
        """Whether the table is a source already."""
        return not self.section and not self.statements


async def look(control: Control, table: str) -> Adoption:
    """What it takes to have `table` (or a view) declare assistants. Writes nothing; of its values only shapes are seen.

    Raises ConfigurationError for an unusable agentctl.toml, or a table that another environment is synced from,
    UsageError for one that is not there, or beside another one that is the source already, and StoreError.
    """
    project = _project(control)
    asked = _source({"table": table})
    store = await control.store()
    if holder := await another(store, asked, control.scope):
        raise ConfigurationError([holder.problem(control.scope)], "Nothing was changed.")
    async with granted(store, asked):
        told = await store.call("source_columns", {**asked.named, **asdict(control.scope), "sample": _SAMPLES})
        told |= {"refers": await store.call("source_references", asked.named)}
    if "columns" not in told:
        near = nearest(table, told["tables"])
        hint = f"Did you mean {near}?" if near else f"There are: {', '.join(told['tables']) or 'none'}."
        raise UsageError(f"there is no table or view {table!r}", hint)
    declared = project.table
    if declared is not None and declared.named != asked.named:
        raise UsageError(
            f"{FILENAME} has {declared.table} as its source already", "One table or view declares assistants."
        )
    guessed = {} if declared else mapping(table, told)
    source = declared or _source(guessed)
    names = [str(one["name"]) for one in told["columns"]]
    lacking = {column: _type(name) for name, column in source.wanted.items() if column not in names}
    sql = _wanted(control, source, {} if told["view"] else lacking, is_view=told["view"])
    statements = (await store.call("adopt_source", sql))["statements"]
    known = Told(told, refused=await unwritable(store, source, names, Told(told).writable))
    notes = [*source.problems(FILENAME, known.types), *unmapped(source, told), *_notes(table, source, known, lacking)]
    section = "" if declared else f"{text_of({'source': {'table': guessed}})}{_VOICES if 'voice' in guessed else ''}"
    return Adoption(table, section, guessed, tuple(statements), sql, tuple(notes))


def _notes(table: str, source: SourceTable, told: Told, lacking: Mapping[str, str]) -> Iterator[Problem]:
    """What nobody but a person can do about the table itself."""
    where = f"{'view' if told.columns['view'] else 'table'} {table}"
    if told.withheld:
        yield Problem(where, told.withheld)
    for why in unfit(source, told.columns):
        yield Problem(where, why)
    if told.hiding:
        yield Problem(where, f"{told.hiding}, and no sync goes by it; {told.remedy}")
    if loose := told.loose(source):
        yield Problem(where, loose)
    for open_to in told.exposed:
        yield Problem(where, open_to)
    if not told.columns["view"]:
        return
    if lacking:
        what = f"is a view, which has to pass on {', '.join(lacking)} of its table: without them no row is told"
        yield Problem(where, what)
    if not told.columns["watched"]:
        what = (
            "is a view: changes wait for a sync unless the tables that it shows are watched (README: Changes that flow)"
        )
        yield Problem(where, what)


def _wanted(control: Control, source: SourceTable, lacking: Mapping[str, str], *, is_view: bool) -> dict[str, Any]:
    """What `adopt_source` is asked for. A view has no triggers: whoever wants its changes watches its tables."""
    tenant = source.places.get("tenant", ())
    return {
        **source.named,
        "key": source.key_column,
        "lacking": lacking,
        "watched": None if is_view else source.columns,
        "tenant": tenant[0] if len(tenant) == 1 else None,
        "project": control.scope.project,
        "environment": control.scope.environment,
    }


async def adopt(control: Control, found: Adoption) -> None:
    """Do it: the columns first, then agentctl.toml. Whoever calls this has a yes.

    Raises StoreError where the database does not let us, ConfigurationError where the mapping lacks something or the
    file cannot be written, Stale where that was edited meanwhile.
    """
    if missing := [note for note in found.notes if note.where.startswith(FILENAME)]:
        raise ConfigurationError(missing, f"Nothing was changed. Write [{SECTION}] by hand, then run this again.")
    if found.statements:
        try:
            await (await control.store()).call("adopt_source", {**found.asked, "apply": True}, timeout=60.0)
        except StoreError as error:
            raise StoreError(
                f"{error.message}; nothing was changed",
                "Run the SQL as the table's owner (in Supabase: the SQL editor), or set DATABASE_URL to the owner's "
                "address. Then run this again for the rest.",
            ) from None
    if found.section and (rewrite := await asyncio.to_thread(_appended, control, found)):
        await asyncio.to_thread(replace, [rewrite])


def _appended(control: Control, found: Adoption) -> Rewrite | None:
    """agentctl.toml with the section; None where somebody else has added the same meanwhile. Raises Stale."""
    path, section = control.directory / FILENAME, found.section
    before = path.read_bytes().decode()
    if (declared := _project(control).table) is not None:
        if declared.named == _source({"table": found.table}).named:
            return None
        raise Stale(f"{FILENAME} has {declared.table} as its source by now; nothing was written there", "Run it again.")
    after = keeping_ends(before, lambda text: f"{text.rstrip()}\n\n{section}")
    was, now = tomllib.loads(before.removeprefix("\ufeff")), tomllib.loads(after.removeprefix("\ufeff"))
    if now != {**was, **tomllib.loads(section)}:
        raise ConfigurationError([Problem(located(FILENAME, SECTION), "cannot be added; write it by hand")])
    return Rewrite(path, FILENAME, before, after)


def _project(control: Control) -> Project:
    project, problems = read_project(find(control.directory))
    if project is None or problems:
        raise ConfigurationError(problems, "Nothing was changed. Correct these and run it again.")
    return project


def _source(table: Mapping[str, Any]) -> SourceTable:
    try:
        return SourceTable.model_validate(table)
    except ValidationError:
        raise UsageError(
            f"{table['table']!r} is no name of a table", 'Write "assistants" or "schema.assistants".'
        ) from None


def _type(name: str) -> str:
    return "timestamptz" if name == "synced_at" else "text"
