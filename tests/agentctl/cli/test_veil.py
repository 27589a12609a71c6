"""agentctl.cli.veil: what a command shows holds none of its secrets, wherever they stand and whoever put them there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agentctl.cli import terminal
from agentctl.cli.addressed import addressed
from agentctl.cli.render_edit import edit_lines
from agentctl.cli.veil import CURTAIN, Curtain, shown
from agentctl.secrecy.veil import Veil
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Ref

KEY, OTHER, PEM = "sk_0123456789abcdef", "wsec_fedcba9876543210", "-----BEGIN-----\nMIIB0123456789\n-----END-----"


@pytest.fixture(autouse=True)
def _drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(terminal, "wants_colour", lambda: False)
    curtain = Curtain()
    for veil in (Veil(KEY), Veil(OTHER, PEM)):  # of two environments
        curtain.add(veil)
    token = CURTAIN.set(curtain)
    yield
    CURTAIN.reset(token)


def test_a_secret_is_taken_out_of_any_value_and_the_rest_stays() -> None:
    value: Any = {"prompt": f"Use {KEY}.", "tools": [{"n": 4, "ok": True, "url": f"https://x/{OTHER}"}, None]}
    assert shown(value) == {"prompt": "Use ***.", "tools": [{"n": 4, "ok": True, "url": "https://x/***"}, None]}
    assert shown({"token": "plain", "text": "plain"}) == {"token": "***", "text": "plain"}, "by its name too"
    assert shown([Ref("agent", "desk"), "text"]) == [Ref("agent", "desk"), "text"]


def test_so_is_a_message() -> None:
    assert addressed(f"no agent {KEY}") == "no agent ***"


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (f"Hello {KEY}", "Hello", ['field: "Hello ***" -> "Hello"']),
        (f"a\n{KEY}", "a\nb", ["field:", "(a secret in it differs)"]),
        (f"a\n{KEY}", f"a\n{OTHER}", ["field:", "(a secret in it differs)"]),
        (f"a\n{PEM}", "a\n", ["field:", "@@ -1,2 +1,2 @@", "a", "-***", "+"]),
        (None, [KEY], ['field: ["***"]']),
    ],
)
def test_so_is_an_edit(before: Any, after: Any, lines: list[str]) -> None:
    assert [line.strip() for line in edit_lines(Edit(("field",), before, after))] == lines


def test_of_a_secret_of_several_lines_each_is_one() -> None:
    assert [addressed(f"+{line}") for line in PEM.split("\n")] == ["+***", "+***", "+***"]
