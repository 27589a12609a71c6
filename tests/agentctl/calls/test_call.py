from typing import Any

import pytest

from agentctl.calls.call import Turn
from agentctl.calls.conversation import parse
from tests.agentctl.calls.fakes import conversation


def turn(llm: Any, tts: Any, **changes: Any) -> Turn:
    waits = {"convai_llm_service_ttfb": llm, "convai_tts_service_ttfb": tts}
    detail = {"metrics": {name: {"elapsed_time": waited} for name, waited in waits.items() if waited is not None}}
    return Turn(**({"position": 0, "role": "agent", "message": "Guten Tag", "detail": detail} | changes))


@pytest.mark.parametrize(
    ("spoken", "waited"),
    [
        (turn(0.25, 0.18), 430),
        (turn(0.25, None), 250),
        (turn(None, 0.18), None),
        (turn(0, 0), 0),
        (turn("x", 0.18), None),
        (turn(-1, 0.18), None),
        (turn(1e9, 0.18), None),
        (turn(True, 0.1), None),
        (turn(0.25, 0.18, role="user"), None),
        (turn(0.25, 0.18, message=None), None),
        (turn(0.25, 0.18, detail={"metrics": ["odd"]}), None),
    ],
)
def test_how_long_a_caller_waits_for_an_answer(spoken: Turn, waited: int | None) -> None:
    assert spoken.answer_ms == waited


def test_a_call_keeps_what_its_answers_took() -> None:
    assert parse(conversation()).record()["answer_ms"] == [434, 434]
    silent = conversation()
    silent["transcript"] = []
    assert parse(silent).record()["answer_ms"] is None
