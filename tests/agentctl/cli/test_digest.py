"""agentctl calls digest: what it takes, what it prints, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agentctl.cli.test_calls import CONVERSATION, SAMPLE, Cli, Deliver, cli, deliver  # noqa: F401  (fixtures)
from tests.chat import chatting

SAID = {"summary": "Rückruf erbeten.", "title": "Neu", "outcome": "callback", "follow_up": True, "action_items": []}
QUOTE = "ich notiere den Rückruf für morgen um zehn Uhr"
ITEMS = [
    {"what": "Zurückrufen", "who": "Vertrieb", "due": "morgen um zehn Uhr", "quote": QUOTE, "turn": 4},
    {"what": "Erfunden", "quote": "das hat niemand gesagt"},
]


def test_one_call_and_all_since_then(
    cli: Cli,  # noqa: F811
    deliver: Deliver,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(SAMPLE)
    cli("process")
    with chatting(lambda user: {**SAID, "action_items": ITEMS}) as endpoint:
        monkeypatch.setenv("LLM_BASE_URL", endpoint.url)
        monkeypatch.setenv("LLM_MODEL", "m")
        for name in ("LLM_PRICE_IN", "LLM_PRICE_OUT"):
            monkeypatch.setenv(name, "0.5")
        assert cli("digest", CONVERSATION) == (0, f"{CONVERSATION}  made\n1 made.\nCost: 0.0006\n", "")
        assert cli("digest", CONVERSATION) == (0, "1 unchanged.\n", "")
        assert cli("digest", "--since", "2025-11-19") == (0, "1 unchanged.\n", "")
        assert cli("digest", "--since", "1h") == (0, "No such calls.\n", "")
        shown = cli("show", CONVERSATION)[1]
        endpoint.answer = lambda user: 401
        code, out, _ = cli("digest", "--since", "2025-11-19", "--force", "--json")
    assert code == 1
    (failed,) = json.loads(out)
    assert (failed["conversation_id"], failed["state"], failed["cost"]) == (CONVERSATION, "failed", None)
    assert "401" in failed["reason"]
    for said in (
        "Outcome: callback wanted",
        "Follow-up: needed",
        "[ ] Zurückrufen (Vertrieb, morgen um zehn Uhr = 2025-11-21 10:00)",
        f"    turn 4: “{QUOTE}”",
        "One item without evidence in the conversation was left out.",
        "1,000 tokens in, 100 out, 0.00055.",
    ):
        assert said in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a conversation or --since"),
        (("conv_1", "--since", "7d"), "one of both"),
        (("--since", "yesterday"), "'yesterday' is no time"),
    ],
)
def test_what_it_cannot_take_is_2(cli: Cli, arguments: tuple[str, ...], said: str) -> None:  # noqa: F811
    code, out, err = cli("digest", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_without_a_language_model_it_says_what_to_set(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    code, _, err = cli("digest", "conv_1")
    assert code == 2
    assert "LLM_BASE_URL" in err
    assert "LLM_MODEL" in err
