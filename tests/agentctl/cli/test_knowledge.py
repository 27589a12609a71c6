"""`agentctl knowledge`: what is there, and pages that are fetched again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agentctl.sandbox.harness import running_thread
from tests.telephony import Bench

MODEL = "e5_mistral_7b_instruct"
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


def test_credentials_in_an_address_are_shown_to_nobody(bench: Bench) -> None:
    url = "https://user:geheim@www.example.org/preise?lang=de&token=tok123&api_key=k9k9k9k9&sig=s7s7s7s7"
    toml = bench.root / "assistants/empfang/assistant.toml"
    toml.write_text(PAGES.replace("https://www.example.org/preise", url))
    assert bench("sync", "--yes")[0] == 0
    shown = "https://user:***@www.example.org/preise?lang=de&token=***&api_key=***&sig=***"
    assert bench("knowledge", "refresh")[1] == f"empfang/preise: fetched {shown}\n"
    assert bench.json("knowledge", "refresh")[0]["url"] == shown
    refusal = {"detail": {"status": "unreachable_url", "message": f"{url} answered 404."}}
    bench.sandbox.fault(method="POST", path="*/refresh", status=400, body=refusal, times=2)
    for arguments in ((), ("--json",)):
        _, out, err = bench("knowledge", "refresh", *arguments)
        assert "answered 404" in out
        assert not any(secret in out + err for secret in ("geheim", "tok123", "k9k9k9k9", "s7s7s7s7"))


def test_to_fetch_again_is_repeated_since_twice_does_what_once_does(bench: Bench) -> None:
    bench("sync", "--yes")
    bench.sandbox.fault(method="POST", path="*/refresh", status=503)
    assert bench("knowledge", "refresh")[0] == 0
    assert refreshed(bench) == 2


def test_a_page_that_was_fetched_again_is_indexed_again(bench: Bench) -> None:
    long = PAGES.replace('preise"', f'preise/{"x" * 500}"')  # the sandbox says no more of a page than its address
    (bench.root / "assistants/empfang/assistant.toml").write_text(long)
    assert bench("sync", "--yes")[0] == 0
    before = indexes(bench)
    assert before["url"] == {MODEL: "succeeded"}
    code, _, err = bench("knowledge", "refresh")
    assert code == 0
    assert f"  rag_index empfang/preise@{MODEL}: created 0 %" in err.splitlines()
    assert indexes(bench) == before
    assert bench.json("plan")["changes"] == []
    with bench.writes() as writes:
        assert bench("sync", "--yes")[0] == 0
    assert writes == []


def test_a_page_that_cannot_be_indexed_again_is_exit_1_and_the_next_sync_asks_for_it(bench: Bench) -> None:
    bench("sync", "--yes")
    bad = {"id": "i1", "model": MODEL, "status": "rag_limit_exceeded", "progress_percentage": 0,
           "document_model_index_usage": {"used_bytes": 0}}  # fmt: skip
    bench.sandbox.fault(method="POST", path="/v1/convai/knowledge-base/*/rag-index", status=200, body=bad, times=1)
    code, out, _ = bench("knowledge", "refresh")
    assert code == 1
    assert "failed: empfang/preise: " in out
    assert "rag_limit_exceeded" in out
    (change,) = bench.json("plan")["changes"]
    assert (change["kind"], change["action"]) == ("rag_index", "update")
    assert bench("sync", "--yes")[0] == 0
    assert bench.json("plan")["changes"] == []


DOCUMENTS = "/v1/convai/knowledge-base"
INDEX = {"id": "i1", "model": MODEL, "status": "succeeded", "progress_percentage": 100.0,
         "document_model_index_usage": {"used_bytes": 0}}  # fmt: skip


@pytest.mark.parametrize("lacks", ["id", "status"])
def test_an_index_of_which_the_answer_does_not_say_enough_is_named(bench: Bench, lacks: str) -> None:
    bad = {name: value for name, value in INDEX.items() if name != lacks}
    bench.sandbox.fault(method="POST", path=f"{DOCUMENTS}/*/rag-index", status=200, body=bad, times=9)
    code, out, _ = bench("sync", "--yes")
    assert code == 1
    assert f"failed: rag_index empfang/anfahrt@{MODEL}: POST" in out
    assert f"the answer has no {lacks}" in out
    bench.sandbox.clear_faults()
    assert bench("sync", "--yes")[0] == 0
    # Asked for many at once, and of each document alone.
    many = {row: {"status": "success", "data": bad} for row in bench.sandbox.state()["documents"]}
    for name in (lacks, "indexes"):
        bench.sandbox.fault(method="POST", path=f"{DOCUMENTS}/rag-index", status=200, body=many, times=9)
        alone = {"indexes": [bad]} if name == lacks else {}
        bench.sandbox.fault(method="GET", path=f"{DOCUMENTS}/*/rag-index", status=200, body=alone, times=9)
        code, out, _ = bench("plan")
        assert code == 1
        assert f"failed: rag_index empfang/anfahrt@{MODEL}: GET" in out
        assert "the answer has no " in out
        assert name in out
        code, _, err = bench("knowledge", "list")
        assert (code, "the answer has no " in err, name in err) == (1, True, True)
        bench.sandbox.clear_faults()


@pytest.mark.parametrize("lacks", ["id", "name", "user"])
def test_a_document_of_which_the_list_does_not_say_enough_is_named(bench: Bench, lacks: str) -> None:
    entry = {"id": "d1", "name": "agentctl/beispiel/production/empfang/preise@x", "type": "url"}
    entry |= {"dependent_agents": [{"type": "unknown"} if lacks == "user" else {"type": "unknown", "id": "a"}]}
    entry.pop(lacks, None)
    body = {"documents": [entry], "has_more": False}
    bench.sandbox.fault(method="GET", path=DOCUMENTS, status=200, body=body)
    code, out, err = bench("knowledge", "list")
    assert (code, out) == (1, "")
    assert f"the answer has no {'name' if lacks == 'name' else 'id'}" in err
    assert ("knowledge_document empfang/preise" in err) == (lacks != "name")


def indexes(bench: Bench) -> dict[str, dict[str, str]]:
    """By the document's type: its indexes' states at the platform."""
    rows = bench.sandbox.state()["documents"].values()
    return {row["type"]: {model: one["status"] for model, one in row["rag"].items()} for row in rows}


def test_the_list_tells_size_index_and_users(bench: Bench) -> None:
    assert bench("knowledge", "list")[1] == "No documents.\n"
    toml = bench.root / "assistants" / "empfang" / "assistant.toml"
    extra = f'[[knowledge]]\nname = "Handbuch"\ntext = "{"Ein Satz. " * 100}"\n'
    toml.write_text(PAGES + extra)
    bench("sync", "--yes")
    lines = bench("knowledge", "list")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["empfang/anfahrt", "empfang/handbuch", "empfang/preise"]
    assert all("used by Empfang; " in line for line in lines)
    assert [line.rpartition("; ")[2] for line in lines] == [
        f"too short for an index by {MODEL}",
        f"indexed by {MODEL}",
        f"too short for an index by {MODEL}",
    ]
    first, manual, _ = bench.json("knowledge", "list")
    assert (first["size"], first["declared"], first["used_by"]) == (len("Fünf Minuten.".encode()), True, ["Empfang"])
    assert (first["models"], first["indexes"]) == ([], {MODEL: "document_too_small"})
    assert manual["models"] == [MODEL]
    base = f"{bench.sandbox.url}/v1/convai/knowledge-base/{manual['document_id']}/rag-index"
    key = {"xi-api-key": bench.sandbox.key}
    (index,) = httpx.get(base, headers=key).json()["indexes"]
    assert httpx.delete(f"{base}/{index['id']}", headers=key).status_code == 200
    assert f"not indexed by {MODEL}" in bench("knowledge", "list")[1].splitlines()[1]
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
