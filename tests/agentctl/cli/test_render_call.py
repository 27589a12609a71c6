"""agentctl.cli.render_call: what a call, a table and a pass over the queues look like."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.cli import render_call
from agentctl.verbs.work import Drained

NO_DATE = dict.fromkeys(("due_date", "due_time", "quote", "turn"))
CALL: dict[str, Any] = {
    "conversation_id": "conv_1",
    "agent_id": "agent_1",
    "assistant": "empfang",
    "assistant_name": "Empfang",
    "status": "done",
    "direction": "inbound",
    "external_number": "+498999998999",
    "channel": "phone",
    "started_at": "2026-01-02T03:04:05+00:00",
    "duration_secs": 3661,
    "title": "Rückruf",
    "summary": "Bitte zurückrufen.",
    "failure_reason": None,
    "language": "de",
    "successful": "success",
    "termination_reason": "Call ended by remote party",
    "cost_credits": 155,
    "cost_fiat": 0.0309,
    "recording": None,
    "action_items": [
        NO_DATE
        | {"position": 0, "what": "Rückruf zum Angebot", "who": "Erika Muster", "due": "morgen 10 Uhr", "done": False},
        NO_DATE | {"position": 1, "what": "Notiz", "who": None, "due": None, "done": True},
    ],
    "digest": dict.fromkeys(("outcome", "sentiment", "follow_up", "caller_name", "caller_number"))
    | dict.fromkeys(("tokens_in", "tokens_out", "cost", "seconds"))
    | {
        "title": "Rückruf",
        "summary": "Bitte zurückrufen.",
        "engine": "elevenlabs",
        "model": None,
        "detail": {},
    },
    "turns": [],
    "mails": [],
    "events": [],
}


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")


def turn(message: str | None, **more: Any) -> dict[str, Any]:
    return {
        "position": 7,
        "role": "user",
        "message": message,
        "at_secs": 4,
        "interrupted": False,
        "tool_calls": [],
        "tool_results": [],
        "detail": {},
    } | more


@pytest.mark.parametrize(
    ("engine", "model", "detail", "label"),
    [
        ("elevenlabs", None, {}, "Summarised by ElevenLabs' analysis."),
        ("llm", "small-1", {}, "Summarised by the language model small-1."),
        ("extract", None, {}, "Automatic extract without a language model."),
        ("elevenlabs", None, {"fallback_from": "llm"}, "The configured language model was not available."),
    ],
)
def test_every_digest_says_who_made_it(engine: str, model: str | None, detail: dict[str, str], label: str) -> None:
    digest = CALL["digest"] | {"engine": engine, "model": model, "detail": detail}
    assert label in render_call.call_text(CALL | {"digest": digest})


def test_action_items_say_what_who_and_when() -> None:
    text = render_call.call_text(CALL)
    assert "[ ] Rückruf zum Angebot (Erika Muster, morgen 10 Uhr)" in text
    assert "[x] Notiz\n" in text + "\n"


def test_long_turns_wrap_under_themselves() -> None:
    lines = render_call.call_text(CALL | {"turns": [turn("wort " * 30)]}).splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("  7  00:04  user    wort"))
    assert lines[begin + 1].startswith(" " * 20 + "wort")
    assert max(map(len, lines)) <= 60


def test_turns_without_words_and_times_stay_visible() -> None:
    text = render_call.call_text(
        CALL
        | {
            "turns": [
                turn(None, at_secs=None),
                turn("Moment", interrupted=True, tool_results=[{"tool_name": "crm", "is_error": True}]),
            ]
        }
    )
    assert "    -  user" in text
    assert "Moment [tool crm failed] [interrupted]" in text


def test_a_call_that_failed_says_why() -> None:
    failed = CALL | {
        "status": "failed",
        "direction": "outbound",
        "failure_reason": "no-answer",
        "duration_secs": None,
        "digest": None,
        "title": None,
        "summary": None,
        "action_items": [],
    }
    assert "Empfang: Call to +498999998999" in render_call.call_text(failed)
    assert "failed: no answer" in render_call.call_text(failed)
    assert render_call.about(failed) == "failed: no answer"


def test_a_call_of_somebody_elses_agent() -> None:
    text = render_call.call_text(CALL | {"assistant": None, "assistant_name": None})
    assert text.startswith("agent_1: Call from")
    assert "not one of this project's; nobody was mailed" in text


def test_figures_and_how_long_each_answer_took() -> None:
    metrics = {"convai_llm_service_ttfb": {"elapsed_time": 0.4}, "convai_tts_service_ttfb": {"elapsed_time": 0.21}}
    answers = [turn("Guten Tag", role="agent", detail={"metrics": metrics}), turn("Hallo")]
    text = render_call.call_text(CALL | {"turns": answers})
    said = " ".join(text.split())
    assert "language: de; judged: success; ended: Call ended by remote party; cost: 155 credits (0.0309)" in said
    assert "answers: 1, half of them within 0.61 s" in said
    assert "  7  00:04  agent   Guten Tag [0.61 s]" in text
    assert "  7  00:04  user    Hallo\n" in text + "\n"
    nothing = dict.fromkeys(("language", "successful", "termination_reason", "cost_credits", "cost_fiat"))
    assert "cost" not in render_call.call_text(CALL | nothing)


def test_what_a_pass_came_to() -> None:
    text = render_call.drained_text(Drained(2, 1, 1, 1, 4, 1, 3, 4, dead_mails=2, dead_syncs=1))
    assert text.splitlines() == [
        "2 queued again.",
        "1 done, 1 failed.",
        "1 taken over by another worker.",
        "1 given up for good: agentctl calls events --state dead",
        "2 mails given up for good: agentctl calls retry --all, once the reason is put right",
        "1 syncs given up for good: agentctl calls retry --all, once the reason is put right",
        "1 kept, since they were not understood: agentctl calls events --state kept",
        "Waiting: 3 events and 4 mails.",
    ]


def test_one_endless_cell_makes_no_wide_table() -> None:
    name = "conv_0bpe5013wqxyvqt6k7y5stzfjwns:hcafgkbo"
    head, long, short = render_call.table(
        ("ITEM", "NUMBER", "WHAT"), [(name, "9" * 22_000, "a"), (name, "1", "b")]
    ).split("\n")
    assert long == f"{name}  {'9' * 59}…  a"
    assert short == f"{name}  1{' ' * 59}  b"
    assert len(head) < 200
