"""The mail that tells people of trouble which nobody sees: of ids and states alone, never of what callers said."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agentctl.calls import wording
from agentctl.calls.mail import MAX_SUBJECT, Letterhead, block, one_line, rendered
from agentctl.calls.tenant import OPERATOR
from agentctl.sources.project import read_alone
from agentctl.verbs.commands import addressed
from agentctl.wiring import Control

# In English, as everything is that it may have to say: what is wrong, and the commands that help.
LANGUAGE = "en"
_ONCE = "This message comes once for each incident."
_WHY = "All of an error: agentctl calls events --state dead"
_WRITE_AGAIN = "agentctl doctor checks the table. To write them once that is put right: agentctl calls retry --all"
_AGAIN = "To process them again once that is put right: agentctl calls retry --all"

_TAKEN = "The worker takes these rights now. Where they come back, or agentctl doctor still finds them: {remedy}"
_DONE_MEANWHILE = "Whoever has the public key could use them until then: look at what was read and changed meanwhile."
_UNSYNCED = "Calls are processed all the same. What changes in the table is synced once it is corrected."
_UNHEARD = "What was changed meanwhile: agentctl sync. A table that is made anew lacks what was said of the former one."
_HEARD = "The table is watched again, or is not meant to be by now: then its rows are brought by agentctl sync alone"


def recipients(control: Control) -> tuple[str, ...]:
    """Whom to tell: ALERT_MAIL_TO, else the project's [mail] to; empty where nobody is named."""
    if control.settings.alert_mail_to or not control.has_project:
        return control.settings.alert_mail_to
    return read_alone(control.directory, control.environment)[0].mail_to


def of_dead(control: Control, count: int, events: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The message about `count` events that were given up; `events`: the first of them."""
    findings = [
        f"{_of(event['tenant'])}event {event['id']}, conversation {one_line(event['conversation_id'] or '-', 80)}: "
        f"{event['attempt']} attempts, {one_line(event['reason'] or 'for a reason that was not kept', 120)}"
        for event in events
    ]
    more = f"And {count - len(events)} more" if count > len(events) else ""
    return _message(control, f"Events given up: {count}", [*findings, _WHY, _AGAIN], more)


def _of(tenant: str) -> str:
    return "" if tenant == OPERATOR else f"tenant {tenant}, "


def of_rows(control: Control, count: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The message about `count` calls that could not be written into the product's own table; `rows`: the first."""
    findings = [
        f"conversation {one_line(row['conversation_id'], 80)}: {row['attempt']} attempts, "
        f"{one_line(row['reason'] or 'for a reason that was not kept', 300)}"
        for row in rows
    ]
    more = f"And {count - len(rows)} more" if count > len(rows) else ""
    return _message(control, f"Calls not written to your table: {count}", [*findings, _WRITE_AGAIN], more)


def of_delivery(control: Control, problems: Sequence[str]) -> dict[str, str]:
    """The message about what keeps calls from being delivered; without problems, that they are delivered again."""
    return _message(control, "Calls no longer arrive" if problems else "Calls arrive again", problems, "")


def of_rights(control: Control, found: str, remedy: str) -> dict[str, str]:
    """The message about rights in the database that users had and were not meant to have."""
    findings = [f"{found[:1].upper()}{found[1:]}", _TAKEN.format(remedy=remedy), _DONE_MEANWHILE]
    return _message(control, "The database lay open", findings, "")


def of_project(control: Control, problems: Sequence[str]) -> dict[str, str]:
    """The message about an agentctl.toml that cannot be read; without problems, that it can be again."""
    headline = "Changes are not synced: agentctl.toml cannot be read" if problems else "agentctl.toml can be read again"
    return _message(control, headline, [*problems, _UNSYNCED] if problems else [], "")


def of_changes(control: Control, found: Sequence[str]) -> dict[str, str]:
    """The message about a table of which changes are noticed no longer; with nothing `found`, that none is missed."""
    headline = "Changes of rows are not synced" if found else "No changes of rows are missed any more"
    return _message(control, headline, [*found, _UNHEARD] if found else [_HEARD], "")


async def tell(
    control: Control, place: Mapping[str, str], subject: str, found: str, message: Mapping[str, str], to: Sequence[str]
) -> bool:
    """Queue `message` for each recipient where what is `found` of the subject is another than was last told; whether it
    was. `place`: project, environment and workspace of which it is. Empty, `found` is that all is well. Raises
    StoreError.
    """
    run = new_run()
    digest = hashlib.sha256(found.encode()).hexdigest() if found else ""
    row = {**place, "subject": subject, "purpose": "alert", "digest": digest, "id": run}
    told = await (await control.store()).call("notify", {**row, "mails": mails(control, message, to, run)})
    return bool(told["new"])


def mails(control: Control, message: Mapping[str, str], to: Sequence[str], run: str) -> list[dict[str, Any]]:
    """One for each recipient, as the store's functions take them. `run`: see `new_run`."""
    letterhead = Letterhead(control.settings.mail_from)
    return [
        {"recipient": one, "message": {**message, "message_id": letterhead.message_id(run, "alert", one)}} for one in to
    ]


def new_run() -> str:
    """What one alert's mails are kept under in the outbox."""
    return f"alert_{secrets.token_hex(12)}"


def _message(control: Control, headline: str, findings: Sequence[str], more: str) -> dict[str, str]:
    name, workspace = "agentctl", control.settings.workspace
    if control.has_project and control.project.name:
        name = one_line(f"{control.scope.project}/{control.scope.environment}", 130)
        workspace = control.scope.workspace
    rows = {
        "Project": name,
        "API server": one_line(workspace, 200),
        "Time": wording.local_time(datetime.now(UTC), None, LANGUAGE),
    }
    subject = one_line(f"{name}: {headline}", MAX_SUBJECT)
    view = {
        "language": LANGUAGE,
        "words": {"once": _ONCE},
        "subject": subject,
        "headline": headline,
        "assistant": name,
        "title": "",
        "rows": [{"label": label, "value": value, "link": ""} for label, value in rows.items()],
        "findings": [
            block(control.veil(addressed(finding, control.environment)))[:2000].split("\n") for finding in findings
        ],
        "more": more,
    }
    return {"subject": subject, **rendered("notice", view), "language": LANGUAGE}
