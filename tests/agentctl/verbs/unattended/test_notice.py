"""agentctl.verbs.unattended.notice: what the mail about a sync shows, and that it is sent where there is a route."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agentctl.errors import AgentctlError, Busy
from agentctl.sync.kind import Scope
from agentctl.verbs.unattended.notice import MAX_FINDINGS, composed, notify
from agentctl.verbs.unattended.report import Report
from agentctl.wiring import Control
from tests.telephony import Bench, bench

__all__ = ["bench"]
SCOPE = Scope("beispiel", "production", "api.elevenlabs.io")
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def report(error: Exception | None, exit_code: int = 1) -> Report:
    return Report(NOW, NOW, exit_code, 7, SCOPE, None, (), error)


def test_what_an_error_quotes_cannot_act_in_a_mail() -> None:
    hostile = "name was \u202eexe.fdp\x1b[2J <script>alert(1)</script>\r\nBcc: x@example.org"
    message = composed(report(AgentctlError(hostile)), SCOPE, "en")
    assert "<script>" not in message["html"]
    assert "&lt;script&gt;" in message["html"]
    assert "\n" not in message["subject"]
    for part in (message["text"], message["html"]):
        assert not {"\u202e", "\x1b"} & set(part)


def test_both_languages_say_what_happened() -> None:
    german, english = (composed(report(AgentctlError("kaputt")), SCOPE, one) for one in ("de", "en"))
    assert german["subject"] == "beispiel/production: Synchronisation fehlgeschlagen"
    assert english["subject"] == "beispiel/production: Sync failed"
    assert "- kaputt" in german["text"].splitlines()
    assert "Samstag" in german["text"]
    assert composed(report(None, 0), SCOPE, "de")["subject"].endswith("wieder in Ordnung")


def test_a_mail_stays_readable_however_much_is_wrong() -> None:
    class Many(Report):
        findings = tuple(f"agent {number}\nwhy" for number in range(500))

    message = composed(Many(NOW, NOW, 1, 0, SCOPE, None, (), None), SCOPE, "en")
    assert message["text"].count("- agent") == MAX_FINDINGS
    assert "And 460 more" in message["text"]


class Route:
    """Takes every mail."""

    name = "smtp"

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send(self, mail: object) -> str:
        self.sent.append(mail)
        return "taken"


def test_where_there_is_a_route_it_is_sent_at_once(bench: Bench) -> None:
    route = Route()

    async def tell(control: Control) -> list[int]:
        control.workshop.mail_route = route  # type: ignore[assignment]
        return [await notify(control, report(AgentctlError("kaputt")), ["a@example.org"]) for _ in range(2)]

    assert bench.control(tell) == [1, 0]
    (mail,) = route.sent
    assert (mail.recipient, mail.message_id.endswith("@agentctl.invalid>")) == ("a@example.org", True)  # type: ignore[attr-defined]
    assert bench.store("claim_mails", worker="test", limit=5, lease_seconds=60) == []


@pytest.mark.parametrize("error", [AgentctlError("kaputt"), Busy("another sync is running")], ids=["no news", "busy"])
def test_what_waits_is_sent_by_the_next_run_that_has_a_route(bench: Bench, error: AgentctlError) -> None:
    route = Route()

    async def tell(control: Control) -> int:
        return await notify(control, report(AgentctlError("kaputt")), ["a@example.org"])

    async def tell_again(control: Control) -> int:
        control.workshop.mail_route = route  # type: ignore[assignment]
        return await notify(control, report(error), ["a@example.org"])

    assert bench.control(tell) == 1
    assert route.sent == []
    assert bench.control(tell_again) == 0
    assert [mail.recipient for mail in route.sent] == ["a@example.org"]  # type: ignore[attr-defined]


def test_where_nobody_can_be_told_nothing_counts_as_told(bench: Bench) -> None:
    async def tell(control: Control) -> list[int]:
        trouble = report(AgentctlError("kaputt"))
        return [await notify(control, trouble, to) for to in ([], ["a@example.org"])]

    assert bench.control(tell) == [0, 1]
