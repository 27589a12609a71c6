"""An assistant of our own table in a form: what is typed beside what is stored, checked as a sync would read it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from agentctl.console.acting import at_home
from agentctl.console.page import Page
from agentctl.console.pages.assistant import address
from agentctl.console.planned import Field, beside
from agentctl.console.row_form import AFTERWARDS, TEXTS, Draft, Piece, compared, fields, of_form, of_row
from agentctl.console.telling import told, trouble
from agentctl.console.visit import Refused, Visit
from agentctl.errors import AgentctlError, Problem
from agentctl.resources.part import VOICE_ID
from agentctl.secrecy.veil import Veil
from agentctl.verbs.rows import editing
from agentctl.verbs.voices import Voice, sample, voices

_VOICES_SECONDS = 5.0
_FORM_BYTES = 4 * 1024 * 1024  # prompts and knowledge are texts
_PLACE = re.compile(r"^table \S+, row \S+: ")
_ASKED = (*TEXTS, "voice", *AFTERWARDS)


@dataclass(frozen=True)
class Wrong:
    """What a sync would have against the form. `field`: the one of it that this is about, if it is a single one."""

    text: str
    field: str = ""


async def edit(visit: Visit) -> Response:
    """As it is stored."""
    row = await _row(visit)
    return await _form(visit, row, of_row(row))


async def preview(visit: Visit) -> Response:
    """What would be written, and what would be wrong with it. Nothing is written."""
    row, draft = await _row(visit), of_form(visit.form)
    return await _form(visit, row, draft, await _wrong(visit, row, draft))


async def save(visit: Visit) -> Response:
    """Written as this person, unless it is wrong, or somebody else saved meanwhile; a sync follows by itself."""
    row, draft = await _row(visit), of_form(visit.form)
    if not (changed := fields(row, draft)):
        return await _form(visit, row, draft)
    if wrong := await _wrong(visit, row, draft):
        return await _form(visit, row, draft, wrong, 422)
    asked = {"key": row["key"], "fields": changed, "updated_at": visit.form.get("updated_at")}
    if not (await visit.ask("save_assistant", asked))["saved"]:
        now = await _row(visit)
        return await _form(visit, now, draft, await _wrong(visit, now, draft), 409, stale=True)
    visit.desk.hub.tell(visit.tenant, "assistants")
    return visit.go(address(row["key"]), saved="1")


async def hear(visit: Visit) -> Response:
    """A few words by a voice; the browser asks us alone, and the platform's storage learns nothing of who listens."""
    voice = str(visit.request.path_params["voice"])
    if not VOICE_ID.fullmatch(voice):
        raise Refused(404, "refused.absent")
    async with at_home(visit) as control:
        try:
            sound = await sample(control, voice)
        except AgentctlError:
            raise Refused(404, "refused.voice") from None
    kind = "audio/wav" if sound.startswith(b"RIFF") else "audio/mpeg"
    return Response(sound, media_type=kind, headers={"cache-control": "private, max-age=3600"})


async def _row(visit: Visit) -> Mapping[str, Any]:
    """What is stored. Raises NotThere where it is none of the tenant's, Refused where it is not edited here."""
    async with visit.desk.control.afresh() as control:
        if not (control.has_project and editing.is_edited(control.project.table)):
            raise Refused(404, "refused.files")
    found: Mapping[str, Any] = await visit.ask("declared", {"key": visit.request.path_params["key"]})
    return found


async def _wrong(visit: Visit, row: Mapping[str, Any], draft: Draft) -> Sequence[Wrong]:
    """What a sync would have against it."""
    changed, veil = fields(row, draft), visit.desk.control.veil
    if not changed:
        return ()
    try:
        async with at_home(visit) as control:
            return [_told(one, veil) for one in await editing.problems(control, row["key"], changed)]
    except AgentctlError as error:
        return [Wrong(trouble(error, veil))]


def _told(problem: Problem, veil: Veil) -> Wrong:
    """Without the row, which everybody sees, and without a path where the form has a field for it."""
    path = _PLACE.sub("", problem.where, 1).partition(" (column ")[0]
    field = next((name for name in re.split(r"[.\[]", path) if name in _ASKED), "")
    return Wrong(told(problem, veil, "" if field else path), field)


async def _form(
    visit: Visit,
    row: Mapping[str, Any],
    draft: Draft,
    wrong: Sequence[Wrong] = (),
    status: int = 200,
    *,
    stale: bool = False,
) -> Response:
    offered, voiceless = await _voices(visit)
    posted = visit.form.get("updated_at")
    seen = row["updated_at"] if stale or not isinstance(posted, str) else posted
    return visit.show(
        "edit.html.j2",
        status,
        key=row["key"],
        here=address(row["key"]),
        row=row,
        draft=draft,
        blank=Piece(),
        wrong=wrong,
        differences=await visit.desk.aside(_differences, visit, of_row(row), draft, offered),
        voices=offered,
        voiceless=voiceless,
        seen=seen,
        stale=stale or seen != row["updated_at"],
        typed=visit.request.method == "POST",
    )


def voice_names(visit: Visit) -> dict[str, str]:
    """The names of the voices by their ids, as far as a form has asked for them; nothing is asked for this."""
    return {one.id: one.name for one in visit.desk.kept.last("voices", visit.tenant) or ()}


async def _voices(visit: Visit) -> tuple[Sequence[Voice], str]:
    """Those to choose from, or why there are none: a form without them is better than none."""

    async def ask() -> Sequence[Voice]:
        async with at_home(visit) as control, asyncio.timeout(_VOICES_SECONDS):
            return await voices(control)

    try:
        return await visit.desk.kept.answer("voices", visit.tenant, ask), ""
    except TimeoutError:
        return (), ""
    except AgentctlError as error:
        return (), trouble(error, visit.desk.control.veil)


def _differences(visit: Visit, stored: Draft, typed: Draft, known: Sequence[Voice]) -> list[tuple[str, Field]]:
    veil, names = visit.desk.control.veil, {one.id: one.name for one in known}
    found = []
    for name, title, old, new in compared(stored, typed):
        if name == "voice":
            old, new = (one and names.get(one, one) for one in (old, new))
        label = visit.words(f"edit.fields.{name}") + (f": {title}" if title else "")
        found.append((label, beside(name, old, new, veil)))
    return found


PAGES = (
    Page("/assistants/{key}/edit", edit, role="editor"),
    Page("/assistants/{key}/edit", save, role="editor", writes=True, most=_FORM_BYTES),
    Page("/assistants/{key}/preview", edit, role="editor"),
    Page("/assistants/{key}/preview", preview, role="editor", writes=True, most=_FORM_BYTES),
    Page("/assistants/{key}/voices/{voice}", hear, role="editor"),
)
