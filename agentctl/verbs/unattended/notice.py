"""The mail about an unattended sync: sent when its outcome is another than the one last told, and not at every run."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from agentctl import worker
from agentctl.calls import wording
from agentctl.calls.jobs import MailJob
from agentctl.calls.mail import MAX_SUBJECT, Letterhead, block, one_line, rendered
from agentctl.errors import AgentctlError, ConfigurationError
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Scope
from agentctl.verbs.commands import addressed
from agentctl.verbs.unattended.addressees import recipients
from agentctl.verbs.unattended.limit import MAIL_SECONDS
from agentctl.verbs.unattended.report import Report
from agentctl.wiring import Control

MAX_FINDINGS = 40  # more than a person reads in a mail; the report has them all
_GERMAN = {
    "failed": "Synchronisation fehlgeschlagen",
    "held": "Änderungen zurückgehalten",
    "pinned": "Nach einem Rollback gehalten",
    "normal": "Synchronisation wieder in Ordnung",
    "project": "Projekt",
    "workspace": "API-Server",
    "time": "Zeit",
    "code": "Exit-Code",
    "done": "Erledigt",
    "more": "Und {count} weitere; alle zeigt: agentctl plan",
    "once": "Diese Nachricht kommt erst wieder, wenn sich das Ergebnis ändert.",
}
_ENGLISH = {
    "failed": "Sync failed",
    "held": "Changes held back",
    "pinned": "Held by a rollback",
    "normal": "Sync is back to normal",
    "project": "Project",
    "workspace": "API server",
    "time": "Time",
    "code": "Exit code",
    "done": "Done",
    "more": "And {count} more; to see all: agentctl plan",
    "once": "This message comes again only when the outcome changes.",
}


async def tell(
    control: Control,
    report: Report,
    given: Sequence[str],
    say: Callable[[str], None],
    *,
    seconds: float = MAIL_SECONDS,
) -> None:
    """As `notify`, and to whom `recipients` has it, within `seconds`.

    A mail that cannot be queued or sent is said, and changes nothing about how the sync itself ended.
    """
    try:
        async with asyncio.timeout(seconds):
            to = recipients(control, given)
            if not to:
                say("warning: nobody is told by mail: what is wrong with agentctl.toml hides whom [mail] to names")
            if await notify(control, report, to) and control.workshop.mail_route is None:
                say("warning: the mail waits in the outbox: neither SMTP_URL nor RESEND_API_KEY is set")
    except TimeoutError:
        # It may also be the store that hangs.
        say(f"warning: no mail was sent within {seconds:.0f} s; one that was queued waits in the outbox")
    except AgentctlError as error:
        say(f"warning: no mail was queued: {error.message}")


async def notify(control: Control, report: Report, to: Sequence[str]) -> int:
    """Queue one mail per address if the outcome is news, and send what is due if there is a route; how many are queued.

    What is due may be of a run before this one, whose route was away. Nothing is told of a run that another sync kept
    from working, and nothing counts as told where there is nobody `to` tell. Raises StoreError: what cannot be
    remembered would be told again and again.
    """
    store = await control.store()
    queued = await _queue(control, store, report, to) if report.telling and to else 0
    if control.workshop.mail_route is not None:
        await worker.run([MailJob(store, control.workshop.mail_route)], once=True)
    return queued


async def _queue(control: Control, store: Store, report: Report, to: Sequence[str]) -> int:
    nobody = _nobody(control)
    scope, subject = report.scope or nobody, _subject(report)
    run = f"sync_{secrets.token_hex(12)}"
    letterhead = Letterhead(control.settings.mail_from)
    message = composed(report, scope, language(control), control.veil)
    mails = [
        {"recipient": one, "message": message | {"message_id": letterhead.message_id(run, "sync", one)}} for one in to
    ]

    async def news(of: Scope, digest: str, mails: Sequence[Mapping[str, Any]]) -> int:
        row = {**asdict(of), "subject": subject, "digest": digest, "id": run, "mails": mails}
        told = await store.call("notify", row)
        return int(told["queued"])

    if report.scope is None:
        return await news(_beside(control, nobody), report.digest, mails)
    queued = await news(scope, report.digest, mails)
    # agentctl.toml is understood: where the last that was told is that it was not, this outcome is news in any case.
    return queued + await news(_beside(control, nobody), "", () if queued else mails)


def composed(report: Report, scope: Scope, language: str, veil: Callable[[str], str] = str) -> dict[str, str]:
    """Subject, text and HTML. What an error quotes may come from anywhere: it is stripped, `veil`ed and escaped."""
    words = _GERMAN if language == "de" else _ENGLISH
    headline = words[report.outcome]
    only = "".join(f" --only {one}" for one in sorted(set(report.only)))
    name = one_line(f"{scope.project}/{scope.environment}{only}", 130)
    findings = [block(veil(finding))[:2000].split("\n") for finding in report.findings[:MAX_FINDINGS]]
    subject = one_line(f"{name}: {headline}", MAX_SUBJECT)
    left = len(report.findings) - len(findings)
    more = words["more"].format(count=left) if left > 0 else ""
    view = {
        "language": language,
        "words": words,
        "subject": subject,
        "headline": headline,
        "assistant": name,
        "title": "",
        "rows": _rows(report, scope, words, language),
        "findings": findings,
        "more": addressed(more, report.environment),
    }
    return {"subject": subject, **rendered("notice", view), "language": language}


def language(control: Control) -> str:
    """Of the project's mails: [digest] language, else that of its assistants' defaults; German or English."""
    try:
        defaults = control.project.defaults
    except ConfigurationError:
        return "en"
    post_call = defaults.get("post_call")
    said = post_call.get("summary_language") if isinstance(post_call, Mapping) else None
    return "de" if (said or defaults.get("language")) == "de" else "en"


def _rows(report: Report, scope: Scope, words: Mapping[str, str], language: str) -> list[dict[str, Any]]:
    rows = {
        "project": one_line(f"{scope.project}/{scope.environment}", 200),
        "workspace": one_line(scope.workspace, 200),
        "time": wording.local_time(report.ended, None, language),
        "code": str(report.exit_code),
        "done": str(len(report.applied.done) if report.applied else 0),
    }
    return [{"label": words[name], "value": value, "link": ""} for name, value in rows.items()]


def _nobody(control: Control) -> Scope:
    """What a mail calls a project whose agentctl.toml cannot be understood."""
    return Scope(one_line(control.directory.name, 60) or "-", "-", control.settings.workspace)


def _subject(report: Report) -> str:
    """What keeps a run that `--only` narrowed apart from those of the whole project, and from those narrowed otherwise.

    It has seen a part: of the rest it can say neither that it is in trouble nor that it is in order again.
    """
    only = "\n".join(sorted(set(report.only)))
    return f"only {hashlib.sha256(only.encode()).hexdigest()[:16]}" if only else ""


def _beside(control: Control, nobody: Scope) -> Scope:
    """Where trouble with agentctl.toml itself is remembered, so that it too is told once, and its end.

    By the whole path: of two directories with one name the sound one must not speak for the other. Not by the host,
    which agentctl.toml may name.
    """
    path = hashlib.sha256(os.fsencode(control.directory.resolve())).hexdigest()[:16]
    return Scope(nobody.project, f"-{path}", "-")
