"""The shape of the platform's answers, as far as anything is read from them: asked of each answer once, where it comes
in, so that nobody who reads a member has to ask what it is.

A member may always be missing or null; who cannot do without it says so by `answer.having`. What is only compared, or
passed on, may be anything. Names of requests are those of errors: the method and the path with its places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from agentctl.resources.answer import odd
from agentctl.resources.endpoints import AGENT, AGENTS, DOCUMENT, KNOWLEDGE

TEXT, NUMBER, OBJECT = "a text", "a number", "an object"


@dataclass(frozen=True)
class Each:
    """An object, with whatever names, whose values have one shape."""

    shape: Shape


Shape: TypeAlias = "str | Each | Mapping[str, Shape] | list[Shape] | None"
"""One of the words above; members by name; a list of entries; None: anything."""

_RETRIEVAL: Shape = {"embedding_model": TEXT}
_NODE: Shape = {"conversation_config": {"agent": {"prompt": {"rag": _RETRIEVAL}}}}
_WEBHOOKS: Shape = {"post_call_webhook_id": TEXT, "events": [TEXT]}
_AGENT: Shape = {
    "agent_id": TEXT,
    "name": TEXT,
    "tags": [TEXT],
    "phone_numbers": [OBJECT],
    "conversation_config": {
        "agent": {"prompt": {"prompt": TEXT, "knowledge_base": [{"id": TEXT}], "rag": _RETRIEVAL}},
        "tts": {"supported_voices": [OBJECT]},
        "language_presets": Each(OBJECT),
        "conversation": {"client_events": [TEXT]},
    },
    "platform_settings": {
        "workspace_overrides": {"webhooks": _WEBHOOKS},
        "evaluation": {"criteria": [{"id": TEXT}]},
        "testing": {"attached_tests": [{"test_id": TEXT}]},
        "auth": {"allowlist": [OBJECT]},
        "data_collection": Each(OBJECT),
        "privacy": {"conversation_history_redaction": OBJECT},
    },
    "workflow": {"nodes": Each(_NODE), "edges": OBJECT},
}
_LISTED_AGENT: Shape = {"agent_id": TEXT, "name": TEXT, "tags": [TEXT], "created_at_unix_secs": NUMBER}
_DOCUMENT: Shape = {
    "id": TEXT,
    "name": TEXT,
    "type": TEXT,
    "metadata": {"size_bytes": NUMBER},
    "dependent_agents": [{"id": TEXT, "name": TEXT}],
}
_INDEX: Shape = {"id": TEXT, "model": TEXT, "status": TEXT, "progress_percentage": NUMBER}
_NUMBER: Shape = {"phone_number_id": TEXT, "phone_number": TEXT, "assigned_agent": {"agent_id": TEXT}}
_RUNS: Shape = {
    "id": TEXT,
    "test_runs": [{"test_id": TEXT, "status": TEXT, "condition_result": {"rationale": {"messages": [None]}}}],
}
_WEBHOOK: Shape = {"webhook_id": TEXT, "name": TEXT, "webhook_url": TEXT}
_PAGE: Mapping[str, Shape] = {"next_cursor": TEXT}
_TESTS = "/v1/convai/agent-testing"
_NUMBERS, _HOOKS = "/v1/convai/phone-numbers", "/v1/workspace/webhooks"
_USERS: Shape = {
    **_PAGE,
    "agents": [{"id": TEXT, "name": TEXT}],
    "branches": [{"branch_id": TEXT, "agent_id": TEXT}],
}

SHAPES: Mapping[str, Shape] = {
    f"GET {AGENTS}": {**_PAGE, "agents": [_LISTED_AGENT]},
    f"GET {AGENT}": _AGENT,
    f"PATCH {AGENT}": _AGENT,
    f"POST {AGENT}/run-tests": _RUNS,
    "GET /v1/convai/test-invocations/{test_invocation_id}": _RUNS,
    f"GET {KNOWLEDGE}": {**_PAGE, "documents": [_DOCUMENT]},
    f"GET {DOCUMENT}": _DOCUMENT,
    f"PATCH {DOCUMENT}": _DOCUMENT,
    f"GET {DOCUMENT}/dependent-agents": _USERS,
    f"GET {DOCUMENT}/rag-index": {"indexes": [_INDEX]},
    f"POST {DOCUMENT}/rag-index": _INDEX,
    f"POST {KNOWLEDGE}/rag-index": Each({"data": _INDEX}),
    f"GET {DOCUMENT}/source-file-url": {"signed_url": TEXT},
    f"GET {_TESTS}": {**_PAGE, "tests": [OBJECT]},
    "GET /v1/convai/conversation/get-signed-url": {"signed_url": TEXT},
    f"GET {_NUMBERS}": [_NUMBER],
    f"GET {_NUMBERS}/{{phone_number_id}}": _NUMBER,
    f"PATCH {_NUMBERS}/{{phone_number_id}}": _NUMBER,
    f"GET {_HOOKS}": {"webhooks": [_WEBHOOK]},
    "GET /v1/convai/settings": {"webhooks": _WEBHOOKS},
    "PATCH /v1/convai/settings": {"webhooks": _WEBHOOKS},
}


def must_be_as_told(request: str, answer: object) -> None:
    """Raise as `answer.having` does where `answer` to `request` has another shape than what is read from it."""
    found = _difference(answer, SHAPES.get(request, {}), "")
    if found is not None:
        raise odd(request, found)


def _difference(value: Any, shape: Shape, at: str) -> str | None:
    """What the first member that differs is, in words; None: all is as it should be."""
    if shape is None or (value is None and at):
        return None
    kind, wanted = _word(value), _wanted(shape)
    if kind != wanted:
        return f"{at or 'the answer'} is {kind}, not {wanted}"
    if isinstance(shape, list):
        parts = [(entry, shape[0], f"{at}[{number}]") for number, entry in enumerate(value)]
        absent = next((place for entry, _, place in parts if entry is None and shape[0] is not None), None)
        if absent is not None:
            return f"{absent} is null, not {_wanted(shape[0])}"
    elif isinstance(shape, Each):
        parts = [(entry, shape.shape, f"{at}.{name}".lstrip(".")) for name, entry in value.items()]
    elif isinstance(shape, Mapping):
        parts = [(value[name], below, f"{at}.{name}".lstrip(".")) for name, below in shape.items() if name in value]
    else:
        return None
    return next((one for entry, below, place in parts if (one := _difference(entry, below, place)) is not None), None)


def _wanted(shape: Shape) -> str:
    if isinstance(shape, str):
        return shape
    return "a list" if isinstance(shape, list) else OBJECT


def _word(value: Any) -> str:
    words = {bool: "true or false", int: NUMBER, float: NUMBER, str: TEXT, list: "a list", dict: OBJECT}
    return words.get(type(value), "null")
