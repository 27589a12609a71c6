"""The numbers: what rings where, as it is declared and as ElevenLabs and Twilio have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.responses import Response

from agentctl.console.acting import acting, at_home
from agentctl.console.living import living
from agentctl.console.page import Page
from agentctl.console.states import Declarations, Declared
from agentctl.console.tables import table, whole
from agentctl.console.telling import saying, trouble
from agentctl.console.visit import Visit
from agentctl.errors import AgentctlError
from agentctl.verbs.calls import audit
from agentctl.verbs.commands import addressed
from agentctl.verbs.examination.lines import Known, Line, lines

_COLUMNS = ("number", "assistant", "declared_in", "state", "rings_at", "label", "provider", "carrier")
_MORE = ("leads_to", "what", "remedy")  # for those who can do something about it


@dataclass(frozen=True)
class _Known:
    """What is declared and bound of a tenant's numbers. `agents`: id -> key; `names`: key -> name; `found`: all that is
    declared, as far as it can be read.
    """

    declared: Mapping[str, Declared]
    bound: Mapping[str, str]
    agents: Mapping[str, str]
    names: Mapping[str, str]
    found: Declarations

    @property
    def rows(self) -> list[str]:
        """Every number that is known without asking anybody."""
        return sorted({*self.declared, *self.bound})


async def numbers(visit: Visit) -> Response:
    """Those that are declared or bound; how they ring is asked for by the page itself."""
    known = await _known(visit)
    looked, found, error = "look" in visit.request.query_params, {}, ""
    if looked:
        try:
            found = {one.number: one for one in await _looked(visit, known)}
        except AgentctlError as reason:
            error = trouble(reason, visit.desk.control.veil)
    return visit.show(
        "numbers.html.j2",
        numbers=sorted({*known.rows, *found}),
        known=known,
        found=found,
        looked=looked,
        problem=known.found.problem,
        error=error,
        rest=visit.url("/numbers", look="1"),
    )


async def exported(visit: Visit) -> Response:
    """The same as a table for a spreadsheet, with how they ring as far as that can be told."""
    known = await _known(visit)
    try:
        found = {one.number: one for one in await _looked(visit, known)}
    except AgentctlError:
        found = {}
    async with acting(visit) as control:
        await audit.note(control, "export", what="numbers", format="csv")
    columns = _COLUMNS + (_MORE if visit.may("editor") else ())
    numbers = sorted({*known.rows, *found})
    return table(visit, "numbers", columns, whole(numbers), lambda one: _cells(known, columns, one, found.get(one)))


def _cells(known: _Known, columns: Sequence[str], number: str, line: Line | None) -> list[object]:
    where = known.declared.get(number)
    flat: dict[str, object] = {
        "number": number,
        "assistant": where.key if where else "",
        "declared_in": where.where if where else "",
    }
    if line is not None:
        flat |= {
            **vars(line),
            "state": line.finding.state,
            "rings_at": line.rings,
            "leads_to": line.leads,
            "what": line.finding.what,
            "remedy": line.finding.remedy,
        }
    return [flat.get(name, "") for name in columns]


async def _known(visit: Visit) -> _Known:
    found = await visit.desk.states.declarations(visit.tenant)
    stored = await living(visit, found.place)
    names = {one["key"]: one["name"] or one["key"] for one in stored}
    names |= {one.key: one.name or one.key for one in found.ones}
    declared = {number: one for one in found.ones for number in one.numbers}
    bound = {number: one["key"] for one in stored for number in one["numbers"]}
    agents = {one["agent_id"]: one["key"] for one in stored if one["agent_id"]}
    return _Known(declared, bound, agents, names, found)


async def _looked(visit: Visit, known: _Known) -> Sequence[Line]:
    """As ElevenLabs and Twilio have them, with the tenant's credentials. Raises as `lines`, and UsageError."""

    async def ask() -> Sequence[Line]:
        declared = {number: one.key for number, one in known.declared.items()}
        told = known.found
        asked = Known(declared, known.agents, known.bound, told.denied, told.elsewhere, told.hide)
        async with at_home(visit) as there:
            found = await lines(there, asked)
            return [_told(one, lambda text: addressed(there.veil(text), there.environment)) for one in found]

    return await visit.desk.kept.answer("numbers", visit.tenant, ask)


def _told(line: Line, tell: Callable[[str], str]) -> Line:
    one = line.finding
    finding = replace(one, what=saying(tell(one.what), one.about, one.kind), remedy=tell(one.remedy))
    return replace(line, finding=finding, leads=tell(line.leads))


PAGES = (Page("/numbers", numbers, menu="numbers"), Page("/numbers.csv", exported))
