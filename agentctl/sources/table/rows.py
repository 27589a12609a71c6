"""The rows of the source table beside the files: read page by page, each by itself, then all of them together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from agentctl.errors import Problem, StoreError
from agentctl.resources import agent
from agentctl.settings import nearest
from agentctl.sources.advice import advice
from agentctl.sources.environment import read_environments, strangers
from agentctl.sources.loaded import Loaded
from agentctl.sources.mapping import SECTION, SourceTable
from agentctl.sources.problems import located
from agentctl.sources.project import FILENAME
from agentctl.sources.prompt import Prompts
from agentctl.sources.row import Row, Rows
from agentctl.sources.table.anothers import another, theirs
from agentctl.sources.table.claims import settled
from agentctl.sources.table.rights import Unwritable, granted, unwritable
from agentctl.sources.table.row_reader import RowReader
from agentctl.sources.table.succession import Holder
from agentctl.sources.table.variables import unset
from agentctl.sources.table.written_back import lacking, unfit, writable
from agentctl.sources.together import lost_transfers
from agentctl.sqlstates import said
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Scope

_PAGE = 200  # rows; each may hold a long prompt and all its knowledge
_SECONDS = 60.0


@dataclass(frozen=True)
class Told:
    """What the store has told of a table: its columns, its rows as they are, how many of them have no key.

    `bound`: the agent of each key; `owners`: of each key with an agent that its row does not name, the tenant whose
    that agent is. `refused`: what may not be written back. `holders`: by number, the assistant that has it. `anothers`:
    why it is the source of another environment; None where it is this one's, or nobody's yet. `theirs`: agents of
    other environments that rows without one name.
    """

    columns: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]] = ()
    nameless: int = 0
    bound: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    refused: Unwritable = field(default_factory=dict)
    holders: Mapping[str, Holder] = field(default_factory=dict)
    anothers: Problem | None = None
    theirs: Collection[str] = ()

    @property
    def withheld(self) -> str:
        """Which columns may not be written back into though they are there; empty where each may be."""
        if not self.refused:
            return ""
        columns, grant = ", ".join(self.refused["columns"]), self.refused["write"]
        return f"{self.refused['caller']} may not write {columns}; as the table's owner: {grant}" if columns else ""

    @property
    def hiding(self) -> str:
        """Why a row that is there may not be seen; empty where each is."""
        return f"row-level security may hide rows of it from {self.columns['reader']}" if self._hides else ""

    @property
    def remedy(self) -> str:
        """What has each row seen; empty where that is so."""
        return f"as an administrator: alter role {self.columns['reader']} bypassrls" if self._hides else ""

    @property
    def _hides(self) -> bool:
        return bool(self.columns.get("hiding"))

    def loose(self, source: SourceTable) -> str:
        """Why a row may come to the key of another one; empty where none can, or where a view does not tell."""
        column = source.key_column
        if self.columns["view"] or column in self.columns["unique"]:
            return ""
        return f"its key, column {column}, has no unique index: whoever may write a row can give it another one's key"

    @property
    def exposed(self) -> Iterator[str]:
        """Whom no row-level security keeps from writing or reading what it shows, each with what does."""
        for one in self.columns["open"]:
            relation, writers, readers = (one[name] or () for name in ("relation", "writers", "readers"))
            may = [f"{' and '.join(writers)} may write it"] if writers else []
            may += ["anon, which is anybody, may read it"] if readers else []
            shut = f"alter table {relation} enable row level security, and policies for who may"
            if one["view"]:
                rights = "all" if readers else "insert, update, delete"
                shut = f"revoke {rights} on {relation} from {', '.join(sorted({*writers, *readers}))}"
            yield f"no row-level security keeps users from {relation}: {', '.join(may)}; {shut}"

    @property
    def types(self) -> dict[str, str]:
        """By the name of each column what it holds; empty where there is no such table."""
        return {str(column["name"]): str(column["type"]) for column in self.columns.get("columns", ())}

    @property
    def names(self) -> list[str]:
        """Of all columns; empty where there is no such table."""
        return [*self.types]

    @property
    def writable(self) -> list[str]:
        """Of those that may be written."""
        return [str(column["name"]) for column in self.columns.get("columns", ()) if column["writable"]]


async def ask(store: Store, source: SourceTable, scope: Scope) -> Told:
    """All that is in the table, if the mapping fits it. Raises StoreError, also where some of it may be hidden."""
    async with granted(store, source):
        return await _all(store, source, scope)


async def _all(store: Store, source: SourceTable, scope: Scope) -> Told:
    columns = await store.call("source_columns", {**source.named, **asdict(scope), "watching": source.columns})
    told = Told(columns)
    if holder := await another(store, source, scope):
        return replace(told, anothers=holder.problem(scope))
    if misfits(source, told):
        return told
    if told.hiding:  # what is not seen would count as deleted
        what = f"table {source.table} is not seen as a whole: {told.hiding}"
        raise StoreError(what, f"{told.remedy[0].upper()}{told.remedy[1:]}. Then run this again.")
    asked = asking(source, told)
    rows: list[Mapping[str, Any]] = []
    nameless = 0
    page: Mapping[str, Any] = {"rows": ()}
    while not rows or len(page["rows"]) == _PAGE:
        after = rows[-1]["key"] if rows else ""
        page = await store.call("source_rows", {**asked, "after": after}, timeout=_SECONDS)
        rows += page["rows"]
        nameless += page["nameless"]
        if not page["rows"]:
            break
    rows.sort(key=lambda row: str(row["key"]))  # as files are listed, whatever the key's type and the store's collation
    bound = await store.call("bound_ids", {**asdict(scope), "kind": agent.KIND})
    there = await settling(store, scope, rows, bound)
    owners = await owning(store, scope, rows, bound)
    refused = await unwritable(store, source, told.names, told.writable)
    loose = {row["values"].get("agent_id") for row in there if row["key"] not in bound} - {None}
    others = await theirs(store, scope, loose)
    return Told(columns, there, nameless, bound, owners, refused, await holding(store, scope), theirs=others)


async def holding(store: Store, scope: Scope, numbers: Sequence[str] | None = None) -> dict[str, Holder]:
    """By number, of these or of all, the assistant that was made to have it ring, now or last. Raises StoreError."""
    asked = {**asdict(scope), **({} if numbers is None else {"numbers": list(numbers)})}
    found = await store.call("whose_numbers", asked)
    return {number: Holder(one["key"], one["tenant"]) for number, one in found.items()}


async def tell(store: Store, rows: Rows, told: Sequence[Mapping[str, Any]], scope: Scope | None = None) -> None:
    """Write into rows what became of them: `told` has a `key` and what is told of each; the rest stays.

    With `scope`, a row that is told to be synced ends what waits for that there. Raises StoreError, where the table
    refuses it with what that is about.
    """
    asked = {**rows.source.named, "key": rows.source.key_column, "columns": rows.back, "rows": list(told)}
    if scope is not None:
        asked |= {"project": scope.project, "environment": scope.environment}
    answer = await store.call("report_synced", asked, timeout=_SECONDS)
    if trouble := answer.get("trouble"):
        what = f"table {rows.source.table} did not take what became of it: {said(trouble)}"
        raise StoreError(what, "Once the table is put right, the next sync tells it again.")


async def settling(
    store: Store, scope: Scope, rows: Sequence[Mapping[str, Any]], bound: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    """The rows, of which none names the agent that it had in another workspace of the project: a sync wrote that there.

    `bound`: key -> agent's id, in this workspace.
    """
    named = {row["key"]: row["values"].get("agent_id") for row in rows if row["key"] not in bound}
    left = await _elsewhere(store, scope, named)
    if not left:
        return list(rows)

    def here(row: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**row, "values": {**row["values"], "agent_id": None}} if row["key"] in left else row

    return [here(row) for row in rows]


async def owning(
    store: Store, scope: Scope, rows: Sequence[Mapping[str, Any]], bound: Mapping[str, str]
) -> Mapping[str, str]:
    """Whose the agents are of those keys of which the row does not name it, here or in any workspace of the project.

    `bound`: key -> agent's id, here. A row that names the agent which it has in another workspace is the one that was
    synced there.
    """
    named = {row["key"]: row["values"].get("agent_id") for row in rows}
    others = {key: agent_id for key, agent_id in named.items() if key not in bound or agent_id != bound[key]}
    keys = [*others.keys() - await _elsewhere(store, scope, others)]
    if not keys:
        return {}
    owners: Mapping[str, str] = await store.call("whose_agents", {**asdict(scope), "keys": keys})
    return owners


async def _elsewhere(store: Store, scope: Scope, named: Mapping[str, Any]) -> set[str]:
    """The keys of those rows that name the agent which they have in another workspace of the project."""
    ids = {key: agent_id for key, agent_id in named.items() if isinstance(agent_id, str) and agent_id}
    if not ids:
        return set()
    left = await store.call("bound_elsewhere", {**asdict(scope), "kind": agent.KIND, "ids": ids})
    return {key for key, agent_id in ids.items() if agent_id in left}


def asking(source: SourceTable, told: Told) -> dict[str, Any]:
    """What `source_rows` is to answer of each row: all that is mapped, and what was written back."""
    back = {name: column for name, column in source.back(told.names).items() if name != "synced_at"}
    fields = {**source.places, **{name: (column,) for name, column in back.items()}}
    return {**source.named, "key": source.key_column, "fields": fields, "limit": _PAGE}


def misfits(source: SourceTable, told: Told) -> list[Problem]:
    """Why nothing of the table can be this project's; empty where that is not so."""
    if told.anothers:
        return [told.anothers]
    if not told.names:
        near = nearest(source.table, told.columns["tables"])
        meant = f"did you mean {near!r}?" if near else "agentctl db adopt TABLE maps one"
        return [Problem(located(FILENAME, f"{SECTION}.table"), f"there is no table or view {source.table!r}, {meant}")]
    return list(source.problems(FILENAME, told.types))


