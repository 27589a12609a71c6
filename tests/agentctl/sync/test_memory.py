"""agentctl.sync.memory: what one run keeps is what the next one reads, and no secret of it is in the clear."""

from __future__ import annotations

import json

import pytest

from agentctl.secrecy.secret import is_seal
from agentctl.sync.interrupted import Said
from agentctl.sync.memory import Memory

FIELDS = {"name": "Desk", "tags": ["a"], "owner": "doc_1"}


@pytest.mark.parametrize(
    "memory",
    [
        Memory(),
        Memory(FIELDS),
        Memory(FIELDS, touched=7, written=7),
        Memory(
            FIELDS,
            touched=9,
            written=7,
            former={"one": "", "two": "abc"},
            unjudged=True,
            said=Said({"name": "Lobby"}, {"name": "Desk"}),
        ),
        Memory(said=Said({})),
    ],
)
def test_what_is_kept_is_read_again(memory: Memory) -> None:
    assert Memory.read(json.loads(json.dumps(memory.kept()))) == memory


def test_nothing_but_fields_is_kept_of_what_has_no_more() -> None:
    assert Memory(FIELDS).kept() == FIELDS


def test_secrets_are_sealed_wherever_they_are_kept_and_whoever_kept_them() -> None:
    secret = {"request_headers": {"X-Key": "sk-canary"}}
    for memory in (Memory(secret, said=Said(secret, secret)), Memory.read(secret)):
        assert "sk-canary" not in json.dumps(memory.kept())
    assert is_seal(Memory.read(secret).applied["request_headers"]["X-Key"])


def test_what_names_an_id_that_is_no_more_names_nothing() -> None:
    memory = Memory(FIELDS, touched=7, written=7, said=Said({"owner": "doc_1"}))
    left = memory.detached({"doc_1"})
    assert (left.applied["owner"], left.said, left.touched) == (None, Said({"owner": None}), 7)
    assert memory.detached(()) is memory
