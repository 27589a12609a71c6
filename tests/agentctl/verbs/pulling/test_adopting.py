"""For any agent that the platform can have: its files read as what is there, so that a plan has nothing to do.

The worlds are made by the sandbox's own shapes, not by ours; nothing goes over a wire here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agentctl.resources import kinds as all_kinds
from agentctl.resources.api import Api
from agentctl.resources.criteria import by_id
from agentctl.resources.defaults import beyond_defaults, without_secrets
from agentctl.resources.place import Place
from agentctl.sandbox.conversation_shape import CONVERSATION_CONFIG
from agentctl.sandbox.platform_shape import PLATFORM_SETTINGS
from agentctl.sandbox.shape import REQUIRED, Shape, settle
from agentctl.sources.files import load
from agentctl.sync.bindings import Bindings, Store
from agentctl.sync.diff import diff
from agentctl.sync.kind import Ref, Scope
from agentctl.sync.plan import resolve
from agentctl.verbs.pulling.adopting import _Composer, is_ours
from agentctl.verbs.pulling.candidates import Candidate
from agentctl.verbs.pulling.library import Shelf

SCOPE = Scope("beispiel", "production", "api.elevenlabs.io")
PROJECTS = (
    'project = "beispiel"\n',
    'project = "beispiel"\n[defaults]\nlanguage = "de"\nfirst_message = "KI"\n[defaults.llm]\ntemperature = 0.5\n'
    "[defaults.elevenlabs.platform_settings.privacy]\nretention_days = 7\n",
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.sampled_from(
    ["[[ a ]]", "[% raw %]", "[% endraw %]", "[# x #]", "{{ b }}", "[[[%", "a\nb", '"""', "\\", " x ", "#"]
)
OWN = {"model_id", "language", "tools", "archived", "post_call_webhook_id", "system_tool_type"}


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """What the platform may hold in one place."""
    made = _values(shape)
    return st.none() | made if shape.nullable else made


def _values(shape: Shape) -> st.SearchStrategy[Any]:
    if shape.kind == "text":
        if shape.options:
            return st.sampled_from([option for option in shape.options if option is not None])
        return (
            st.sampled_from(["gpt-4o", "claude-x"])
            if shape.pattern
            else TEXT.filter(lambda t: len(t) >= (shape.low or 0))
        )
    if shape.kind == "flag":
        return st.booleans()
    low, high = shape.low, shape.high
    if shape.kind == "whole":
        return st.integers(int(low if low is not None else -5), int(high if high is not None else 10**6))
    if shape.kind == "real":
        return st.floats(low if low is not None else -5, high if high is not None else 1e6, allow_nan=False)
    if shape.kind == "many":
        return st.lists(values(cast(Shape, shape.item)), max_size=2)
    if shape.kind == "mapping":
        return st.dictionaries(TEXT.filter(bool), values(cast(Shape, shape.item)), max_size=2)
    if shape.kind == "group":
        return _groups(shape)
    return st.just({}) if shape.kind == "tagged" else st.none() | TEXT | st.integers(-9, 9) | st.booleans()


def _groups(shape: Shape) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: inner for name, inner in shape.fields.items() if name not in OWN and inner.kind != "tagged"}
    needed = {name: values(inner) for name, inner in fields.items() if inner.default is REQUIRED}
    free = {name: values(inner) for name, inner in fields.items() if name not in needed}
    some = st.lists(st.sampled_from(sorted(free)), max_size=4, unique=True) if free else st.just([])
    return some.flatmap(lambda names: st.fixed_dictionaries({**needed, **{name: free[name] for name in names}}))


def said(value: Any) -> Any:
    """The value without what is empty: the platform's null, "" and {} mean one and the same."""
    if isinstance(value, dict):
        inner = {key: said(entry) for key, entry in value.items()}
        return {key: entry for key, entry in inner.items() if entry not in (None, "", [], {})}
    return [said(entry) for entry in value] if isinstance(value, list) else value


def delivering(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings without a webhook that has no id: its events go nowhere, so that no file has to say them."""
    overrides = {name: one for name, one in settings.get("workspace_overrides", {}).items() if name != "webhooks"}
    return {**settings, "workspace_overrides": overrides}


@st.composite
def agents(draw: st.DrawFn) -> dict[str, Any]:
    """An agent as GET answers it, with the platform's defaults around what somebody set."""
    problems: list[dict[str, Any]] = []
    config = settle(CONVERSATION_CONFIG, draw(_groups(CONVERSATION_CONFIG)), (), problems)
    platform = settle(PLATFORM_SETTINGS, draw(_groups(PLATFORM_SETTINGS)), (), problems)
    if draw(st.booleans()):
        config["agent"]["language"], config["tts"]["model_id"] = "de", "eleven_turbo_v2_5"
    config["agent"]["prompt"]["knowledge_base"] = []
    config["agent"]["prompt"]["prompt"] = draw(TEXT.filter(lambda text: bool(text.strip())))
    return {"agent_id": "agent_1", "name": "Empfang", "tags": draw(st.lists(TEXT, max_size=2)),
            "conversation_config": config, "platform_settings": platform, "workflow": {}}  # fmt: skip


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    made = [tmp_path_factory.mktemp("project") for _ in PROJECTS]
    for root, text in zip(made, PROJECTS, strict=True):
        (root / "agentctl.toml").write_text(text)
    return made


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(body=agents(), place=st.integers(0, 1), webhook=st.booleans())
def test_what_is_pulled_is_what_is_there(roots: list[Path], body: dict[str, Any], place: int, webhook: bool) -> None:
    loaded = load(roots[place])
    bindings = Bindings(cast(Store, None), SCOPE)
    if webhook:
        bindings._ids[Ref("webhook", "post_call")] = "wh_1"
    made = all_kinds(Place(cast(Api, None), cast(Store, None), SCOPE, Ref("webhook", "post_call") if webhook else None))
    kinds = {kind.name: kind for kind in made}
    composer = _Composer(loaded, bindings, kinds, {})
    adoption = composer.compose(Candidate("agent_1", "empfang", "Empfang"), body, Shelf())
    assert composer.left == []
    assert adoption is not None
    (assistant,) = adoption.sheet.tried().assistants
    (desired,) = kinds["agent"].desired(assistant)
    kept = beyond_defaults(body)
    for section, shape in (("conversation_config", CONVERSATION_CONFIG), ("platform_settings", PLATFORM_SETTINGS)):
        made = settle(shape, kept.get(section, {}), (), [])
        assert said(delivering(made)) == said(delivering(body[section])), "what is not kept is the default"
    declared, _ = without_secrets(kept)
    lost = diff(by_id(declared), desired.body, {})
    assert [edit for edit in lost if not is_ours(edit, kinds["agent"])] == [], "what is kept is declared"
    edits = diff(resolve(desired.body, {Ref("webhook", "post_call"): "wh_1"}), by_id(body), kinds["agent"].lists)
    assert [edit for edit in edits if not is_ours(edit, kinds["agent"])] == []