def joined(loaded: Loaded, source: SourceTable, told: Told) -> Loaded:
    """The project as its files and its table declare it. A mapping that does not fit is a problem of the project's."""
    if problems := misfits(source, told):
        return replace(loaded, problems=(*loaded.problems, *problems))
    rows = read(loaded, source, told)
    found = Rows(source, tuple(rows), writable(source, told.columns), told.bound)
    own = [row.assistant for row in rows if row.assistant is not None]
    keys = [*loaded.keys, *(row.key for row in rows)]
    advised = (item for one in own for item in (*advice(one), *unset(one)))
    return replace(
        loaded,
        assistants=(*loaded.assistants, *own),
        problems=(*loaded.problems, *_whole(loaded, keys)),
        warnings=(*loaded.warnings, *advised, *_about(found, told)),
        rows=found,
    )


def read(loaded: Loaded, source: SourceTable, told: Told) -> list[Row]:
    """The rows that were told, with all that is wrong with each. Blocks on the process that renders prompts."""
    with Prompts(loaded.parts) as prompts:
        reader = RowReader(loaded, source, prompts)
        return settled([reader.row(one, told.bound) for one in told.rows], source, loaded, told)


def _whole(loaded: Loaded, keys: Sequence[str]) -> Iterator[Problem]:
    """What the files refer to and nobody declares."""
    yield from lost_transfers(loaded.assistants, keys)
    yield from strangers(read_environments(loaded.project, []), list(keys))


