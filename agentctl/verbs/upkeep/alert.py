"""The mail that tells people of trouble which nobody sees: of ids and states alone, never of what callers said."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agentctl.calls import wording
from agentctl.calls.mail import MAX_SUBJECT, Letterhead, block, one_line, rendered
from agentctl.sources.project import read_alone
from agentctl.verbs.commands import addressed
from agentctl.verbs.unattended import notice
from agentctl.wiring import Control

_GERMAN = {
    "dead": "Ereignisse aufgegeben: {count}",
    "delivery": "Anrufe kommen nicht mehr an",
    "normal": "Anrufe kommen wieder an",
    "project": "Projekt",
    "workspace": "API-Server",
    "time": "Zeit",
    "event": "Ereignis {id}, Gespräch {conversation}: {attempt} Versuche",
    "why": "Den Grund nennt: agentctl calls events --state dead",
    "again": "Nach der Behebung erneut verarbeiten: agentctl calls retry --all",
    "more": "Und {count} weitere",
    "once": "Diese Nachricht kommt zu jedem Vorfall einmal.",
}
_ENGLISH = {
    "dead": "Events given up: {count}",
    "delivery": "Calls no longer arrive",
    "normal": "Calls arrive again",
    "project": "Project",
    "workspace": "API server",
    "time": "Time",
    "event": "event {id}, conversation {conversation}: {attempt} attempts",
    "why": "To see why: agentctl calls events --state dead",
    "again": "To process them again once that is put right: agentctl calls retry --all",
    "more": "And {count} more",
    "once": "This message comes once for each incident.",
}


def recipients(control: Control) -> tuple[str, ...]:
    """Whom to tell: ALERT_MAIL_TO, else the project's [mail] to; empty where nobody is named."""
    if control.settings.alert_mail_to or not control.has_project:
        return control.settings.alert_mail_to
    return read_alone(control.directory, control.environment)[0].mail_to


def of_dead(control: Control, count: int, events: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The message about `count` events that were given up; `events`: the first of them."""
    words = _words(control)
    findings = [
        words["event"].format(
            id=event["id"], conversation=one_line(event["conversation_id"] or "-", 80), attempt=event["attempt"]
        )
        for event in events
    ]
    more = words["more"].format(count=count - len(events)) if count > len(events) else ""
    return _message(control, words["dead"].format(count=count), [*findings, words["why"], words["again"]], more)


def of_delivery(control: Control, problems: Sequence[str]) -> dict[str, str]:
    """The message about what keeps calls from being delivered; without problems, that they are delivered again."""
    return _message(control, _words(control)["delivery" if problems else "normal"], problems, "")


def mails(control: Control, message: Mapping[str, str], to: Sequence[str], run: str) -> list[dict[str, Any]]:
    """One for each recipient, as the store's functions take them. `run`: see `new_run`."""
    letterhead = Letterhead(control.settings.mail_from)
    return [
        {"recipient": one, "message": {**message, "message_id": letterhead.message_id(run, "alert", one)}} for one in to
    ]


def new_run() -> str:
    """What one alert's mails are kept under in the outbox."""
    return f"alert_{secrets.token_hex(12)}"


def _words(control: Control) -> dict[str, str]:
    return _GERMAN if _language(control) == "de" else _ENGLISH


def _language(control: Control) -> str:
    return notice.language(control) if control.has_project else "en"


def _message(control: Control, headline: str, findings: Sequence[str], more: str) -> dict[str, str]:
    words, language = _words(control), _language(control)
    name, workspace = "agentctl", control.settings.workspace
    if control.has_project:
        name = one_line(f"{control.scope.project}/{control.scope.environment}", 130)
        workspace = control.scope.workspace
    rows = {
        "project": name,
        "workspace": one_line(workspace, 200),
        "time": wording.local_time(datetime.now(UTC), None, language),
    }
    subject = one_line(f"{name}: {headline}", MAX_SUBJECT)
    view = {
        "language": language,
        "words": words,
        "subject": subject,
        "headline": headline,
        "assistant": name,
        "title": "",
        "rows": [{"label": words[label], "value": value, "link": ""} for label, value in rows.items()],
        "findings": [
            block(control.veil(addressed(finding, control.environment)))[:2000].split("\n") for finding in findings
        ],
        "more": more,
    }
    return {"subject": subject, **rendered("notice", view), "language": language}
