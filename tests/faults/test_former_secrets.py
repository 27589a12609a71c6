"""A secret that was one once, or that somebody set in the dashboard, is not shown beside its own ***."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.telephony import Bench
from tests.telephony import bench as bench

OLD, NEW, THEIRS = "ALTERSCHLUESSEL77", "NEUERSCHLUESSEL88", "fremdes-geheimnis-99"
LLM = """
[elevenlabs.conversation_config.agent.prompt.custom_llm]
url = "https://llm.example.org/v1"
request_headers = { X-Key = "das-eigene-geheimnis" }
"""


def declared(bench: Bench, secret: str, version: int) -> None:
    (bench.root / "agentctl.toml").write_text(f'project = "beispiel"\n[vars]\ntarif_api_key = "{secret}"\n')
    prompt = f"Tarife, Fassung {version}, gibt es mit [[tarif_api_key]] im Netz."
    (bench.toml.parent / "prompt.md").write_text(prompt)


def edits(bench: Bench, agent: dict[str, object]) -> None:
    path = f"/v1/convai/agents/{bench.agent()['agent_id']}"
    body = {"conversation_config": {"agent": agent}}
    headers = {"xi-api-key": bench.sandbox.key}
    httpx.patch(bench.sandbox.url + path, json=body, headers=headers, trust_env=False).raise_for_status()


@pytest.mark.parametrize(
    "arguments", [("plan",), ("plan", "--json"), ("sync", "--yes", "--report", "r.json"), ("sync", "--yes", "--json")]
)
def test_a_rotated_secret_is_shown_on_neither_side(bench: Bench, arguments: tuple[str, ...]) -> None:
    declared(bench, OLD, 1)
    assert bench("sync", "--yes")[0] == 0
    declared(bench, NEW, 2)
    report = bench.root / "r.json"
    code, out, err = bench(*(str(report) if one == report.name else one for one in arguments))
    text = out + err + (report.read_text() if report.exists() else "")
    assert (code, OLD in text, NEW in text) == (0, False, False)
    assert "gibt es mit *** im Netz" in text


def test_a_rollback_shows_neither_the_secret_it_leaves_nor_the_one_it_returns_to(bench: Bench) -> None:
    for version, secret in enumerate((OLD, NEW)):
        declared(bench, secret, version)
        assert bench("sync", "--yes")[0] == 0
    code, out, err = bench("rollback", "empfang", "--yes")
    assert (code, OLD in out + err, NEW in out + err) == (0, False, False)


def test_what_was_put_there_as_a_secret_is_one_in_every_text(bench: Bench) -> None:
    bench.toml.write_text(f'{bench.toml.read_text()}first_message = "Hallo!"\n{LLM}')
    assert bench("sync", "--yes")[0] == 0
    llm = {"url": "https://llm.example.org/v1", "request_headers": {"X-Key": THEIRS}}
    edits(bench, {"first_message": f"Hallo {THEIRS}!", "prompt": {"custom_llm": llm, "prompt": f"Nutze {THEIRS}."}})
    for arguments in (
        ("plan",),
        ("plan", "--json"),
        ("status",),
        ("pull", "empfang"),
        ("pull", "empfang", "--json", "--yes"),
    ):
        _, out, err = bench(*arguments)
        assert "Hallo" in out or arguments == ("status",)
        assert THEIRS not in out + err, arguments


def test_no_folder_is_called_after_a_secret(bench: Bench) -> None:
    declared(bench, "f00dfeedcafe0001", 1)
    body = {"name": "Neu f00dfeedcafe0001", "conversation_config": {"agent": {"prompt": {"prompt": "Hilf."}}}}
    bench.control(lambda control: control.api.post("/v1/convai/agents/create", json=body))
    code, out, err = bench("pull", "--all", "--json", "--yes")
    assert ([one["assistant"] for one in json.loads(out)["adopted"]], code) == (["neu"], 0), err
    assert "f00dfeed" not in out + err
    assert (bench.root / "assistants" / "neu").is_dir()


def test_a_pull_shows_the_former_secret_in_no_line_of_a_file(bench: Bench) -> None:
    prompt = bench.toml.parent / "prompt.md"
    (bench.root / "agentctl.toml").write_text(f'project = "beispiel"\n[vars]\ntarif_api_key = "{NEW}"\n')
    prompt.write_text(f"Hilf.\nNutze {NEW} dazu.\nDanke.\n")
    assert bench("sync", "--yes")[0] == 0
    edits(bench, {"prompt": {"prompt": f"Hilf.\nNutze {OLD} dazu.\nBitte."}})
    _, out, err = bench("pull", "empfang")
    assert OLD not in out + err
    assert NEW not in out + err
    assert "-Nutze *** dazu." in out
    assert "+Bitte." in out
    _, out, _ = bench("pull", "empfang", "--json", "--yes")
    assert OLD not in out
    assert json.loads(out)["taken"]


@pytest.mark.parametrize("secret", [OLD, "open sesame & more", "Sommer-2026!"])
def test_a_secret_that_leaves_the_variables_and_the_text_at_once_is_not_shown(bench: Bench, secret: str) -> None:
    declared(bench, secret, 1)
    assert bench("sync", "--yes")[0] == 0
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n')
    prompt = bench.root / "assistants" / "empfang" / "prompt.md"
    prompt.write_text("Ganz anders, und ohne Tarife.\n")
    for arguments in (("plan",), ("plan", "--json"), ("status",), ("sync", "--yes")):
        _, out, err = bench(*arguments)
        assert not any(word in out + err for word in (secret, *secret.split()) if len(word) > 5)
    assert bench("plan")[0] == 0


def test_a_secret_that_moved_into_the_variables_without_a_change_is_known_too(bench: Bench) -> None:
    prompt = bench.root / "assistants" / "empfang" / "prompt.md"
    prompt.write_text(f"Tarife mit {OLD} abfragen.\n")
    assert bench("sync", "--yes")[0] == 0
    (bench.root / "agentctl.toml").write_text(f'project = "beispiel"\n[vars]\ntarif_api_key = "{OLD}"\n')
    prompt.write_text("Tarife mit [[ tarif_api_key ]] abfragen.\n")
    assert bench("sync", "--yes")[0] == 0
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n')
    prompt.write_text("Ganz anders.\n")
    assert OLD not in bench("plan")[1]


def test_a_rollback_to_words_with_a_rotated_secret_does_not_show_it(bench: Bench) -> None:
    declared(bench, OLD, 1)
    assert bench("sync", "--yes")[0] == 0
    declared(bench, NEW, 2)
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Ganz anders, und ohne Tarife.\n")
    assert bench("sync", "--yes")[0] == 0
    code, out, err = bench("rollback", "empfang", "--yes")
    assert code == 0
    assert OLD not in out + err
    assert OLD in bench.agent()["conversation_config"]["agent"]["prompt"]["prompt"], "the words are as they were"
