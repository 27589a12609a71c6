"""A folder that was renamed by hand, its name with it: known again by what else was last applied."""

from __future__ import annotations

import httpx
import pytest

from agentctl.sync.kind import Ref
from agentctl.wiring import Control
from tests.agentctl.verbs.test_rename import by_hand, ids, in_sync, known
from tests.telephony import Bench, bench

__all__ = ["bench", "known"]

VOICE = 'first_message = "Guten Tag, hier antwortet eine KI."\n[voice]\nid = "21m00Tcm4TlvDq8ikWAM"\n'


def renamed(known: Bench, *edited: str) -> None:
    """Folder and name are others now, and what is named besides."""
    by_hand(known)
    folder = known.root / "assistants" / "zentrale"
    toml = folder / "assistant.toml"
    toml.write_text(toml.read_text().replace('name = "Empfang"', 'name = "Zentrale"'))
    for file in edited:
        with (folder / file).open("a") as text:
            text.write("\nSiehe auch unten.\n")


@pytest.mark.parametrize(
    ("extra", "edited", "had"),
    [
        ("", (), "prompt"),
        (VOICE, ("prompt.md", "knowledge/preise.md"), "first message and voice"),
        ("", ("prompt.md",), "knowledge document"),
    ],
)
def test_whoever_is_called_otherwise_too_is_known_again(
    known: Bench, extra: str, edited: tuple[str, ...], had: str
) -> None:
    number = known.toml.read_text().partition("[phone]")
    known.toml.write_text("".join((number[0], extra, *number[1:])))
    assert known("sync", "--yes")[0] == 0
    before = ids(known)
    renamed(known, *edited)
    with known.writes() as writes:
        code, out, err = known("sync", "--yes", "--prune", "--force")
    assert (code, writes) == (3, []), out + err
    assert f"the agent and numbers of empfang, which had its {had}: agentctl rename empfang zentrale" in out + err
    assert known("rename", "empfang", "zentrale", "--yes")[0] == 0
    assert known("sync", "--yes")[0] == 0
    assert ids(known)[0] == before[0]
    assert known.agent("zentrale")["agent_id"] in before[0]
    in_sync(known)


def test_the_other_remedy_makes_a_second_agent_and_overwrites_nothing_else(known: Bench) -> None:
    known.declare("zweite", 'first_message = "Hallo."\n')
    assert known("sync", "--yes")[0] == 0
    renamed(known, "prompt.md")
    url, key = f"{known.sandbox.url}/v1/convai/agents/{known.agent('zweite')['agent_id']}", known.sandbox.key
    body = {"conversation_config": {"agent": {"first_message": "Von Hand."}}}
    httpx.patch(url, json=body, headers={"xi-api-key": key}).raise_for_status()
    _, out, _ = known("sync", "--yes")
    command = out.partition("for a second agent: agentctl ")[2].splitlines()[0]
    assert command == "sync --only zentrale --take-ours"
    assert known(*command.split(), "--yes")[0] == 0
    assert {one["name"] for one in known.sandbox.state()["agents"].values()} == {"Empfang", "Zentrale", "Zweite"}
    assert known.agent("zweite")["conversation_config"]["agent"]["first_message"] == "Von Hand."


def test_what_one_that_stays_has_too_proves_nothing(known: Bench) -> None:
    known.declare("zweite", VOICE)
    for folder in ("zweite", "empfang"):
        (known.root / "assistants" / folder / "knowledge").mkdir(exist_ok=True)
        (known.root / "assistants" / folder / "knowledge" / "agb.md").write_text("Unsere Bedingungen.\n")
    assert known("sync", "--yes")[0] == 0
    (known.root / "assistants" / "empfang").rename(known.root / "before")
    known.declare("dritte", VOICE)
    (known.root / "assistants" / "dritte" / "knowledge").mkdir()
    (known.root / "assistants" / "dritte" / "knowledge" / "agb.md").write_text("Unsere Bedingungen.\n")
    code, out, err = known("sync", "--yes")
    assert (code, "agent dritte: created" in err) == (0, True), out + err


def test_by_its_documents_where_nothing_is_remembered(known: Bench) -> None:
    before = ids(known)

    async def forget(control: Control) -> None:
        bindings = await control.bindings()
        for ref in (Ref("agent", "empfang"), Ref("knowledge_document", "empfang/preise")):
            await bindings.unbind(ref)

    known.control(forget)
    renamed(known)
    code, out, err = known("sync", "--yes")
    assert (code, ids(known)[0]) == (3, before[0]), out + err
    assert "which had its knowledge document: agentctl rename empfang zentrale" in out + err
