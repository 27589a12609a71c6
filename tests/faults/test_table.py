"""Each kind, each verb, each fault: the exit code, what is said, what is done all the same, and the run after it.

A new kind is a row of TABLE. The platform is the sandbox in memory, the store a real one, the command the real one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from agentctl.resources import KINDS
from agentctl.sync.kind import Shared
from tests.faults.project import STORE_FAULTS, Bench, bench
from tests.faults.world import AT_PLATFORM

__all__ = ["bench"]
LISTS, BARE = ("list", "users"), ("phone_number",)
VERBS = ("list", "look", "read", "create", "update", "users", "delete")
KNOWLEDGE, AGENTS, NUMBERS = "/v1/convai/knowledge-base", "/v1/convai/agents", "/v1/convai/phone-numbers"
TESTS = "/v1/convai/agent-testing"
DOCUMENT = f"{KNOWLEDGE}/{'?' * 20}"  # by its id, and none of the paths beneath it
OWN_FOLDER = {"query": "*types=folder*"}
NO_FOLDER = {"query": "*production%2F"}


@dataclass(frozen=True)
class Row:
    """How a kind speaks: per verb the method, the path and more of its request, or the function of the store.

    `ignorable`: a key of its bodies that a platform may drop. `never`: verbs that a sync does not use, and why.
    `keeps`: kinds of which something stays while one of this kind cannot be deleted.
    """

    requests: Mapping[str, tuple[Any, ...]]
    ignorable: str = ""
    never: Mapping[str, str] = field(default_factory=dict)
    keeps: frozenset[str] = frozenset()


TABLE: Mapping[str, Row] = {
    "knowledge_folder": Row(
        {
            "list": ("GET", KNOWLEDGE, OWN_FOLDER),
            "read": ("GET", DOCUMENT),
            "create": ("POST", f"{KNOWLEDGE}/folder"),
            "users": ("GET", f"{KNOWLEDGE}/{{folder}}/dependent-agents"),
            "delete": ("DELETE", f"{KNOWLEDGE}/{{folder}}"),
        },
        never={
            "look": "the list has it all",
            "update": "its name is its key",
            "key ignored": "its only key is required",
        },
    ),
    "knowledge_document": Row(
        {
            "list": ("GET", KNOWLEDGE, NO_FOLDER),
            "read": ("GET", DOCUMENT, {"skip": 2}),
            "create": ("POST", f"{KNOWLEDGE}/text"),
            "update": ("PATCH", DOCUMENT),
            "users": ("GET", f"{KNOWLEDGE}/{{document}}/dependent-agents"),
            "delete": ("DELETE", f"{KNOWLEDGE}/{{document}}"),
        },
        ignorable="name",
        never={"look": "the list has it all"},
        keeps=frozenset({"knowledge_folder"}),
    ),
    "rag_index": Row(
        {
            "read": ("GET", f"{DOCUMENT}/rag-index"),
            "create": ("POST", f"{DOCUMENT}/rag-index"),
            "update": ("POST", f"{DOCUMENT}/rag-index"),
            "delete": ("DELETE", f"{DOCUMENT}/rag-index/*"),
        },
        never={
            "list": "what it does not tell is asked of each document",
            "look": "a second way after the list's, so that a fault of the list alone does nothing",
            "users": "those of its document, and of them the agents, which are read",
            "key ignored": "its only key is required",
        },
    ),
    "agent_test": Row(
        {
            "list": ("GET", TESTS),
            "read": ("GET", f"{TESTS}/*"),
            "create": ("POST", f"{TESTS}/create"),
            "update": ("PUT", f"{TESTS}/*"),
            "delete": ("DELETE", f"{TESTS}/*"),
        },
        never={"look": "the list has it all", "key ignored": "its name, which is required, tells of the rest"},
    ),
    "agent": Row(
        {
            "list": ("GET", AGENTS),
            "look": ("GET", f"{AGENTS}/*"),
            "read": ("GET", f"{AGENTS}/*"),
            "create": ("POST", f"{AGENTS}/create"),
            "update": ("PATCH", f"{AGENTS}/*"),
            "delete": ("DELETE", f"{AGENTS}/*"),
        },
        ignorable="conversation_config.agent.prompt.prompt",
        keeps=frozenset({"knowledge_folder", "knowledge_document", "rag_index", "post_call"}),
    ),
    "phone_number": Row(
        {"list": ("GET", NUMBERS), "update": ("PATCH", f"{NUMBERS}/*")},
        ignorable="agent_id",
        never={
            "look": "the list has it all",
            "read": "the answer of the PATCH has it all",
            "create": "import-number's",
            "delete": "release-number's",
        },
    ),
    "post_call": Row(
        {
            "list": ("store", "assistants"),
            "create": ("store", "save_assistant"),
            "update": ("store", "save_assistant"),
            "delete": ("store", "remove_assistant"),
        },
        never={"look": "the same function as the list", "read": "the same", "key ignored": "the store keeps all"},
    ),
}
# JSON, and an answer of that path by its looks, but without an id, a name or a list.
SAYS_NOTHING: Mapping[str, Mapping[str, Any]] = {
    "nothing said, applied": {"status": 200, "body": {}, "apply": True},
    "empty entry": {"status": 200, "body": {"agents": [{}], "documents": [{}, {"type": "folder"}], "tests": [{}]}},
    "empty entry of a bare list": {"status": 200, "body": [{}]},
}
FAULTS = {**AT_PLATFORM, **SAYS_NOTHING}
PLATFORM_FAULTS = (
    "429 once, Retry-After", "429 for ever", "500 for ever", "503 for ever, applied", "hang for ever", "reset for ever",
    "reset for ever, applied", "404", "422", "garbage, applied",
    *SAYS_NOTHING, "key ignored",
)  # fmt: skip
ROWS = [(kind, verb) for kind, row in TABLE.items() for verb in VERBS if verb in row.requests]


def test_every_kind_has_its_row_and_every_verb_a_request_or_a_reason() -> None:
    assert {kind.name for kind in KINDS} == set(TABLE), "a kind without a row is a kind without a promise"
    for kind in KINDS:
        row = TABLE[kind.name]
        verbs = {verb for verb in VERBS if verb != "users" or issubclass(kind, Shared)}
        assert {*row.requests, *row.never} - {"key ignored"} == verbs, kind.name
        assert bool(row.ignorable) != ("key ignored" in row.never), kind.name


# Edits that the client does not repeat: these faults come once, or are carried out.
SENT_ONCE = {
    "agent": ("503 for ever, applied", "reset for ever, applied"),
    "phone_number": ("503 for ever, applied", "reset for ever, applied"),
    "knowledge_document": ("503 for ever, applied", "reset for ever, applied"),
    "agent_test": ("503 for ever, applied", "reset for ever, applied"),
    "rag_index": (
        "500 for ever",
        "503 for ever, applied",
        "hang for ever",
        "reset for ever",
        "reset for ever, applied",
    ),
}

# Without the name that it was given, one has another; somebody may have given it, so it is left to a person.
RENAMED = ("knowledge_document",)


def expected(kind: str, method: str, verb: str, fault: str) -> int:
    """The exit code. What a second attempt gets is no failure; what a create did not take is written after it."""
    if method == "store":
        return 1
    if fault == "429 once, Retry-After":
        return 0
    if fault == "key ignored" and verb == "create":
        return 3 if kind in RENAMED else 0
    if fault == "key ignored":
        return 1
    if fault == "404":
        # Gone there is held back until somebody says that ours counts; gone is what a delete wants, and nobody uses it.
        return {"look": 3, "users": 0, "delete": 0}.get(verb, 1)
    if kind in SENT_ONCE and verb == "update" and fault in SENT_ONCE[kind]:
        return 0  # It is looked for, and where it did not arrive, it is sent again.
    if kind == "rag_index" and method == "POST" and fault == "nothing said, applied":
        return 0  # It is asked for how far it is, as after any other answer.
    # No answer to a delete is read.
    return 0 if (verb, fault) in (("delete", "garbage, applied"), ("delete", "nothing said, applied")) else 1


def order(bench: Bench, kind: str, verb: str, fault: str) -> None:
    """Let the fault come of the verb's first request."""
    method, path, *more = TABLE[kind].requests[verb]
    if method == "store":
        bench.store.orders[path] = fault
        return
    order: dict[str, Any] = {"method": method, "path": path.format(**bench.ids()), **FAULTS[fault]}
    for part in more:
        order |= part
    if method == "POST" and order.get("status") != 429:
        order["times"] = 1
    if "ignore" in order:
        order["ignore"] = TABLE[kind].ignorable
    bench.platform.world.faults.add(order)


