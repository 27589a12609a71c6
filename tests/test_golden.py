"""The golden set and its scorer: what is expected can be met, and nothing else passes for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from agentctl.calls.call import OUTCOMES, ActionItem, Digest
from agentctl.calls.due import meanings
from agentctl.calls.evidence import Spoken
from scripts.bench_digest import digest
from scripts.golden import Expected, Golden, Total, load, score
from tests.chat import chatting

Bench = Callable[[str], tuple[int, str]]
GOLDENS = load()


def perfect(golden: Golden) -> dict[str, Any]:
    """What a model answers that makes no mistake."""
    said = {turn.position: turn.message or "" for turn in golden.call.turns}

    def item(one: Expected) -> dict[str, Any]:
        day = next((day for day in one.dates if day), None)
        due = day.isoformat() if day else None
        at = f"{one.at:%H:%M}" if one.at else None
        # Words without a form of their own, so that the date is the model's.
        deadline = {"due": "wie besprochen", "due_date": due, "due_time": at} if due else {}
        return {"what": one.words[0], "quote": said[one.turns[-1]], "turn": one.turns[-1], **deadline}

    fields = {name: values[0] for name, values in golden.fields.items()}
    return {"summary": "S", **fields, "action_items": [item(one) for one in golden.items if not one.optional]}


def of(user: str) -> Golden:
    """Whose transcript it is."""
    return next(golden for golden in GOLDENS if (golden.call.turns[1].message or "") in user)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    def run(url: str) -> tuple[int, str]:
        given = {"LLM_BASE_URL": url, "LLM_MODEL": "scripted", "LLM_PRICE_IN": "1", "LLM_PRICE_OUT": "2"}
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        return digest(None), capsys.readouterr().out

    return run


def test_there_are_enough_conversations_in_both_languages() -> None:
    languages = [golden.wanted.language for golden in GOLDENS]
    assert len(languages) >= 12
    assert min(languages.count("de"), languages.count("en")) >= 6


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name)
def test_what_is_expected_of_a_conversation_is_in_it(golden: Golden) -> None:
    assert set(golden.fields["outcome"]) <= set(OUTCOMES)
    said = {turn.position: (turn.message or "").casefold() for turn in golden.call.turns}
    spoken = Spoken.of(golden.call.turns)
    assert golden.call.started_at
    day = golden.call.started_at.date()
    for item in golden.items:
        assert any(word.casefold() in said[turn] for word in item.words for turn in item.turns)
        assert all(due is None or due >= day for due in item.dates)
        # The words by which it was said lead to the same date here, without any model.
        words = {on for turn in item.turns for on in meanings(golden.call.turns[turn].message or "", day)}
        assert not any(item.dates) or words & set(item.dates)
    for name in golden.fields.get("caller_name", ()):
        assert spoken.names(name)
    for number in golden.fields.get("caller_number", ()):
        assert spoken.numbers(number)


def test_a_model_without_mistakes_has_all_points_and_the_bench_says_so(bench: Bench) -> None:
    with chatting(lambda user: perfect(of(user))) as endpoint:
        code, printed = bench(endpoint.url)
    assert code == 0
    assert len(endpoint.asked) == len(GOLDENS)
    for ratio in ("recall", "precision", "due", "outcome", "fields"):
        assert f"{ratio:10} 1.00\n" in printed, printed
    assert "0 items without evidence; 0 of 14 digests failed" in printed
    assert "0.001200" in printed


def test_a_model_that_invents_and_one_that_is_down(bench: Bench) -> None:
    def invents(user: str) -> Mapping[str, Any] | int:
        golden = of(user)
        if golden.name == "en_booking":
            return 400
        quote = golden.call.turns[0].message
        invented = [{"what": "Geld überweisen", "quote": "das hat niemand gesagt"}, {"what": "Grüßen", "quote": quote}]
        return {**perfect(golden), "outcome": "hacked", "action_items": invented}

    with chatting(invents) as endpoint:
        _, printed = bench(endpoint.url)
    assert "recall     0.00" in printed
    assert "precision  0.00" in printed
    assert "13 items without evidence; 1 of 14 digests failed" in printed
    assert "en_booking: the language model's server answered 400" in printed


def test_without_an_endpoint_the_bench_says_what_to_set(bench: Bench) -> None:
    code, printed = bench("")
    assert code == 2
    assert "LLM_BASE_URL" in printed


GOLDEN = replace(
    GOLDENS[0],
    items=(
        Expected(("angebot",), (1, 2), (date(2026, 11, 20),)),
        Expected(("maß",), (3,), (None,)),
        Expected(("extra",), (3,), optional=True),
    ),
    fields={"outcome": ("callback", "other"), "follow_up": (True,)},
)
RIGHT = ActionItem("Angebot schicken", due_date=date(2026, 11, 20), quote="q", turn=2)


@pytest.mark.parametrize(
    ("items", "recall", "precision", "due"),
    [
        ((RIGHT, ActionItem("Maße", quote="q", turn=3)), 1.0, 1.0, 1.0),
        ((RIGHT,), 0.5, 1.0, 1.0),
        ((RIGHT, RIGHT), 0.5, 0.5, 1.0),
        ((RIGHT, ActionItem("extra", quote="q", turn=3)), 0.5, 1.0, 1.0),
        ((RIGHT, ActionItem("erfunden", quote="q", turn=3)), 0.5, 0.5, 1.0),
        ((replace(RIGHT, turn=0),), 0.0, 0.0, None),
        ((replace(RIGHT, due_date=date(2026, 11, 21)),), 0.5, 1.0, 0.0),
        ((replace(RIGHT, due_date=None), ActionItem("Maße", due_date=date(2026, 12, 1), turn=3)), 1.0, 1.0, 0.0),
        ((), 0.0, None, None),
    ],
)
def test_the_scorer(items: tuple[ActionItem, ...], recall: float, precision: float | None, due: float | None) -> None:
    made = Digest("llm", "S", "de", outcome="other", follow_up=False, action_items=items)
    total = Total.of([score(GOLDEN, made)])
    assert (total.recall, total.precision, total.due) == (recall, precision, due)
    assert (total.outcome, total.fields, total.fallbacks) == (1.0, 0.0, 0)
