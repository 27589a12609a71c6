"""What counts as a secret, and that it is neither shown nor kept."""

from __future__ import annotations

from agentctl.cli import render
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired
from agentctl.sync.plan import Change, Plan
from agentctl.sync.secret import masked, opened, sealed, seals

CANARY = "canary-7f3a"
RAW = {
    "tools": [{"name": "crm", "request_headers": {"X-Key": CANARY}}],
    "custom_llm": {"api_key": CANARY, "max_tokens": 5, "secret_id": "sec_1"},
}


def test_secrets_are_told_by_their_names_and_all_else_is_left() -> None:
    shown = masked(RAW)
    assert CANARY not in str(shown)
    assert shown["custom_llm"] == {"api_key": "***", "max_tokens": 5, "secret_id": "sec_1"}
    assert masked("Bearer x", ("auth", "request_headers", "Authorization")) == "***"


def test_a_seal_opens_with_the_same_secret_only() -> None:
    kept = sealed(RAW)
    assert CANARY not in str(kept)
    assert sealed(kept) == kept
    assert opened(kept, RAW) == RAW
    assert set(seals(opened(kept, {"api_key": "another"}))) == {"tools.request_headers.X-Key", "custom_llm.api_key"}


def test_a_plan_shows_no_secret() -> None:
    edit = Edit(("custom_llm",), {"api_key": "old-" + CANARY}, RAW["custom_llm"])
    change = Change("update", Desired("agent", "desk", RAW, "desk.toml"), (edit,))
    plan = Plan(changes=(change,))
    assert CANARY not in render.plan_text(plan) + render.to_json(render.plan_json(plan)) + repr(plan)
