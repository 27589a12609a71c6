import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest

from agentctl.calls.call import ActionItem, Call, Turn, Wanted
from agentctl.calls.completions import Completion
from agentctl.calls.conversation import parse
from agentctl.calls.digest import Analysis, WithFallback, digester, extract
from agentctl.calls.language_model import LanguageModel
from agentctl.errors import BudgetSpent, DigestError
from tests.agentctl.calls.fakes import conversation, with_items

pytestmark = pytest.mark.anyio


class Answers:
    """A language model that always says the same."""

    model = "test-model"

    def __init__(self, answer: str | DigestError) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    async def complete(self, *, system: str, user: str, schema: Mapping[str, Any], name: str) -> Completion:
        self.asked.append({"system": system, "user": user, "schema": schema, "name": name})
        if isinstance(self.answer, DigestError):
            raise self.answer
        return Completion(self.answer)


async def test_by_default_elevenlabs_own_analysis() -> None:
    call = parse(with_items("Frau Muster zurückrufen | Vertrieb | morgen 10 Uhr"))
    digest = await digester().digest(call, Wanted("de"))
    assert (digest.engine, digest.model, digest.language) == ("elevenlabs", None, "de")
    assert digest.summary == "Erika Muster bittet um Rückruf zum Angebot; Termin morgen 10 Uhr notiert."
    assert digest.title == "Rückrufbitte Angebot"
    # It names no evidence, and only words: what they meant in Berlin on that night is counted here.
    assert digest.action_items == (
        ActionItem("Frau Muster zurückrufen", "Vertrieb", "morgen 10 Uhr", date(2025, 11, 21), time(10)),
    )
    assert (digest.outcome, digest.follow_up, digest.cost, digest.asked_sha256) == (None, None, None, None)


async def test_an_assistant_that_wants_no_items_gets_none() -> None:
    call = parse(with_items("Frau Muster zurückrufen"))
    assert (await digester().digest(call, Wanted("de", items=False))).action_items == ()


@pytest.mark.parametrize("analysis", [None, {}, {"transcript_summary": ""}])
async def test_without_an_analysis_a_labelled_extract(analysis: Any) -> None:
    call = parse({**conversation(), "analysis": analysis})
    digest = await digester().digest(call, Wanted("de"))
    assert digest.engine == "extract"
    assert "Hallo, Erika Muster, ich hätte gern einen Rückruf zum Angebot." in digest.summary
    assert "Danke, auf Wiederhören." in digest.summary
    assert digest == await digester().digest(call, Wanted("de"))


def test_the_extract_of_silence() -> None:
    assert "kein Gesprächstext" in extract(Call("c", "done"), "de").summary
    assert "no transcript" in extract(Call("c", "done"), "fr").summary
    data = conversation()
    data["transcript"] = data["transcript"][:1]
    assert "nichts gesagt" in extract(parse(data), "de").summary


async def test_with_a_language_model_its_answer() -> None:
    model = Answers(
        '{"title": "Rückruf", "summary": "Bitte um Rückruf.",'
        ' "action_items": [{"what": "anrufen", "due": "morgen", "quote": "Rückruf für morgen um zehn Uhr"}]}'
    )
    digest = await digester(model).digest(parse(conversation()), Wanted("de"))
    assert (digest.engine, digest.model, digest.summary) == ("llm", "test-model", "Bitte um Rückruf.")
    assert digest.action_items[0].due == "morgen"
    assert digest.detail == {}


@pytest.mark.parametrize(
    "answer",
    [
        DigestError("the language model did not answer in time"),
        "no json",
        '{"summary": 5}',
        '{"summary": " "}',
        "{}",
        "",
    ],
)
async def test_a_language_model_that_fails_costs_only_its_own_digest(answer: str | DigestError) -> None:
    digest = await digester(Answers(answer)).digest(parse(conversation()), Wanted("de"))
    assert digest.engine == "elevenlabs"
    assert digest.detail["fallback_from"] == "llm"
    assert digest.detail["error"]


async def test_a_model_that_takes_too_long_is_not_waited_for() -> None:
    class Slow(Answers):
        async def complete(self, *, system: str, user: str, schema: Mapping[str, Any], name: str) -> Completion:
            await asyncio.Event().wait()
            raise AssertionError

    slow = WithFallback(LanguageModel(Slow("")), Analysis(), patience=0.01)
    made = await slow.digest(parse(conversation()), Wanted("de"))
    assert (made.engine, made.detail["fallback_from"]) == ("elevenlabs", "llm")
    assert "took longer than 0.01 s" in made.detail["error"]


async def test_over_budget_is_told_apart_from_an_outage() -> None:
    spent = await digester(Answers(BudgetSpent("spent"))).digest(parse(conversation()), Wanted("de"))
    assert (spent.engine, spent.detail["over_budget"]) == ("elevenlabs", True)
    away = await digester(Answers(DigestError("away"))).digest(parse(conversation()), Wanted("de"))
    assert "over_budget" not in away.detail


async def test_a_call_that_is_too_long_for_the_model_says_so() -> None:
    turns = tuple(Turn(at, "user", "Heizung " * 1000) for at in range(200))
    made = await digester(Answers("{}")).digest(replace(parse(conversation()), turns=turns), Wanted("de"))
    assert (made.engine, made.detail["too_long"]) == ("elevenlabs", True)


@pytest.mark.parametrize("messages", [(), ("",), ("  ", None), ("…", "\u200b")])
async def test_a_call_without_words_is_not_sent_to_the_model(messages: tuple[str | None, ...]) -> None:
    model = Answers("{}")
    turns = tuple(Turn(at, "user", message) for at, message in enumerate(messages))
    digest = await digester(model).digest(Call("c", "done", turns=turns), Wanted("de"))
    assert (digest.engine, model.asked) == ("extract", [])
