"""A sentence begins with a capital, and an id is what it is."""

from __future__ import annotations

import pytest

from agentctl.verbs.wording import sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("the agent pxZ was made", "The agent pxZ was made"),
        ("delete it", "Delete it"),
        ("pxZVB7TFEg is another one", "pxZVB7TFEg is another one"),
        ("agent_1x rings", "agent_1x rings"),
        ("+4989 is routed by the Environment x", "+4989 is routed by the Environment x"),
        ("", ""),
    ],
)
def test_only_a_word_gets_a_capital_and_nothing_loses_one(text: str, told: str) -> None:
    assert sentence(text) == told