def _about(found: Rows, told: Told) -> Iterator[Problem]:
    where = f"table {found.source.table}"
    for row in found.rows:
        known, bound = row.told.get("agent_id"), found.bound.get(row.key)
        if row.dormant:
            yield Problem(row.where, "is disabled and has no agent: nothing is made of it")
        elif row.assistant is not None and not row.assistant.enabled:
            yield Problem(row.where, "is disabled: its agent stays, and its numbers ring at nobody")
        if known and bound and known != bound:
            yield Problem(row.where, f"names agent {known}, and its agent is {bound}: a sync writes that into the row")
        elif known and not bound and row.assistant is not None:
            yield Problem(row.where, f"names agent {known}, which nobody has: it is adopted, and set as the row says")
    if not found.rows:
        yield Problem(where, "has no rows: it declares no assistant")
    if loose := told.loose(found.source):
        yield Problem(where, f"{loose}; then neither is synced until one of them is gone")
    for open_to in told.exposed:
        yield Problem(where, open_to)
    if told.nameless:
        yield Problem(where, f"{told.nameless} rows have no {found.source.key_column}, so they are no assistants")
    if not told.columns.get("watched"):
        yield Problem(
            where, f"changes of it wait for a sync, since they are not watched; {_watching(found.source, told)}"
        )
    untold = lacking(found.source, told.columns, told.refused.get("columns", ()))
    for why in (told.withheld, untold, *unfit(found.source, told.columns)):
        if why:
            yield Problem(where, f"cannot take what becomes of its rows: {why}")


def _watching(source: SourceTable, told: Told) -> str:
    if told.columns["view"]:
        return "select agentctl.watch('TABLE', 'KEY', array['COLUMN']), for each table that this view shows"
    return f"{source.adoption} has that mended"
