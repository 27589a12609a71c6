"""`agentctl knowledge`: what is there, and pages that are fetched again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agentctl.sandbox.harness import running_thread
from tests.telephony import Bench

PAGES = """
name = "Empfang"
[rag]
enabled = true
[[knowledge]]
name = "Preise"
url = "https://www.example.org/preise"
[[knowledge]]
name = "Anfahrt"
text = "Fünf Minuten."
"""


@pytest.fixture
def bench(
    tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Bench]:
    folder = tmp_path / "assistants" / "empfang"
    folder.mkdir(parents=True)
    (tmp_path / "agentctl.toml").write_text('project = "beispiel"\n')
    (folder / "assistant.toml").write_text(PAGES)
    (folder / "prompt.md").write_text("Hilf.")
    with running_thread() as sandbox:
        settings = {"ELEVENLABS_BASE_URL": sandbox.url, "ELEVENLABS_API_KEY": sandbox.key, "DATABASE_URL": dsn}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield Bench(tmp_path, sandbox, capsys)


def refreshed(bench: Bench) -> int:
    return sum(entry["path"].endswith("/refresh") for entry in bench.sandbox.log())


def test_pages_are_fetched_again_and_nothing_else(bench: Bench) -> None:
    code, _, err = bench("knowledge", "refresh")
    assert (code, "not at ElevenLabs yet: empfang/preise" in err) == (2, True)
    assert bench("sync", "--yes")[0] == 0
    code, out, _ = bench("knowledge", "refresh")
    assert (code, out) == (0, "empfang/preise: fetched https://www.example.org/preise\n")
    assert refreshed(bench) == 1
    assert bench("knowledge", "refresh", "empfang/*")[0] == 0
    assert bench.json("plan")["changes"] == []


@pytest.mark.parametrize(
    ("key", "says"),
    [("empfang/anfahrt", "is no page"), ("empfang/preis", "Did you mean empfang/preise?"), ("x/*", "no page matches")],
)
def test_what_is_no_page_is_refused(bench: Bench, key: str, says: str) -> None:
    code, _, err = bench("knowledge", "refresh", key)
    assert (code, says in err) == (2, True)


def test_a_page_that_cannot_be_fetched_is_exit_1_with_the_reason(bench: Bench) -> None:
    bench("sync", "--yes")
    refusal = {"detail": {"status": "unreachable_url", "message": "The page answered 404."}}
    bench.sandbox.fault(method="POST", path="*/refresh", status=400, body=refusal)
    code, out, _ = bench("knowledge", "refresh")
    assert code == 1
    assert "failed: empfang/preise:" in out
    assert "The page answered 404." in out


def test_the_list_tells_size_index_and_users(bench: Bench) -> None:
    assert bench("knowledge", "list")[1] == "No documents.\n"
    bench("sync", "--yes")
    lines = bench("knowledge", "list")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["empfang/anfahrt", "empfang/preise"]
    assert all("used by Empfang; indexed by e5_mistral_7b_instruct" in line for line in lines)
    first = bench.json("knowledge", "list")[0]
    assert (first["size"], first["declared"], first["used_by"]) == (len("Fünf Minuten.".encode()), True, ["Empfang"])
    toml = bench.root / "assistants" / "empfang" / "assistant.toml"
    toml.write_text('name = "Empfang"\n')
    assert all("not declared here" in line for line in bench("knowledge", "list")[1].splitlines())


def test_a_sync_tells_of_indexes_on_the_way_and_of_who_keeps_an_old_document(bench: Bench) -> None:
    toml = bench.root / "assistants" / "empfang" / "assistant.toml"
    toml.write_text(PAGES.replace("Fünf Minuten.", "Ein Satz. " * 100))
    code, _, err = bench("sync", "--yes")
    assert code == 0
    assert "  rag_index empfang/anfahrt@e5_mistral_7b_instruct: created 0 %" in err.splitlines()
    (document,) = [i for i, row in bench.sandbox.state()["documents"].items() if row["type"] == "text"]
    entry = {"type": "text", "name": "borrowed", "id": document}
    body = {"name": "Fremd", "conversation_config": {"agent": {"prompt": {"knowledge_base": [entry]}}}}
    made = httpx.post(
        f"{bench.sandbox.url}/v1/convai/agents/create", json=body, headers={"xi-api-key": bench.sandbox.key}
    ).json()
    toml.write_text(PAGES.replace("Fünf Minuten.", "Ein anderer Satz. " * 100))
    code, out, _ = bench("sync", "--yes")
    assert code == 0
    assert f"also used by agent Fremd ({made['agent_id']}): the old one stays there" in out
    assert f"note: knowledge_document {document} is still used by agent Fremd ({made['agent_id']}), so it stays" in out
