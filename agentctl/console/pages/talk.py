"""Talking to an assistant from the browser. The page connects to ElevenLabs by itself; the key stays here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.responses import JSONResponse, Response

from agentctl.console import frame
from agentctl.console.acting import at_home
from agentctl.console.home import place
from agentctl.console.living import living
from agentctl.console.pace import Pace, pause
from agentctl.console.page import Page
from agentctl.console.telling import begun, trouble
from agentctl.console.visit import Refused, Visit
from agentctl.errors import AgentctlError
from agentctl.verbs import talk as calling
from agentctl.verbs.calls import audit
from agentctl.wiring import Control

# Each call costs money: how many in how many seconds.
_PERSON, _TENANT = Pace(10, 600), Pace(60, 3600)


async def talk(visit: Visit) -> Response:
    """The page to talk on; what the agent asks of whoever talks to it is asked for by the page itself."""
    looked, problem, terms = "look" in visit.request.query_params, "", None
    async with _reached(visit) as (assistant, there):
        if looked:
            try:
                terms = await calling.terms(there, assistant["agent_id"])
            except AgentctlError as error:
                problem = trouble(error, there.veil)
        origin = calling.origin(there)
    host = visit.request.headers["host"]
    rest = visit.url(visit.request.url.path, look="1", **assistant["apart"])
    page = visit.show(
        "talk.html.j2", assistant=assistant, looked=looked, terms=terms, problem=problem, host=host, rest=rest
    )
    return frame.connecting(page, origin)


async def call(visit: Visit) -> Response:
    """`url`: where this person may have one conversation, within minutes; or `problem`: why they may not, and what
    there is to that in `english` alone.

    `text_only`: it is a written one; `untold`: nothing of it can be read meanwhile.
    """
    async with _reached(visit) as (assistant, there):
        if wait := await _pause(visit, there):
            problem = visit.words("talk.often", count=-(-wait // 60))
            return JSONResponse({"problem": problem}, 429, {"retry-after": str(wait)})
        agent_id = assistant["agent_id"]
        try:
            terms, url = await asyncio.gather(calling.terms(there, agent_id), calling.invitation(there, agent_id))
        except AgentctlError as error:
            why = trouble(error, there.veil)
            return JSONResponse({"problem": begun(why, visit.words), "english": why}, 502)
        await audit.note(there, "talk", assistant=assistant["key"], agent=agent_id)
    return JSONResponse({"url": url, "text_only": terms.text_only, "untold": terms.untold == calling.TRANSCRIPT})


@asynccontextmanager
async def _reached(visit: Visit) -> AsyncIterator[tuple[dict[str, Any], Control]]:
    """The assistant that the address names, and a control for the workspace in which its agent lives."""
    key = visit.request.path_params["key"]
    async with at_home(visit) as there:
        for one in await living(visit, {**place(there), "workspace": there.workspace}):
            if one["key"] == key and one["agent_id"]:
                yield one, there
                return
    raise Refused(404, "refused.agent")


async def _pause(visit: Visit, there: Control) -> int:
    """For how many seconds this person, or all of this tenant, have called often enough; 0: they may."""
    paces = ((f"talk of {visit.person.name}", _PERSON), (f"talk in {visit.tenant}", _TENANT))
    return await pause(await there.store(), paces)


PAGES = (
    Page("/talk/{key}", talk, role="editor"),
    Page("/talk/{key}", call, role="editor", writes=True),
)
