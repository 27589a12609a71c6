import pytest

from agentctl.calls.event import Event, SavedAssistant, told

ROW = {
    "id": "e1",
    "type": "post_call_transcription",
    "conversation_id": "c",
    "agent_id": "a",
    "event_timestamp": 1,
    "source": "webhook",
    "attempt": 3,
    "received_at": "2026-01-01T00:00:00+00:00",
    "size": 2,
}
ASSISTANT = {"project": "p", "environment": "production", "key": "empfang", "name": "Empfang", "language": "de"}


def test_an_event_of_a_strangers_agent_has_no_assistant() -> None:
    event = Event.from_row({**ROW, "assistant": None})
    assert (event.payload, event.size, event.attempt, event.assistant) == (None, 2, 3, None)
    assert "payload" not in repr(event)


@pytest.mark.parametrize(
    ("post_call", "mail_to", "items", "language"),
    [
        (None, (), True, "de"),
        ({}, (), True, "de"),
        ({"mail_to": ["a@b.de"], "summary_language": "en", "action_items": False}, ("a@b.de",), False, "en"),
        ({"mail_to": None, "summary_language": None, "action_items": None}, (), True, "de"),
    ],
)
def test_post_call_is_what_the_last_sync_saved(
    post_call: object, mail_to: tuple[str, ...], items: bool, language: str
) -> None:
    assistant = SavedAssistant.from_row({**ASSISTANT, "post_call": post_call})
    assert (assistant.mail_to, assistant.action_items, assistant.digest_language) == (mail_to, items, language)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("post_call_transcription", "post_call_transcription"),
        ("conv_0bpe5013wqxyvqt6k7y5stzfjwns", "conv_0bpe5013wqxyvqt6k7y5stzfjwns"),
        ("call_something_new", "call_something_new"),
        ("erika_muster", "(unusual)"),
        (None, "-"),
        ("Erika Muster +498999998777", "(unusual)"),
        ("498999998777", "(unusual)"),
        ("post_call\n2026 INFO forged", "(unusual)"),
        ("conv_" + "x" * 200, "(unusual)"),
    ],
)
def test_a_log_shows_only_names_that_look_like_what_they_should_be(name: str | None, shown: str) -> None:
    assert told(name) == shown
