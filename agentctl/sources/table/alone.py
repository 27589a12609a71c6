"""One row of the source table, looked up by its key: with that row, and whoever has to do with it, and no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, Protocol

from agentctl.errors import Problem, UsageError
from agentctl.resources import agent
from agentctl.sources.advice import advice
from agentctl.sources.files import ASSISTANTS
from agentctl.sources.loaded import Loaded
from agentctl.sources.mapping import SourceTable
from agentctl.sources.problems import located
from agentctl.sources.reading import aside
from agentctl.sources.row import Row, Rows, place
from agentctl.sources.source import Files, Gone, SyncOutcome, declared, lost
from agentctl.sources.table.anothers import Holder, another
from agentctl.sources.table.rights import granted
from agentctl.sources.table.rows import Told, asking, misfits, owning, read, settling, tell
from agentctl.sources.table.variables import unset
from agentctl.sources.table.written_back import writable
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Scope
from agentctl.sync.target import Target

_LONGEST = 2000  # characters of an error
_SEEN = "Then: agentctl calls retry --all"


class Discreet(Protocol):
    """Knows what the people of one tenant may read."""

    def told(self, tenant: str, text: str) -> str:
        """`text` as a row of `tenant` may have it."""
        ...


class FilesAndTable:
    """Those of a project's files, and of the table that they name, if any. A key of a file is the file's."""

    def __init__(
        self,
        files: Files,
        store: Callable[[], Awaitable[Store]],
        scope: Callable[[], Scope],
        tenants: Callable[[], Awaitable[Discreet]],
    ) -> None:
        self._files, self._store, self._scope, self._tenants = files, store, scope, tenants
        self._rows: dict[str, Rows] = {}  # where the row of a key is told

    async def one(self, key: str) -> Loaded | Gone:
        """All files where one of them is meant, or something is wrong with them; else the row alone.

        One that is gone was a row: an assistant that was declared in a file when it was applied last is the file's,
        which another checkout may have. Raises UsageError for that one, StoreError, and what a look at the files may.
        """
        self._rows.pop(key, None)
        loaded = await self._files.all()
        source = loaded.project.table
        if source is None:
            if (left := loaded.project.left_table) and key not in loaded.keys and await self._handed_on(left, key):
                return Gone("keep")
            return declared(loaded, key)
        if loaded.problems or key in loaded.keys:
            return loaded
        async with granted(store := await self._store(), source):
            if holder := await self._handed_on(source, key):
                raise holder.refusal
            told = Told(await store.call("source_columns", source.named))
            if problems := misfits(source, told):
                return replace(loaded, problems=tuple(problems))
            row, told = await self._row(loaded, source, told, key)
        if row is None:
            return await self._gone(loaded, source, told, key)
        row = _unadopted(row, told)
        self._rows[key] = rows = Rows(source, (row,), writable(source, told.columns), told.bound)
        if row.dormant:
            return Gone("keep")
        own = () if row.assistant is None else (row.assistant,)
        advised = tuple(item for one in own for item in (*advice(one), *unset(one)))
        return replace(loaded, assistants=own, problems=row.problems, warnings=advised, rows=rows, target=Target(key))

    async def _row(self, loaded: Loaded, source: SourceTable, told: Told, key: str) -> tuple[Row | None, Told]:
        """The row, and what was told for it. Others are asked for where it has to do with them."""
        asked = asking(source, told)
        told = await self._told(told, {**asked, "only": [key]}, {"keys": [key]})
        found = await aside(lambda: read(loaded, source, told))
        row = next(iter(found), None)
        if row is None or not (related := _related(row, source, told)):
            return row, told
        targets, agent_id = related
        more = await self._told(told, {**asked, "only": [key, *targets]}, {"keys": [key, *targets], "ids": [agent_id]})
        if agent_id:
            holders = [one for one in more.bound if one not in (key, *targets)]
            also = {"column": source.wanted["agent_id"], "value": agent_id}
            more = await self._told(more, {**asked, "only": [key, *targets, *holders], "also": also}, {})
        found = await aside(lambda: read(loaded, source, more))
        return next((one for one in found if one.key == key), None), more

    async def _handed_on(self, source: SourceTable, key: str) -> Holder | None:
        """Whose the table is, if another environment's. That one is asked: this one may have been the first to hear."""
        store = await self._store()
        if holder := await another(store, source, self._scope()):
            asked = {"key": key, "project": holder.project, "environment": holder.environment}
            await store.call("request_sync", asked)
        return holder

    async def _told(self, told: Told, rows: Mapping[str, Any], bound: Mapping[str, Any]) -> Told:
        store = await self._store()
        page = await store.call("source_rows", rows)
        asked = {**asdict(self._scope()), "kind": agent.KIND, **bound}
        known = await store.call("bound_ids", asked) if bound else told.bound
        owners = await owning(store, self._scope(), page["rows"], known)
        there = await settling(store, self._scope(), page["rows"], known)
        return replace(told, rows=there, bound=known, owners=owners)

    async def _gone(self, loaded: Loaded, source: SourceTable, told: Told, key: str) -> Gone:
        if told.hiding:
            what = f"{place(source, key)} is not seen, and may be there: {told.hiding}; {told.remedy}"
            raise UsageError(what, _SEEN)
        asked = {**asdict(self._scope()), "key": key}
        where = (await (await self._store()).call("last_declared", asked))["where"]
        if str(where).startswith(f"{ASSISTANTS}/"):
            raise lost(key, loaded)
        return Gone("keep" if await self._has_another_key(source, told, key) else source.on_delete)

    async def _has_another_key(self, source: SourceTable, told: Told, key: str) -> bool:
        """Whether a row has its agent's id: that one is to take its key back, and until then the agent works on."""
        if (column := source.wanted["agent_id"]) not in told.names:
            return False
        store = await self._store()
        bound = await store.call("bound_ids", {**asdict(self._scope()), "kind": agent.KIND, "keys": [key]})
        if (agent_id := bound.get(key)) is None:
            return False
        asked = {**asking(source, told), "only": [], "also": {"column": column, "value": agent_id}}
        return bool((await store.call("source_rows", asked))["rows"])

    async def told(self, key: str, outcome: SyncOutcome) -> bool:
        """Write into the row why nothing could be applied, or that there is no such reason any more.

        What was applied, or held back, the row has been told already, with its ids and its time.
        """
        rows = self._rows.get(key)
        if rows is None or outcome.held or "error" not in rows.back:
            return False
        where = place(rows.source, key)
        error = "; ".join(line.strip().removeprefix(f"{where}: ") for line in outcome.error.splitlines())
        if error:
            error = (await self._tenants()).told(rows.rows[0].tenant, error)[:_LONGEST]
        await tell(await self._store(), rows, [{"key": key, "error": error or None}])
        return True


def _unadopted(row: Row, told: Told) -> Row:
    """The row, as a wrong one if its agent is still to be adopted: nobody has seen what would become of that."""
    agent_id = row.told.get("agent_id")
    if agent_id is None or row.key in told.bound or row.assistant is None:
        return row
    what = f"{agent_id} is adopted by a sync that somebody has seen the plan of: agentctl sync --only {row.key}"
    return replace(row, assistant=None, problems=(Problem(located(row.where, "agent_id"), what),))


def _related(row: Row, source: SourceTable, told: Told) -> tuple[list[str], str] | None:
    """The assistants that it transfers to, and the agent that it names without having it; None without any."""
    tool = row.assistant.built_in_tools.transfer_to_agent if row.assistant else None
    targets = [one.assistant for one in (tool.transfers if tool else ()) if one.assistant]
    named = "" if row.key in told.bound else row.told.get("agent_id") or ""
    return (targets, named) if targets or named else None
