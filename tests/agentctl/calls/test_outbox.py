import pytest

from agentctl.calls import outbox
from agentctl.calls.outbox import Mail, deliver
from agentctl.errors import MailError, StoreError, StoreUnavailable
from tests.agentctl.calls.fakes import FakeStore

pytestmark = pytest.mark.anyio
ROW = {
    "id": "m1",
    "conversation_id": "conv_1",
    "purpose": "call",
    "recipient": "team@example.org",
    "message": {"subject": "S", "text": "T", "html": "<p>H</p>", "message_id": "<1@example.org>", "language": "de"},
    "attempt": 2,
    "created_at": "2026-01-01T00:00:00+00:00",
}
MAIL = Mail.from_row(ROW)


class Route:
    name = "test"

    def __init__(self, error: MailError | None = None) -> None:
        self.error = error
        self.sent: list[Mail] = []

    async def send(self, mail: Mail) -> str:
        if self.error:
            raise self.error
        self.sent.append(mail)
        return f"reference-{len(self.sent)}"


async def test_claim_reads_what_the_store_hands_out() -> None:
    (mail,) = await outbox.claim(FakeStore(claim_mails=[ROW]), worker="w", limit=1, lease_seconds=15)
    assert (mail.subject, mail.recipient, mail.attempt) == ("S", "team@example.org", 2)
    assert "<p>" not in repr(mail)


async def test_a_sent_mail_is_recorded_with_its_fence() -> None:
    store, route = FakeStore(), Route()
    assert await deliver(MAIL, store=store, route=route)
    assert store.args("mail_sent") == {"id": "m1", "attempt": 2, "route": "test", "reference": "reference-1"}


async def test_a_mail_that_was_not_sent_is_not_recorded() -> None:
    store = FakeStore()
    with pytest.raises(MailError):
        await deliver(MAIL, store=store, route=Route(MailError("no")))
    assert store.calls == []


async def test_an_outage_after_sending_does_not_send_again() -> None:
    outage: list[object] = [StoreUnavailable("down"), StoreError("odd")]
    store = FakeStore(mail_sent=lambda _args: outage.pop(0) if outage else {"held": True})
    route = Route()
    assert await deliver(MAIL, store=store, route=route, patience=0)
    assert len(route.sent) == 1


async def test_what_could_not_be_recorded_in_time_is_only_recorded_at_the_next_claim() -> None:
    unrecorded: dict[int | str, str] = {}
    route = Route()
    lost = FakeStore(mail_sent={"held": False})
    assert not await deliver(MAIL, store=lost, route=route, unrecorded=unrecorded)
    assert await deliver(MAIL, store=FakeStore(), route=route, unrecorded=unrecorded)
    assert len(route.sent) == 1
    assert unrecorded == {}