@pytest.mark.parametrize(("kind", "verb"), ROWS)
def test_a_fault(bench: Bench, kind: str, verb: str) -> None:
    method = TABLE[kind].requests[verb][0]
    command, wrongs = bench.begin(verb), []
    for fault in STORE_FAULTS if method == "store" else PLATFORM_FAULTS:
        if fault == "key ignored" and (verb not in ("create", "update") or fault in TABLE[kind].never):
            continue
        if "empty entry" in fault and (verb not in LISTS or ("bare" in fault) != (kind in BARE)):
            continue
        if method == "GET" and fault in ("503 for ever, applied", "reset for ever, applied"):
            continue  # A read applies nothing: it is the failure that was tried, and no 5xx is told from another.
        bench.again()
        order(bench, kind, verb, fault)
        wrongs += [f"{fault}: {wrong}" for wrong in tried(bench, kind, verb, fault, command)]
    assert not wrongs, "\n".join(wrongs)


def tried(bench: Bench, kind: str, verb: str, fault: str, command: tuple[str, ...]) -> Iterator[str]:
    """Run into the fault, and once more without it; what is not as it should be."""
    method, path, *_ = TABLE[kind].requests[verb]
    code, told = bench(*command)
    if bench.store.orders or [one["hits"] for one in bench.platform.world.faults.as_json()] == [0]:
        yield "it was not met"
    if (verb, fault) == ("delete", "404"):
        yield from converged(bench, command)  # The platform says "gone" of what is there: the next run finds it out.
        return
    if code != expected(kind, method, verb, fault):
        yield f"exit code {code}\n{told}"
    if code and verb == "list":
        if method != "store" and f"{method} {path}" not in told:
            yield f"the request is not named\n{told}"
    elif code and f"{'held back' if code == 3 else 'failed'}: {kind} " not in told:
        yield f"the resource is not named\n{told}"
    if code == 1 and not any(line.startswith("  ") and line[2:3].isupper() for line in told.splitlines()):
        yield f"no remedy\n{told}"
    failed = {line.split()[1] for line in told.splitlines() if line.startswith("failed:")}
    late = failed | (TABLE[kind].keeps if verb in ("users", "delete") else set())
    done = frozenset(TABLE) - late if code == 1 and verb != "list" else frozenset()
    if fault == "key ignored" and code == 3:
        command = (*command, "--take-ours")
    yield from converged(bench, command, done)


def converged(bench: Bench, command: tuple[str, ...], done: frozenset[str] = frozenset()) -> Iterator[str]:
    """Once more without the fault: it works, all is there once, and what was `done` before has nothing left to do."""
    bench.platform.world.faults.clear()
    again, told = bench(*command)
    if again:
        yield f"the run after it ends with {again}\n{told}"
    late = {line.split()[1] for line in told.splitlines() if line.startswith(("  + ", "  ~ ", "  - "))} & done
    if late:
        yield f"others were not done: {', '.join(late)}\n{told}"
    yield from bench.doubled()
