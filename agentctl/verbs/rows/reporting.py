"""Tell each row what became of it: ids, time and error, as soon as its assistant is done.

What is told is what the row does not say yet, so that a sync with nothing to do writes nothing, and one that was cut
off between a create and this is made good by the next: ids are the bindings', which know them first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from agentctl.errors import AgentctlError, StoreError, StoreUnavailable
from agentctl.resources import agent, phone_number
from agentctl.resources.assistant import Assistant
from agentctl.sources.row import Row
from agentctl.sources.table.rows import tell
from agentctl.sync.applied import Applied
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind, Ref
from agentctl.sync.ledger import OnChange
from agentctl.sync.plan import Change, Failure, Plan
from agentctl.tenants import Tenants
from agentctl.verbs.commands import Whose
from agentctl.verbs.revisions.history import ProjectPlan, resources
from agentctl.verbs.wording import held_back
from agentctl.wiring import Control

KIND = "row"
_MANY = 200  # told in one call
_LONGEST = 2000  # characters of an error


class Reports:
    """What the rows of one apply are told. A context manager: left early, it tells nothing more."""

    def __init__(self, control: Control, plan: Plan, kinds: Sequence[Kind[Assistant]], bindings: Bindings) -> None:
        self._control, self._plan, self._bindings = control, plan, bindings
        self._rows = control.loaded.rows
        # What is declared under the key of a wrong row is a file's, which no row is told of.
        rows = {row.key: row for row in self._rows.rows if not row.problems} if self._rows else {}
        declared = plan.assistants if isinstance(plan, ProjectPlan) else ()
        self._whose = plan.whose if isinstance(plan, ProjectPlan) else Whose()
        self._of = {one.key: (rows[one.key], one) for one in declared if one.key in rows}
        asked = plan.changes or plan.failures
        self._parts = {key: resources(kinds, one) for key, (_, one) in self._of.items()} if asked else {}
        self._keys: dict[Ref, list[str]] = {}
        for key, parts in self._parts.items():
            for ref in parts:
                self._keys.setdefault(ref, []).append(key)
        self._left = dict.fromkeys(self._of, 0)
        self._unsure: set[str] = set()  # some of it may be left alone, which the end tells
        for change in plan.changes:
            whose = change.desired.payload
            if change.desired.ref not in self._keys and isinstance(whose, Assistant) and whose.key in self._of:
                self._keys[change.desired.ref] = [whose.key]  # of a number that its row has given up
                self._parts[whose.key] |= {change.desired.ref}
            for key in self._keys.get(change.desired.ref, ()):
                self._left[key] += 1
                if change.foreign or change.overwrites:
                    self._unsure.add(key)
        for failed in plan.failures:
            if failed.where in self._parts and failed.ref not in self._keys:  # of a number that its row names in vain
                self._parts[failed.where] |= {failed.ref}
        self._errors: dict[Ref, str] = {one.ref: self._said(one.error) for one in plan.failures}
        self._changed: set[str] = set()
        self._told: set[str] = set()
        self._ready: list[str] = []
        self._telling: asyncio.Task[None] | None = None
        self._failures: list[Failure] = []
        self._tenants = Tenants(control.access)

    async def __aenter__(self) -> Self:
        if self._of:
            self._tenants = await self._control.households()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._telling is not None:
            if kind is not None:
                self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)

    def hearing(self, on_change: OnChange | None) -> OnChange:
        """`on_change`, which also has an assistant's row told once the last of its changes has ended."""

        def heard(change: Change, error: AgentctlError | None) -> None:
            if on_change is not None:
                on_change(change, error)
            self._ended(change.desired.ref, error)

        return heard if self._of else on_change or (lambda change, error: None)

    def _ended(self, ref: Ref, error: AgentctlError | None) -> None:
        if error is not None:
            self._errors[ref] = self._said(error)
        for key in self._keys.get(ref, ()):
            self._changed.add(key)
            self._left[key] -= 1
            if self._left[key] == 0 and key not in self._unsure:
                self._ready.append(key)
        if self._ready and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell_ready())

    async def _tell_ready(self) -> None:
        while self._ready:
            keys, self._ready = self._ready[:_MANY], self._ready[_MANY:]
            self._told |= {*keys}
            await self._tell([told for key in keys if (told := self._synced(key))])

    async def finish(self, applied: Applied) -> Applied:
        """Tell what is left: rows that are wrong, that wait, or that did not know what the store does.

        A row that could not be told is among the failures of the answer.
        """
        if self._rows is None:
            return applied
        if self._telling is not None:
            await self._telling
        held = {change.desired.ref: held_back(change) for change in applied.held}
        self._errors |= {ref: f"held back: {what}" for ref, what in held.items() if ref not in self._errors}
        self._errors |= {one.ref: self._said(one.error) for one in applied.failures}
        late = {key for ref in held for key in self._keys.get(ref, ())}
        rows = [told for key in self._of if key not in self._told - late and (told := self._synced(key))]
        planned = {one.ref.key for one in self._plan.failures}
        rows += [told for row in self._rows.wrong if row.key in planned and (told := _refused(row))]
        rows += [{"key": row.key, "error": None} for row in self._rows.rows if row.dormant and row.told.get("error")]
        rows += [{"key": key, "synced_at": True} for key in self._ended_with(applied)]
        for start in range(0, len(rows), _MANY):
            await self._tell(rows[start : start + _MANY])
        return replace(applied, failures=(*applied.failures, *self._failures)) if self._failures else applied

    def _ended_with(self, applied: Applied) -> set[str]:
        """The keys that nobody declares any more, and now no agent has: what waited for a person about them is over."""
        loaded = self._control.loaded
        deleted = [one.desired.ref for one in applied.done if one.action == "delete"]
        forgotten = [ref for ref, _ in applied.plan.lapsed]
        return {ref.key for ref in (*deleted, *forgotten) if ref.kind == agent.KIND} - {*loaded.keys, *loaded.rows_keys}

    def _synced(self, key: str) -> dict[str, Any] | None:
        """What the row of a sound assistant is to be told; None where it says all of that already."""
        row, assistant = self._of[key]
        own = (Ref(phone_number.KIND, number) for number in assistant.phone.numbers)
        numbers = [self._bindings.get(ref) for ref in own if ref not in self._errors]
        ids = {
            "agent_id": self._bindings.get(Ref(agent.KIND, key)),
            "phone_number_id": next(filter(None, numbers), None),
        }
        errors = "; ".join(dict.fromkeys(self._errors[ref] for ref in self._mine(key) if ref in self._errors))
        error = self._tenants.told(assistant.tenant, errors)[:_LONGEST] or None
        known = {**ids, "error": error}
        if error and known["agent_id"] is None:  # what it names may yet be adopted, or be another environment's
            del known["agent_id"]
        assert self._rows is not None
        news = any(row.told.get(name) != known[name] for name in self._rows.back.keys() & known.keys())
        # Whoever had one assistant synced alone waits for an answer, even if there was nothing to do.
        if not news and key not in self._changed and self._control.target is None:
            return None
        return {"key": key, **known, **({} if error else {"synced_at": True})}

    def _mine(self, key: str) -> Iterable[Ref]:
        return self._parts.get(key) or (Ref(agent.KIND, key),)

    async def _tell(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write; where one of several is refused, as by a trigger of the product's, the others are told."""
        if not rows or self._rows is None:
            return
        try:
            await tell(await self._control.store(), self._rows, rows, self._control.scope)
        except StoreError as error:
            if len(rows) == 1 or isinstance(error, StoreUnavailable):
                self._failures += [
                    Failure(Ref(KIND, one["key"]), f"table {self._rows.source.table}", error) for one in rows
                ]
                return
            for one in rows:
                await self._tell([one])

    def _said(self, error: Exception) -> str:
        return self._whose(self._control.veil(str(error).replace("\n  ", " ")))


def _refused(row: Row) -> dict[str, Any] | None:
    error = (row.error or "")[:_LONGEST]
    return {"key": row.key, "error": error} if row.told.get("error") != error else None
